"""How many: a number beside its unit, as a number, a range ``40-60``, or ``+50`` for that many more."""

from collections.abc import Sequence
from typing import Final

from tools.reasoner.numbers import Number, shown
from tools.reasoner.passage import Passage
from tools.reasoner.phrases import Match, Negation
from tools.reasoner.slot_words import Words
from tools.reasoner.when_words import UNITS
from tools.reasoner.words import MARKS

MOST: Final = 1_000_000
_GAP: Final = 3
"""Words that may stand between a number and its unit."""
_NUMBERED: Final = frozenset(
    {"order", "ticket", "invoice", "number", "no", "nr", "room", "case", "version", "error", "code", "page"}
)
_LIMITS: Final = frozenset(
    {("more", "than"), ("less", "than"), ("fewer", "than"), ("to", "exceed"), ("over", "than")}
)
_SELVES: Final = frozenset({"us", "uns"})
_BEING: Final = frozenset({"are", "only", "just"})
_TOGETHER: Final = frozenset({"altogether", "overall", "now", "here", "strong"})
_EMPLOYING: Final = frozenset({"employ", "employs", "employing"})
_ROUGH: Final = frozenset(
    {"about", "around", "roughly", "some", "nearly", "almost", "now", "currently", "at", "is", "to", "over"}
)
"""Between "headcount" or "the team has grown" and the number."""
_ODD: Final = frozenset({"or", "so", "odd", "ish", "something", "plus", "maybe"})
_WANTED: Final = frozenset({"required", "needed", "wanted", "count", "total"})
_PERSON: Final = frozenset({"person", "man", "people", "seat", "user", "strong", "head", "köpfiges"})


def seats_in(
    passage: Passage, numbers: Sequence[Number], words: Words, negation: Negation
) -> list[tuple[str, Number]]:
    """The numbers of seats, in order; a number of people counts only where no number of seats is said."""
    strong, weak = list[tuple[str, Number]](), list[tuple[str, Number]]()
    context = _contexts(passage, words)
    for one in numbers:
        if one.high > MOST * 1_000 or one.low % 1_000 or _denied(passage, one, negation):
            continue
        found = _unit(passage, one, words)
        if found is not None:
            more, people, end = found
            if not people or one.start in context:
                value = f"+{shown(one)}" if more else shown(one)
                (weak if people else strong).append((value, one._replace(end=end)))
        elif _group(passage, one, words):
            weak.append((shown(one), one))
        elif _listed(passage, one, words):
            strong.append((shown(one), one))
        elif _further(passage, one, words):
            strong.append((f"+{shown(one)}", one._replace(end=one.end + 1)))
    return _grown(passage, strong or weak)


def _grown(passage: Passage, found: Sequence[tuple[str, Number]]) -> list[tuple[str, Number]]:
    """Of "from 20 to 45 seats" where one goes: 45."""
    told = []
    for value, one in found:
        before = passage.tokens[one.start - 1] if one.start else ""
        grown = before in ("from", "von") and one.low != one.high
        told.append((shown(one._replace(low=one.high)) if grown else value, one))
    return told


def _contexts(passage: Passage, words: Words) -> set[int]:
    """The words of sentences in which people are those who would use it."""
    found = set[int]()
    for first, last in passage.sentences():
        if words["context"].intersection(passage.tokens[first:last]):
            found.update(range(first, last))
    return found


def _unit(passage: Passage, one: Number, words: Words) -> tuple[bool, bool, int] | None:
    """Whether it is that many more, whether the unit is people, and the place behind it; None without a unit."""
    tokens, more = passage.tokens, False
    if (one.start and tokens[one.start - 1] in _NUMBERED) or passage.text[
        passage.ends[one.end - 1] : passage.ends[one.end - 1] + 1
    ] == "%":
        return None
    for place in range(one.end, min(one.end + 1 + _GAP, len(tokens))):
        token = tokens[place]
        if token in words["units"] or token in words["people"]:
            behind = tokens[place + 1] if place + 1 < len(tokens) else ""
            strange = behind in words["not_before"] or (one.end == place and behind in words["groups"])
            return None if strange else (more, token in words["people"], place + 1)
        if token in words["more"]:
            more = True
        elif token not in words["fillers"]:
            swapped = tokens[place : place + 2] == ["instead", "of"]
            return _behind_swap(passage, place + 2, words) if swapped else None
    return None


def _behind_swap(passage: Passage, place: int, words: Words) -> tuple[bool, bool, int] | None:
    """In "60 instead of 50 seats" the unit stands behind the number that is given up."""
    following = passage.tokens[place : place + 3]
    return (False, False, place + len(following)) if words["units"].intersection(following) else None


def _group(passage: Passage, one: Number, words: Words) -> bool:
    """Such as "a team of forty", "30 of us", "a 12 person team", "headcount is 80"."""
    tokens, end = passage.tokens, one.end
    while tokens[end : end + 1] and tokens[end] in _ODD:
        end += 1
    before, behind = tokens[max(0, one.start - 2) : one.start], tokens[end : end + 2]
    if len(before) == 2 and before[0] in words["groups"] and before[1] in ("of", "is", "von"):
        return not behind or behind[0] not in UNITS
    if behind[:1] == ["of"] and behind[1:] and (behind[1] in _SELVES or _of_our(tokens, end, words)):
        return True
    closed = not behind or behind[0] in MARKS
    if closed and (
        _staff(tokens, one.start, words) or _EMPLOYING.intersection(tokens[max(0, one.start - 3) : one.start])
    ):
        return True
    if (closed or behind[0] in _TOGETHER or behind in (["in", "total"], ["in", "all"])) and _we_are(
        tokens, one.start
    ):
        return True
    return len(behind) == 2 and behind[0] in _PERSON and behind[1] in words["groups"]


def _we_are(tokens: Sequence[str], at: int) -> bool:
    """Such as "we are only 10", "we're nine", not "there were nine"."""
    near = tokens[max(0, at - 3) : at]
    if "we" in near:
        return bool(_BEING.intersection(tokens[max(0, at - 2) : at]))
    return "were" in near and not {"there", "they", "who", "which"}.intersection(tokens[max(0, at - 4) : at])


def _staff(tokens: Sequence[str], at: int, words: Words) -> bool:
    """Such as "headcount around 85", "the team has grown to 35"."""
    place = at - 1
    while place > max(-1, at - 5) and tokens[place] in _ROUGH:
        place -= 1
    grown = tokens[place] == "grown" and place + 1 < at and tokens[place + 1] == "to"
    return place >= 0 and (
        (place + 1 < at and tokens[place] in words["groups"]) or tokens[place] == "headcount" or grown
    )


def _listed(passage: Passage, one: Number, words: Words) -> bool:
    """Such as "Users: 60", "seats required 45"."""
    tokens, place = passage.tokens, one.start - 1
    if place < 0:
        return False
    if ":" in passage.between(place):
        return tokens[place] in words["units"] or (
            tokens[place] in _WANTED and tokens[max(0, place - 1)] in words["units"]
        )
    return place > 0 and tokens[place] in _WANTED and tokens[place - 1] in words["units"]


def _further(passage: Passage, one: Number, words: Words) -> bool:
    """Such as "could we have ten more?" where seats are spoken of."""
    tokens = passage.tokens
    behind = tokens[one.end : one.end + 2]
    closed = len(behind) == 1 or (
        len(behind) == 2 and (behind[1] in MARKS or behind[1] in ("please", "of", "then"))
    )
    return (
        bool(behind) and behind[0] in words["more"] and closed and bool(words["units"].intersection(tokens))
    )


def _of_our(tokens: Sequence[str], at: int, words: Words) -> bool:
    """Such as "35 of our drivers"."""
    return tokens[at + 1] in ("our", "my") and bool(words["people"].intersection(tokens[at + 2 : at + 4]))


def _denied(passage: Passage, one: Number, negation: Negation) -> bool:
    """Denied or given up: "not 50", "instead of 50"; "not more than 50" is no denial."""
    before = tuple(passage.tokens[max(0, one.start - 2) : one.start])
    if before in _LIMITS:
        return False
    if before == ("instead", "of") or before[-1:] == ("not",):
        return True
    return negation.denies(passage.tokens, Match(one, one.start, one.end))
