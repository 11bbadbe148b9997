"""Cells as values: times with their forms and zones, numbers with their decimal mark, flags."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import BadInput

FLAGS: Final = {
    "true": True, "yes": True, "y": True, "1": True, "t": True,
    "false": False, "no": False, "n": False, "0": False, "f": False,
}  # fmt: skip
_DIGITS: Final = 18
_UNIX: Final = {"unix_s": 1, "unix_ms": 1_000}


@lru_cache(maxsize=65_536)
def time_of(text: str, formats: Sequence[str], zone: str | None) -> datetime:
    """The time that `text` states in one of `formats`, in UTC; a day is its midnight. `zone` where it names none.

    Raises: ValueError with words for a person, which do not quote `text`.
    """
    for form in formats:
        found = _in_form(text.strip(), form)
        if found is None:
            continue
        if found.tzinfo is None:
            if zone is None:
                raise ValueError("names no zone; write `zone` into the mapping, such as Europe/Berlin")
            found = found.replace(tzinfo=ZoneInfo(zone))
        try:
            return found.astimezone(UTC)
        except OverflowError:
            break
    raise ValueError(f"is not a time in the form {' or '.join(formats)}")


def _in_form(text: str, form: str) -> datetime | None:
    try:
        if form == "iso":
            return datetime.fromisoformat(text)
        if form in _UNIX:
            return datetime.fromtimestamp(float(Decimal(text) / _UNIX[form]), UTC)
        return datetime.strptime(text, form)  # noqa: DTZ007 - a zone is put in by whoever asked
    except (ValueError, OverflowError, OSError, InvalidOperation):
        return None


def number_of(text: str, *, decimal: str = ".", scale: float = 1.0) -> int | float:
    """The number that `text` states, times `scale`; marks between thousands are passed over. Whole ones are int.

    Raises: ValueError with words that do not quote `text`.
    >>> number_of("1.234,5", decimal=","), number_of("90", scale=60)
    (1234.5, 5400)
    """
    plain = text.strip().replace("\u00a0", "").replace(" ", "").replace("'", "")
    mark = "," if decimal == "." else "."
    if mark in plain:
        whole, _, _ = plain.partition(decimal)
        head, *groups = whole.lstrip("+-").split(mark)
        if not (1 <= len(head) <= 3 and all(len(group) == 3 for group in groups)):
            raise ValueError(f"is not a number with the decimal mark {decimal!r}")
        plain = plain.replace(mark, "")
    if "_" in plain:
        raise ValueError("is not a number")
    try:
        exact = Decimal(plain.replace(decimal, ".")) * Decimal(repr(scale))
        if not exact.is_finite() or (exact and exact.adjusted() > _DIGITS):
            raise ValueError("is not a number of a usual size")
        return int(exact) if exact == exact.to_integral_value() else float(exact)
    except (InvalidOperation, OverflowError):
        raise ValueError("is not a number") from None


def flag_of(text: str) -> bool:
    """True or false. Raises: ValueError."""
    found = FLAGS.get(text.strip().lower())
    if found is None:
        raise ValueError("is neither yes nor no (true, false, 1, 0)")
    return found


def bad_cell(column: str, problem: ValueError) -> BadInput:
    """The refusal of a cell: names the column, quotes nothing of it."""
    return BadInput(column[:80], str(problem), "mend the file or the mapping", code="bad_cell")
