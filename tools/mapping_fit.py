"""Whether a vendor's field can hold what we write into it: its type, its length, its list of values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from domain.intent import Intent
from domain.lead import Band

NUMBERS: Final = frozenset({"points", "fit", "engagement"})
"""Parameters that are whole numbers, 0 to 100."""
WORDS: Final[Mapping[str, frozenset[str]]] = {"band": frozenset(Band), "intent": frozenset(Intent)}
"""Parameters with few values, and all of them."""
LENGTHS: Final[Mapping[str, int]] = {
    **{name: max(map(len, words)) for name, words in WORDS.items()},
    **dict.fromkeys(NUMBERS, 3),
    "next_step": 255,
    "team": 40,
}
"""Signs that a field has to hold; a next step is a sentence."""


Form = Literal["text", "number", "list"]


@dataclass(frozen=True, slots=True)
class Field:
    """A vendor's field. What it does not tell of it is None."""

    form: Form
    length: int | None = None
    """Most signs of a text."""
    digits: int | None = None
    """Most digits of a number, before its point."""
    values: frozenset[str] | None = None
    """All that a list takes; None: no list, or one that takes others too."""


def unfit(ours: str, field: Field) -> str:
    """Why our parameter, or a field by which we find our writes, cannot go into `field`; empty if it can.

    >>> unfit("intent", Field("number"))
    'is a number; make it a text'
    """
    if field.form == "number":
        return _unfit_number(ours, field.digits)
    if field.values is not None:
        return _unfit_list(ours, field.values)
    needed = LENGTHS.get(ours, 0)
    short = field.length is not None and field.length < needed
    return f"holds {field.length} signs; {needed} are needed" if short else ""


def _unfit_number(ours: str, digits: int | None) -> str:
    if ours not in NUMBERS:
        return "is a number; make it a text"
    return "holds no 100; give it three digits" if digits is not None and digits < LENGTHS[ours] else ""


def _unfit_list(ours: str, values: frozenset[str]) -> str:
    words = WORDS.get(ours)
    if words is None:
        return "is a list of values; make it a text" + (" or a number" if ours in NUMBERS else "")
    missing = sorted(words - values)
    return f"does not list {', '.join(missing)}; add them, or make it a text" if missing else ""
