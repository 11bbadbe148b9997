"""A budget: an amount beside a word of spending, such as ``20000 eur/year``, ``12 usd/seat/month``, or ``none``.

An amount in a sentence about a bill is none. A currency that is not said is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from tools.reasoner.numbers import Number, shown
from tools.reasoner.passage import Passage
from tools.reasoner.phrases import Match, Negation
from tools.reasoner.slot_words import SlotWords

_SIGNS: Final = {"€": "eur", "$": "usd", "£": "gbp", "₹": "inr"}
_CURRENCIES: Final = {
    name: code
    for code, names in {
        "eur": "eur euro euros", "usd": "usd dollar dollars bucks", "gbp": "gbp pound pounds pfund quid",
        "chf": "chf franken francs", "inr": "inr rs rupee rupees", "sek": "sek", "nok": "nok", "dkk": "dkk",
        "cad": "cad", "aud": "aud", "pln": "pln zloty", "jpy": "jpy yen",
    }.items()
    for name in names.split()
}  # fmt: skip
_PER: Final = frozenset({"per", "a", "an", "pro", "par", "al", "each", "every", "im", "por", "je"})
_PERIODS: Final = {
    name: unit
    for unit, names in {
        "month": "month months monthly mo monat mois mes", "quarter": "quarter quarterly",
        "year": "year yearly annually annum yr jahr an año annual",
        "seat": "user seat head person licence license nutzer",
    }.items()
    for name in names.split()
}  # fmt: skip
_LEAST: Final = 100_000
"""Thousandths below which a number without a currency is no budget."""
_BUDGETS: Final = frozenset({"budget", "budgets", "presupuesto"})

Said = tuple[str, int, int]


def budgets_in(
    passage: Passage, numbers: Sequence[Number], words: SlotWords, negation: Negation
) -> Iterator[Said]:
    """Budgets with the words that say them."""
    said = _inside(passage, words)
    for one in numbers:
        amount = _amount(passage, one) if one.start in said else None
        if amount is not None and not _denied(passage, one, negation):
            yield amount
    for match in words.none.matches(passage.tokens):
        if not words.money["not_none"].intersection(passage.tokens[match.end : match.end + 2]):
            yield "none", match.start, match.end


def _denied(passage: Passage, one: Number, negation: Negation) -> bool:
    """Denied; "must not cost more than 20k" is a limit and no denial."""
    limit = {"than", "exceed"} & set(passage.tokens[max(0, one.start - 2) : one.start])
    return not limit and negation.denies(passage.tokens, Match(one, one.start, one.end))


def _inside(passage: Passage, words: SlotWords) -> set[int]:
    """The words of sentences that speak of spending, and not of a bill."""
    spending = [match.start for match in words.spending.matches(passage.tokens)]
    inside = set[int]()
    for first, last in _holding(passage.sentences(), spending):
        if not words.money["bills"].intersection(passage.tokens[first:last]):
            inside.update(range(first, last))
    return inside


def _holding(sentences: Sequence[tuple[int, int]], places: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The sentences that hold one of `places`; both are in order."""
    left = iter(places)
    place = next(left, None)
    for first, last in sentences:
        while place is not None and place < first:
            place = next(left, None)
        if place is not None and place < last:
            yield first, last


def _amount(passage: Passage, one: Number) -> Said | None:
    tokens, start, end = passage.tokens, one.start, one.end
    currency = _currency(tokens[start - 1]) if start else None
    if currency:
        start -= 1
    elif end < len(tokens) and (currency := _currency(tokens[end])):
        end += 1
    if not currency and (
        one.low < _LEAST
        or (not _BUDGETS.intersection(tokens[max(0, start - 5) : start]) and not _many(tokens, one))
    ):
        return None
    per, end = _per(passage, end)
    unit = f" {currency}" if currency else ""
    return f"{shown(one)}{unit}{per}", start, end


def _many(tokens: Sequence[str], one: Number) -> bool:
    """Thousands in words or letters: "30k" beside spending is money."""
    return tokens[one.end - 1].isalpha() and one.low >= 1_000_000


def _currency(token: str) -> str | None:
    return _SIGNS.get(token) or _CURRENCIES.get(token)


def _per(passage: Passage, end: int) -> tuple[str, int]:
    """What it is for, such as ``/seat/month``, and the place behind it."""
    tokens, found = passage.tokens, dict[str, None]()
    while end < len(tokens) and len(found) < 2:
        slash = passage.between(end - 1).strip() == "/"
        step = 1 if tokens[end] in _PER and not slash else 0
        word = tokens[end + step] if end + step < len(tokens) else ""
        if word not in _PERIODS or not (
            step or slash or word in ("monthly", "yearly", "annually", "annual", "quarterly")
        ):
            break
        found[_PERIODS[word]] = None
        end += step + 1
    order = sorted(found, key=lambda unit: unit != "seat")
    return "".join(f"/{unit}" for unit in order), end
