"""Minimisation: of a payload only the fields that its kind lists are kept, each checked by hand for speed.

What is not listed is dropped and counted by name; its value goes nowhere.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, TypeVar

from domain.errors import BadInput
from domain.kinds import SPECS, FieldSpec, Kind, Type
from domain.signal import Scalar

LARGEST: Final = 9_000_000_000
"""Bound of a number's size. A thousand amounts of this size, in micro-units, still sum within 64 bits."""
LONG: Final = 1_000
"""A field that may be longer is free text: line breaks stay, other control characters become spaces."""
MAX_DEPTH: Final = 6
"""Levels of nesting of an item, the item itself being the first."""
MAX_NAMES: Final = 16
"""Dropped names listed one by one; further ones are listed together as ``other``."""

_NESTS: Final = (dict, list)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_CONTROL_IN_TEXT: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}")
_N = TypeVar("_N", int, float)


@dataclass(slots=True)
class Notes:
    """What was done to one item on the way in: `steps` as codes, `dropped` the names of fields left out."""

    steps: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def drop(self, name: str, value: object, *, prefix: str = "", depth: int = 2) -> None:
        """Note that the field `name` is left out. `depth` is the level at which its value lies.

        A name that does not look like one may itself be personal data, so it is noted as ``other``.
        Raises: BadInput if `value` is nested too deeply.
        """
        if isinstance(value, dict | list) and depth_of(value) + depth - 1 > MAX_DEPTH:
            raise too_deep()
        known = prefix + name if _NAME.fullmatch(name) else "other"
        if known not in self.dropped:
            self.dropped.append(known if len(self.dropped) < MAX_NAMES else "other")

    def done(self) -> tuple[str, ...]:
        """All steps, the dropped fields last, in an order that does not depend on the item's."""
        if not self.dropped:
            return tuple(self.steps)
        self.dropped = sorted(set(self.dropped))
        return (*self.steps, *(f"dropped:{name}" for name in self.dropped))


def minimised(
    kind: Kind, payload: Mapping[str, Any], notes: Notes, declared: Mapping[str, FieldSpec] | None = None
) -> dict[str, Scalar]:
    """The listed fields of `payload`, in the order of the list; null counts as absent.

    `declared` are the home's attributes, the list of the kind that has none of its own.
    Raises: BadInput naming ``payload.<field>``.
    """
    spec_of_kind = SPECS[kind]
    specs = (declared or {}) if spec_of_kind.declared else spec_of_kind.fields
    kept: dict[str, Scalar] = {}
    if not payload.keys() <= specs.keys():
        for name in payload:
            if name not in specs:
                notes.drop(name, payload[name], depth=3)
    for name, spec in specs.items():
        value = payload.get(name)
        if value is not None:
            kept[name] = _CHECKS[spec.type](name, value, spec, notes)
        elif spec.required:
            raise BadInput(f"payload.{name}", "is missing", f"a {kind.value} signal needs it", code="missing")
    return kept


def short_text(path: str, value: object, notes: Notes, limit: int = 200) -> str:
    """An id or name: 1..`limit` characters, none a control character; a whole number becomes its digits.

    Raises: BadInput naming `path`.
    """
    if type(value) is not str:
        value = _as_text(path, value, notes)
    if not value.isprintable():
        _refuse_control(path, value)
    if len(value) > limit:
        raise _too_long(path, limit)
    if not value or value.isspace():
        raise BadInput(path, "is empty", "give a value or leave the field out", code="empty")
    return value


def _text(name: str, value: object, spec: FieldSpec, notes: Notes) -> str:
    if type(value) is not str:
        value = _as_text(f"payload.{name}", value, notes)
    if len(value) > spec.max_length:
        raise _too_long(f"payload.{name}", spec.max_length)
    if not value.isprintable():
        value = _cleaned(name, value, spec, notes)
    if spec.strict and value not in spec.values:
        raise BadInput(
            f"payload.{name}", "is not an allowed value", f"use one of {', '.join(sorted(spec.values))}",
            code="not_allowed",
        )  # fmt: skip
    if spec.required and (not value or value.isspace()):
        raise BadInput(f"payload.{name}", "is empty", "give a value", code="empty")
    return value


def _whole(name: str, value: object, _spec: FieldSpec, _notes: Notes) -> int:
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise _wrong(f"payload.{name}", "a whole number")
    return _within(name, value)


def _number(name: str, value: object, _spec: FieldSpec, _notes: Notes) -> int | float:
    if type(value) is int:
        return _within(name, value)
    if type(value) is not float:
        raise _wrong(f"payload.{name}", "a number")
    if not isfinite(value):
        raise BadInput(
            f"payload.{name}", "is not a finite number", "leave it out if unknown", code="not_finite"
        )
    return _within(name, value)


def _flag(name: str, value: object, _spec: FieldSpec, _notes: Notes) -> bool:
    if type(value) is not bool:
        raise _wrong(f"payload.{name}", "true or false")
    return value


_CHECKS: Final[Mapping[Type, Callable[[str, Any, FieldSpec, Notes], Scalar]]] = {
    "str": _text, "int": _whole, "number": _number, "bool": _flag,
}  # fmt: skip


def _within(name: str, value: _N) -> _N:
    if -LARGEST <= value <= LARGEST:
        return value
    raise BadInput(
        f"payload.{name}", "is out of range", f"send a number within ±{LARGEST:,}", code="out_of_range"
    )


def _as_text(path: str, value: object, notes: Notes) -> str:
    if type(value) is not int:
        raise _wrong(path, "text")
    if not -(2**63) <= value < 2**64:
        raise BadInput(path, "is too large a number for an id", "send it as text", code="out_of_range")
    notes.steps.append(f"text:{path.removeprefix('payload.')}")
    return str(value)


def _refuse_control(path: str, value: str) -> str:
    if _SURROGATE.search(value):
        raise _surrogate(path)
    if _CONTROL.search(value):
        raise BadInput(path, "holds a control character", "remove it", code="control_character")
    return value


def _cleaned(name: str, value: str, spec: FieldSpec, notes: Notes) -> str:
    if spec.max_length <= LONG:
        return _refuse_control(f"payload.{name}", value)
    if _SURROGATE.search(value):
        raise _surrogate(f"payload.{name}")
    clean = _CONTROL_IN_TEXT.sub(" ", value)
    if clean != value:
        notes.steps.append(f"cleaned:{name}")
    return clean


def _surrogate(path: str) -> BadInput:
    return BadInput(path, "holds a lone surrogate, half of a character", "send whole UTF-8", code="surrogate")


def _too_long(path: str, limit: int) -> BadInput:
    return BadInput(path, "is too long", f"at most {limit:,} characters are taken", code="too_long")


def _wrong(path: str, wanted: str) -> BadInput:
    return BadInput(path, "has the wrong type", f"send {wanted}", code="wrong_type")


def too_deep() -> BadInput:
    """The refusal of what is nested too deeply."""
    return BadInput("item", f"is nested deeper than {MAX_DEPTH} levels", "send flat fields", code="too_deep")


def depth_of(value: object, levels: int = MAX_DEPTH) -> int:
    """Levels of nesting of `value`, 0 for a scalar; without recursion, and at most one past `levels`."""
    level, inner = 0, [value] if isinstance(value, _NESTS) else []
    while inner and level <= levels:
        level += 1
        inner = [
            y for x in inner for y in (x.values() if isinstance(x, dict) else x) if isinstance(y, _NESTS)
        ]
    return level
