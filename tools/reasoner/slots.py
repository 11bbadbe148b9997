"""Facts of a sale said in words: codes and numbers, each with the place where it is said.

A fact that is denied, imagined, or what others said is none. Of a fact that can have one value only the last said
counts ("45 seats, sorry, 60 seats"); of needs, products and objections there may be several.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from domain.intent import SEVERAL
from tools.reasoner.money import budgets_in
from tools.reasoner.numbers import numbers_of
from tools.reasoner.passage import GONE, Passage
from tools.reasoner.phrases import Match, Negation
from tools.reasoner.seats import seats_in
from tools.reasoner.slot_words import Found, SlotWords
from tools.reasoner.when import When, spoken_for, times_of

MOST: Final = 24
"""Facts taken from one text, the last said."""
_UNTIL: Final = frozenset({"before", "until", "till", "than", "bis", "vor"})
_VENDOR_REACH: Final = 5
_HOLDS: Final = frozenset(
    {
        "customer",
        "customers",
        "today",
        "currently",
        "licence",
        "license",
        "contract",
        "subscription",
        "account",
    }
)
"""Words behind a vendor's name that make it the present one."""


class Fact(NamedTuple):
    """A slot said at ``tokens[start:end]`` of a passage."""

    name: str
    value: str
    start: int
    end: int


def read_slots(
    passage: Passage, words: SlotWords, negation: Negation, at: date
) -> tuple[tuple[Fact, ...], list[When]]:
    """The facts in `passage`, written on the day `at`, by name and place; and all times to come, in order."""
    times = times_of(passage, at)
    used = set(spoken_for(times))
    numbers = numbers_of(passage, used)
    seats = seats_in(passage, numbers, words.seats, negation)
    taken = {one.start for _, one in seats}
    money = budgets_in(passage, [one for one in numbers if one.start not in taken], words, negation)
    facts = [
        *(Fact("seats", value, one.start, one.end) for value, one in seats),
        *(Fact("budget", value, start, end) for value, start, end in money),
        *(Fact("timeline", one.value, one.start, one.end) for one in times if _meant(passage, one, negation)),
        *(
            one
            for one in _phrased(passage, words.slots.matches(passage.tokens), negation)
            if one.name != "seats" or not seats
        ),
        *_vendors(passage, words, negation),
    ]
    return kept(facts), times


def kept(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The last value of each slot, all values of `SEVERAL`, at most `MOST`; sorted by name, then by place."""
    last: dict[tuple[str, str], Fact] = {}
    for fact in sorted(facts, key=lambda one: (one.start, one.end)):
        last[fact.name, fact.value if fact.name in SEVERAL else ""] = fact
    newest = sorted(last.values(), key=lambda one: one.start)[-MOST:]
    return tuple(sorted(newest, key=lambda one: (one.name, one.start)))


def _meant(passage: Passage, one: When, negation: Negation) -> bool:
    """Not denied; "not before March" is March."""
    match = Match(one.value, one.start, one.end)
    return bool(
        _UNTIL.intersection(passage.tokens[max(0, one.start - 1) : one.start])
    ) or not negation.denies(passage.tokens, match)


def _phrased(passage: Passage, matches: Sequence[Match[Found]], negation: Negation) -> Iterator[Fact]:
    """Codes of phrases; of two of a slot that overlap the longer, so that "not my decision" is not "my decision"."""
    widest: list[Match[Found]] = []
    for match in sorted(matches, key=lambda one: (one.start, -one.end)):
        over = [one for one in widest[-3:] if one.end > match.start and one.means[0] == match.means[0]]
        if over and over[-1].means != match.means:
            continue
        widest.append(match)
    for match in widest:
        if not negation.denies(passage.tokens, match):
            yield Fact(*match.means, match.start, match.end)


def _vendors(passage: Passage, words: SlotWords, negation: Negation) -> Iterator[Fact]:
    """Whom the customer has now: a name beside a word of using or leaving, none beside one of connecting."""
    tokens = passage.tokens
    for match in words.names.matches(tokens):
        near = _behind(tokens, match.start, _VENDOR_REACH)
        after = set(tokens[match.end : match.end + 2])
        used = words.vendors["uses"].intersection(near) or after & _HOLDS
        if used and not words.vendors["but"].intersection(near) and not negation.denies(tokens, match):
            yield Fact(*match.means, match.start, match.end)
    known = {match.start for match in words.names.matches(tokens)}
    for leaving in words.leaving.matches(tokens):
        name = tokens[leaving.end] if leaving.end < len(tokens) else GONE
        plain = name.isalpha() and len(name) > 2 and name not in words.vendors["nameless"]
        if plain and leaving.end not in known and not negation.denies(tokens, leaving):
            yield Fact("vendor", "other", leaving.end, leaving.end + 1)


def _behind(tokens: Sequence[str], at: int, reach: int) -> list[str]:
    """Up to `reach` words before `at` in the same sentence part."""
    near: list[str] = []
    for place in range(at - 1, max(-1, at - 1 - reach), -1):
        if tokens[place] in (".", "!", "?", ";", GONE):
            break
        near.append(tokens[place])
    return near
