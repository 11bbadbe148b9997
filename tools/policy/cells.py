"""A cell in plain words -> what it accepts, and the engine's expression for it.

Grammar (alternatives parted by commas; ``not`` before the whole list turns it round; empty = any):
codes ``hot``, ``hot, warm``, ``not hot``; flags ``yes``, ``no``; numbers ``>= 70``, ``< 5``, ``7``,
``60..80`` (both ends included); and everywhere ``is empty``, ``is known``.

Expressions are built from the closed grammar, never pasted from the cell: the engine would take a misspelt
name for an unknown variable, and never match.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import zen

from domain.policy import Fact
from tools.policy.columns import Column
from tools.policy.problems import did_you_mean

LOW, HIGH = -(10**15), 10**15
"""Stand for "no bound": beyond any fact."""
_NUMBER = re.compile(r"^(>=|<=|>|<|=)?\s*(-?\d{1,15})$")
_RANGE = re.compile(r"^(-?\d{1,15})\s*\.\.\s*(-?\d{1,15})$")
_THOUSANDS = re.compile(r"\d,\d{3}(\D|$)")
_FLAGS = {"yes": True, "no": False}
Span = tuple[int, int]


class BadCell(Exception):
    """A cell that cannot be read: what is wrong, and what to write instead."""

    def __init__(self, problem: str, remedy: str) -> None:
        """Both in words for the person who edits the table."""
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class Accepts:
    """The values that a cell lets through. One of `words` and `spans` is used, by the column's type."""

    words: frozenset[str | bool] = frozenset()
    spans: tuple[Span, ...] = ()
    """Closed intervals, sorted, apart from each other."""
    empty: bool = False
    """A missing value passes."""

    def __contains__(self, value: Fact) -> bool:
        """True if `value` passes."""
        if value is None:
            return self.empty
        if isinstance(value, int) and not isinstance(value, bool):
            return any(low <= value <= high for low, high in self.spans)
        return value in self.words

    def covers(self, other: "Accepts") -> bool:
        """True if all that `other` accepts passes here too."""
        inside = all(any(low <= a and b <= high for low, high in self.spans) for a, b in other.spans)
        return inside and other.words <= self.words and (self.empty or not other.empty)


@dataclass(frozen=True, slots=True)
class Cell:
    """A condition on one column: the expression over ``v`` that the engine evaluates, and what it accepts."""

    column: str
    expression: str
    accepts: Accepts


def everything(column: Column) -> Accepts:
    """All values that a column can have."""
    if column.type == "number":
        return Accepts(spans=((LOW, HIGH),), empty=True)
    if column.type == "flag":
        return Accepts(words=frozenset((True, False)))
    return Accepts(words=frozenset(column.codes), empty=True)


def read_cell(name: str, column: Column, text: str) -> Cell | None:
    """The condition that `text` states for the column called `name`; None if it states none (empty cell).

    Raises: BadCell with the problem and the remedy.
    """
    words = " ".join(text.split())
    if not words:
        return None
    lowered = words.casefold()
    turned = lowered == "not" or lowered.startswith("not ")
    accepts = _union(column, lowered[3:].strip() if turned else lowered)
    if turned:
        accepts = _minus(everything(column), accepts)
    if accepts == everything(column):
        raise BadCell("accepts everything", "leave the cell empty, which means any")
    if not (accepts.words or accepts.spans or accepts.empty):
        raise BadCell("can never match", "name at least one value that may occur")
    return Cell(name, _expression(column, accepts), accepts)


def read_value(column: Column, text: str) -> Fact:
    """One value as an example case states it. Raises: BadCell."""
    lowered = " ".join(text.split()).casefold()
    if lowered == "is empty":
        if column.type == "flag":
            raise BadCell("a yes/no column is never empty", "write yes or no")
        return None
    accepts = _alternative(column, lowered)
    if accepts.words and not accepts.empty and len(accepts.words) == 1:
        return next(iter(accepts.words))
    if len(accepts.spans) == 1 and accepts.spans[0][0] == accepts.spans[0][1]:
        return accepts.spans[0][0]
    raise BadCell(
        "is not one value", "an example names one value per column: a code, a number, yes, no or is empty"
    )


def compiled(cell: Cell, column: Column) -> Callable[[dict[str, Any]], object]:
    """The engine's evaluation of `cell`, to be called with ``{"v": value}``.

    The engine is asked about every code of the column, or the edges of every range: an expression that means
    something else than the words in the table cannot get through. Raises: BadCell.
    """
    try:
        ask = zen.compile_expression(cell.expression).evaluate
        wrong = [
            value
            for value in _edges(column, cell.accepts)
            if ask({"v": value}) is not (value in cell.accepts)
        ]
    except RuntimeError as error:
        reason = str(error).splitlines()[0][:120]
        raise BadCell(f"the engine refuses it: {reason}", "write the condition in a simpler way") from None
    if wrong:
        raise BadCell(
            f"the engine reads it differently (for {wrong[0]!r})", "write the condition in a simpler way"
        )
    return ask


def _union(column: Column, text: str) -> Accepts:
    if column.type == "number" and _THOUSANDS.search(text):
        raise BadCell("a comma parts alternatives", "write large numbers without separators, such as 50000")
    parts = [_alternative(column, part.strip()) for part in text.split(",")]
    return Accepts(
        words=frozenset().union(*(part.words for part in parts)),
        spans=_merged(span for part in parts for span in part.spans),
        empty=any(part.empty for part in parts),
    )


def _alternative(column: Column, text: str) -> Accepts:
    if text == "":
        raise BadCell("has an empty alternative", "remove the extra comma, or write is empty")
    if text.startswith("not "):
        raise BadCell("has a not inside the list", "put one not before the whole list: not hot, warm")
    if text in ("is empty", "is known"):
        return _emptiness(column, text)
    if column.type == "number":
        return Accepts(spans=(_span(text),))
    if column.type == "flag":
        if text not in _FLAGS:
            raise BadCell("is not yes or no", "write yes or no, or leave the cell empty for any")
        return Accepts(words=frozenset((_FLAGS[text],)))
    return _code(column, text)


def _emptiness(column: Column, text: str) -> Accepts:
    if column.type == "flag":
        raise BadCell("a yes/no column is never empty", "write yes or no, or leave the cell empty for any")
    full = everything(column)
    return Accepts(empty=True) if text == "is empty" else Accepts(full.words, full.spans)


def _code(column: Column, text: str) -> Accepts:
    if text.strip("'\"") != text:
        raise BadCell("has quotes", "write the word alone, without quotes")
    if text not in column.codes:
        raise BadCell("is not a value of this column", did_you_mean(text, column.codes, "it can be"))
    return Accepts(words=frozenset((text,)))


def _span(text: str) -> Span:
    if match := _RANGE.match(text):
        low, high = int(match[1]), int(match[2])
        if low > high:
            raise BadCell("is a range from high to low", f"write {high}..{low}")
        return low, high
    match = _NUMBER.match(text)
    if match is None:
        raise BadCell(
            "is not a number or a range", "write a whole number, >= 70, < 5, 60..80, is empty or is known"
        )
    number = int(match[2])
    return {
        ">=": (number, HIGH),
        ">": (number + 1, HIGH),
        "<=": (LOW, number),
        "<": (LOW, number - 1),
    }.get(match[1] or "=", (number, number))


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    result: list[Span] = []
    for low, high in sorted(spans):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def _minus(full: Accepts, taken: Accepts) -> Accepts:
    spans, start = [], LOW
    for low, high in taken.spans:
        if low > start:
            spans.append((start, low - 1))
        start = high + 1
    if full.spans and start <= HIGH:
        spans.append((start, HIGH))
    return Accepts(full.words - taken.words, tuple(spans), full.empty and not taken.empty)


def _expression(column: Column, accepts: Accepts) -> str:
    if column.type == "flag":
        return "v == true" if True in accepts.words else "v == false"
    tests = [_number_test(span) for span in accepts.spans] + _code_tests(column, accepts.words)
    if not tests:
        return "v == null"
    joined = " or ".join(tests)
    return f"v == null or {joined}" if accepts.empty else f"v != null and ({joined})"


def _number_test(span: Span) -> str:
    low, high = span
    if low == high:
        return f"v == {low}"
    bounds = [f"v >= {low}"] * (low != LOW) + [f"v <= {high}"] * (high != HIGH)
    return f"({' and '.join(bounds)})" if bounds else "true"


def _code_tests(column: Column, words: frozenset[str | bool]) -> list[str]:
    listed = sorted(str(word) for word in words)
    left_out = sorted(set(column.codes) - set(listed))
    if not listed:
        return []
    if len(listed) == 1:
        return [f"v == '{listed[0]}'"]
    if len(left_out) < len(listed):
        return [f"v not in [{', '.join(repr(word) for word in left_out)}]"]
    return [f"v in [{', '.join(repr(word) for word in listed)}]"]


def _edges(column: Column, accepts: Accepts) -> list[Fact]:
    values: list[Fact] = [True, False] if column.type == "flag" else [None, *column.codes]
    for low, high in accepts.spans:
        values += [bound + step for bound in (low, high) for step in (-1, 0, 1) if LOW < bound < HIGH]
    return values
