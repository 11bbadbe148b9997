"""A model's reasons as a salesperson reads them: what the feature is, and its value."""

from collections.abc import Mapping
from typing import Final

from domain.feature import Aggregate, FeatureDef
from domain.signal import FACT, MICRO
from tools.models.evidence import INTENT

FIXED_WORDS: Final = {
    "prior": "What is usual among past leads",
    "calibration": "Corrected by what became of later leads",
    "prior.region": "What is usual in its region",
    "prior.segment": "What is usual for companies of its size",
    "prior.account": "What is usual at its company",
}
_UNKNOWN: Final = "not known"
_DAY: Final = 24


def words_of(name: str, value: int | str | None, definition: FeatureDef | None, known: frozenset[str]) -> str:
    """One reason. Of a text only a value of `known` is shown: what many leads have in common names nobody."""
    if name in FIXED_WORDS:
        return FIXED_WORDS[name]
    if name.startswith(INTENT):
        sure = value // 10 if isinstance(value, int) else 0
        return f"Seems to be after {name.removeprefix(INTENT).replace('_', ' ')}: {sure} % sure"
    return f"{_what(name, definition)}: {_value(value, definition, known)}"


def _what(name: str, definition: FeatureDef | None) -> str:
    """A trait by its name, what fades by what happened, anything else as the catalogue describes it.

    >>> _what("unheard.of", None)
    'unheard.of'
    """
    if definition is None:
        return name
    if definition.kinds == (FACT,) and definition.subjects:
        return _spoken(definition.subjects[0])
    if definition.aggregate is Aggregate.DECAYED and len(definition.kinds) == 1:
        what = " or ".join(definition.subjects[:1]) or definition.kinds[0].partition(".")[2]
        return f"{_spoken(what)} lately, older ones counting less"
    return definition.description.rstrip(".")


def _spoken(code: str) -> str:
    return code.removeprefix("attr.").replace("_", " ").capitalize()


def _value(value: int | str | None, definition: FeatureDef | None, known: frozenset[str]) -> str:
    if value is None:
        return _UNKNOWN
    if isinstance(value, str):
        return value.replace("_", " ") if value in known else "another"
    unit = definition.unit if definition is not None else ""
    if unit.startswith("micro-"):
        return f"{value / MICRO:,.2f}".rstrip("0").rstrip(".")
    if unit == "hours" and value >= 2 * _DAY:
        return f"{value // _DAY:,} days"
    return f"{value:,}" + (" hours" if unit == "hours" else "")


def remarks_of(shifts: Mapping[str, bool]) -> tuple[str, ...]:
    """What must be said of a lead from a part of the market without history: by what -> whether it is known."""
    texts = {
        "lead.region": "Its region is new to the model: the rate of all regions stands for it.",
        "lead.segment": "Companies of its size are new to the model: the rate of its region stands for them.",
    }
    return tuple(texts[by] for by, known in shifts.items() if not known and by in texts)
