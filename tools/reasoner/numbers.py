"""Numbers in a text: digits of several countries, words, ranges. All in thousandths, so that 1.5 is whole."""

import re
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from tools.reasoner.passage import Passage

MOST: Final = 1_000_000_000
_SMALL: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "dozen": 12, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6, "zehn": 10,
    "zwölf": 12, "fünfzehn": 15, "deux": 2, "trois": 3, "cinq": 5, "dix": 10, "dos": 2, "tres": 3,
    "cinco": 5, "diez": 10,
}  # fmt: skip
_TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "zwanzig": 20, "dreißig": 30, "dreissig": 30, "vierzig": 40, "fünfzig": 50, "vingt": 20, "trente": 30,
    "quarante": 40, "cinquante": 50, "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50,
}  # fmt: skip
_HUNDRED: Final = frozenset({"hundred", "hundert", "cent", "cien"})
_DOZEN: Final = "dozen"
_FEW: Final = {("half", "a"): 500, ("couple", "of"): 2_000, ("couple",): 2_000}
"""Before a dozen, a hundred or more, in thousandths: "half a dozen", "a couple of hundred"."""
_TIMES: Final = {
    "k": 1_000, "thousand": 1_000, "tausend": 1_000, "mille": 1_000, "mil": 1_000, "grand": 1_000,
    "m": 1_000_000, "mio": 1_000_000, "million": 1_000_000, "millions": 1_000_000, "millionen": 1_000_000,
    "lakh": 100_000, "lakhs": 100_000, "lac": 100_000, "crore": 10_000_000, "crores": 10_000_000,
}  # fmt: skip
_DASHES: Final = frozenset({"-", "–", "—", "‑"})
_TO: Final = frozenset({"to", "bis", "à", "or", "oder", "ou", "and", "und", "et", "y"})
_BETWEEN: Final = frozenset({"between", "zwischen", "entre", "from", "von"})
_AND: Final = frozenset({"and"})
_ALONE: Final = frozenset({"and", "und", "et", "y"})
"""Join two numbers only behind a word of `_BETWEEN`."""
_INDIAN: Final = re.compile(r"\d{1,3}(?:,\d{2})+,\d{3}")


class Number(NamedTuple):
    """A number, or a range from `low` to `high`, in thousandths, at ``tokens[start:end]``."""

    low: int
    high: int
    start: int
    end: int


def numbers_of(passage: Passage, used: Collection[int]) -> list[Number]:
    """The numbers in `passage` up to `MOST`, in order; words in `used` are already something else."""
    found: list[Number] = []
    at, tokens = 0, passage.tokens
    while at < len(tokens):
        one = None if at in used else number_at(passage, at)
        if one is None:
            at += 1
            continue
        merged = _range(passage, found[-1], one) if found else None
        if merged is not None:
            found[-1] = merged
        else:
            found.append(one)
        at = one.end
    return [one for one in found if 0 < one.low <= one.high <= MOST * 1_000]


def thousandths(text: str) -> int | None:
    """A number as written, times 1,000; dots and commas before three digits part thousands, else decimals.

    >>> thousandths("1,500"), thousandths("20.000"), thousandths("1.5"), thousandths("1,2,3"), thousandths("1,50,000")
    (1500000, 20000000, 1500, None, 150000000)
    """
    if len(text) > 15:
        return None
    if _INDIAN.fullmatch(text):
        return int(text.replace(",", "")) * 1_000
    groups = text.replace(",", ".").split(".")
    if not all(group.isdecimal() for group in groups):
        return None
    if all(len(group) == 3 for group in groups[1:]):
        return int("".join(groups)) * 1_000
    mixed = re.fullmatch(r"(\d{1,3}(?:[.,]\d{3})+)[.,](\d{1,2})", text)
    if mixed and mixed[1][-4] != text[mixed.end(1)]:
        return int(re.sub(r"\D", "", mixed[1])) * 1_000 + int(mixed[2].ljust(3, "0"))
    return int(groups[0]) * 1_000 + int(groups[1][:3].ljust(3, "0")) if len(groups) == 2 else None


def shown(number: Number) -> str:
    """As a value of a slot.

    >>> shown(Number(1_500_000, 1_500_000, 0, 1)), shown(Number(12_500, 20_000, 0, 1))
    ('1500', '12.5-20')
    """
    low, high = _plain(number.low), _plain(number.high)
    return low if low == high else f"{low}-{high}"


def _plain(value: int) -> str:
    whole, rest = divmod(value, 1_000)
    return f"{whole}.{rest:03d}".rstrip("0") if rest else str(whole)


def number_at(passage: Passage, at: int) -> Number | None:
    """The number that begins with the word `at`."""
    token = passage.tokens[at]
    found = _digits(passage, at) if token[0].isdigit() else _words(passage.tokens, at)
    if found is None:
        return _part(passage.tokens, at)
    value, end = found
    if end < len(passage.tokens):
        times = _TIMES.get(passage.tokens[end])
        near = passage.between(end - 1) == ""
        if times and (near or passage.tokens[end] != "m"):
            value, end = value * times, end + 1
    return Number(value, value, at, end)


def _part(tokens: Sequence[str], at: int) -> Number | None:
    """``half a dozen``, ``a couple of hundred``, ``a thousand``."""
    if tokens[at - 1 : at] == ["a"] and _TIMES.get(tokens[at], 0) and len(tokens[at]) > 1:
        return Number(_TIMES[tokens[at]] * 1_000, _TIMES[tokens[at]] * 1_000, at, at + 1)
    for words, share in _FEW.items():
        place = at + len(words)
        if tuple(tokens[at:place]) != words or place >= len(tokens):
            continue
        size = (
            100
            if tokens[place] in _HUNDRED
            else 12
            if tokens[place] == _DOZEN
            else _TIMES.get(tokens[place], 0)
        )
        if size > 1:
            return Number(share * size, share * size, at, place + 1)
    return None


def _digits(passage: Passage, at: int) -> tuple[int, int] | None:
    """Digits, and groups of three behind them that a space parts: ``1 500``."""
    tokens, text, end = passage.tokens, passage.tokens[at], at + 1
    if text.isdecimal() and len(text) <= 3:
        while end < len(tokens) and end < at + 4 and _group(passage, end):
            text, end = text + tokens[end], end + 1
    value = thousandths(text)
    return None if value is None else (value, end)


def _group(passage: Passage, at: int) -> bool:
    token = passage.tokens[at]
    return len(token) == 3 and token.isdecimal() and passage.between(at - 1) in (" ", "\u00a0", "\u202f")


def _words(tokens: list[str], at: int) -> tuple[int, int] | None:
    """A number in words: ``forty``, ``two hundred and fifty``, ``a dozen``."""
    total, end, bare = 0, at, True
    while end < len(tokens) and end < at + 8:
        token = tokens[end]
        value = _SMALL.get(token) or _TENS.get(token)
        if value is not None and (bare or _fits(tokens[end - 1], token)):
            total, bare = total + value, False
        elif token in _HUNDRED and (not bare or tokens[at - 1 : at] == ["a"]):
            total, bare = max(1, total) * 100, False
        elif token == _DOZEN and total < 12:
            total *= 12
        elif token not in _AND or bare or tokens[end - 1] not in _HUNDRED:
            break
        end += 1
    return None if bare else (total * 1_000, end)


def _fits(before: str, token: str) -> bool:
    return before in _HUNDRED or before == "and" or (before in _TENS and _SMALL.get(token, 10) < 10)


def _range(passage: Passage, low: Number, high: Number) -> Number | None:
    """Both as one range, the thousands of the second standing for the first too: ``20-30k``."""
    tokens = passage.tokens
    gap = passage.between(low.end - 1).strip()
    joined = low.end == high.start and gap in _DASHES
    if not joined and low.end + 1 == high.start and low.low == low.high:
        word, before = tokens[low.end], tokens[low.start - 1] if low.start else ""
        joined = word in _TO and (word not in _ALONE or before in _BETWEEN)
    if not joined or low.low != low.high:
        return None
    least, last = low.low, _TIMES.get(tokens[high.end - 1], 1)
    if least * last < high.low and least < high.low // last and tokens[low.end - 1] not in _TIMES:
        least *= last
    return Number(least, high.high, low.start, high.end) if least < high.high else None
