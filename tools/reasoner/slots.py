"""Facts of a sale said in words: seats, budget, timeline, authority, vendor, need. Codes and numbers only.

Numbers need their unit beside them (``50 seats``), an amount of money needs a word for spending in its
sentence (``a budget of 20k EUR``), so that a complaint about a charge is no budget.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from tools.reasoner.phrases import PhraseBook
from tools.reasoner.words import STOPS

Found = tuple[str, str]
"""Name and value of a slot."""

_SIGNS: Final = {"€": "eur", "$": "usd", "£": "gbp"}
_CURRENCIES: Final = {
    "eur": "eur", "euro": "eur", "euros": "eur", "usd": "usd", "dollar": "usd", "dollars": "usd",
    "gbp": "gbp", "pound": "gbp", "pounds": "gbp", "pfund": "gbp", "chf": "chf",
}  # fmt: skip
_THOUSANDS: Final = {
    "k": 1_000, "thousand": 1_000, "tausend": 1_000, "mille": 1_000, "mil": 1_000,
    "m": 1_000_000, "mio": 1_000_000, "million": 1_000_000, "millions": 1_000_000, "millionen": 1_000_000,
}  # fmt: skip
_WITHIN: Final = frozenset({"in", "within", "binnen", "innerhalb", "dans", "dentro", "en"})
_UNIT_DAYS: Final = {
    "day": 1, "days": 1, "tag": 1, "tage": 1, "tagen": 1, "jour": 1, "jours": 1, "día": 1, "días": 1,
    "week": 7, "weeks": 7, "woche": 7, "wochen": 7, "semaine": 7, "semaines": 7, "semana": 7, "semanas": 7,
    "month": 30, "months": 30, "monat": 30, "monate": 30, "monaten": 30, "mois": 30, "mes": 30, "meses": 30,
    "quarter": 90, "quarters": 90, "year": 365, "years": 365, "jahr": 365, "jahre": 365, "jahren": 365,
}  # fmt: skip
_MOST: Final = 1_000_000_000


class SlotWords(NamedTuple):
    """What a lexicon brings: units of seats, words for spending, phrases that stand for a slot's value."""

    seats: frozenset[str]
    spending: frozenset[str]
    phrases: PhraseBook[Found]


def read_slots(tokens: Sequence[str], words: SlotWords) -> tuple[Found, ...]:
    """The slots in `tokens`, sorted, one value a name: the last said."""
    found: dict[str, str] = {}
    for match in words.phrases.matches(tokens):
        found[match.means[0]] = match.means[1]
    if any(token[0].isdigit() for token in tokens):
        for start, end in _sentences(tokens):
            found.update(_numbers(tokens[start:end], words))
    return tuple(sorted(found.items()))


def _sentences(tokens: Sequence[str]) -> list[tuple[int, int]]:
    ends = [at for at, token in enumerate(tokens) if token in STOPS]
    starts = [0, *(at + 1 for at in ends)]
    return [(a, b) for a, b in zip(starts, [*ends, len(tokens)], strict=True) if b > a]


def _numbers(sentence: Sequence[str], words: SlotWords) -> dict[str, str]:
    found: dict[str, str] = {}
    spending = any(token in words.spending for token in sentence)
    for at, token in enumerate(sentence):
        if not token[0].isdigit():
            continue
        number, after = _number(sentence, at)
        if number is None:
            continue
        following = sentence[after : after + 2]
        if any(word in words.seats for word in following) and 0 < number <= 1_000_000:
            found["seats"] = str(number)
        currency = _currency(sentence, at, following)
        if currency and spending:
            found["budget"] = f"{number} {currency}"
        if following and following[0] in _UNIT_DAYS and at and sentence[at - 1] in _WITHIN:
            found["timeline"] = f"{number * _UNIT_DAYS[following[0]]}d"
    return found


def _number(sentence: Sequence[str], at: int) -> tuple[int | None, int]:
    """The whole number at `at`, a word for thousands behind it included, and the index behind it."""
    value, after, times = thousandths(sentence[at]), at + 1, 1
    if after < len(sentence) and sentence[after] in _THOUSANDS:
        times, after = _THOUSANDS[sentence[after]], after + 1
    number = value * times // 1_000 if value is not None else _MOST + 1
    return (number if number <= _MOST else None), after


def _currency(sentence: Sequence[str], at: int, following: Sequence[str]) -> str | None:
    if at and sentence[at - 1] in _SIGNS:
        return _SIGNS[sentence[at - 1]]
    if not following:
        return None
    return _SIGNS.get(following[0]) or _CURRENCIES.get(following[0])


def thousandths(text: str) -> int | None:
    """A number as written, times 1,000; dots and commas before three digits part thousands, else decimals.

    >>> thousandths("1,500"), thousandths("20.000"), thousandths("1.5"), thousandths("1,2,3")
    (1500000, 20000000, 1500, None)
    """
    groups = text.replace(",", ".").split(".")
    if len(text) > 15 or not all(group.isdecimal() for group in groups):
        return None
    if all(len(group) == 3 for group in groups[1:]):
        return int("".join(groups)) * 1_000
    return int(groups[0]) * 1_000 + int(groups[1][:3].ljust(3, "0")) if len(groups) == 2 else None
