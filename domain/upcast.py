"""Older external forms, lifted one version at a time to the present one.

Version 1 is described here as data, on its own and complete: its published schema is made from these tables,
so that a change of the present kinds cannot quietly change what version 1 means.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import BadInput
from domain.kinds import FieldSpec, Kind
from domain.signal import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Lifted:
    """An item in the present form, the steps taken, and for each new name how the sender calls it."""

    item: Mapping[str, Any]
    steps: tuple[str, ...]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Moved:
    """A field of version 1: its name in version 2 and what it may hold."""

    to: str
    spec: FieldSpec


@dataclass(frozen=True, slots=True)
class OldType:
    """A type of version 1: the kind it became, its `data` fields, and the payload fields that it implies."""

    kind: Kind
    fields: Mapping[str, Moved]
    implied: Mapping[str, str]


def _old(kind: Kind, implied: Mapping[str, str] | None = None, **fields: Moved) -> OldType:
    return OldType(kind, fields, implied or {})


_TEXT: Final = FieldSpec(max_length=20_000)
_NEEDED_TEXT: Final = FieldSpec(max_length=20_000, required=True)
_NAME: Final = FieldSpec(max_length=200)
_NEEDED: Final = FieldSpec(max_length=200, required=True)
_ROLES: Final = FieldSpec(values=frozenset({"customer", "agent", "bot"}), required=True, strict=True)
_WHOLE: Final = FieldSpec("int")
_NUMBER: Final = FieldSpec("number")
_VALUE: Final = Moved("amount", _NUMBER)

TYPES_1: Final[Mapping[str, OldType]] = {
    "pageview": _old(Kind.PAGE_VIEW, url=Moved("page", _NEEDED), seconds=Moved("duration_s", _NUMBER)),
    "form": _old(Kind.FORM, name=Moved("form", _NEEDED), comment=Moved("message", _TEXT)),
    "feature": _old(Kind.FEATURE_USED, name=Moved("feature", _NEEDED), times=Moved("count", _WHOLE)),
    "chat": _old(Kind.MESSAGE, body=Moved("text", _NEEDED_TEXT), by=Moved("role", _ROLES)),
    "email_open": _old(Kind.EMAIL_OPENED, campaign=Moved("campaign", _NAME)),
    "email_click": _old(Kind.EMAIL_CLICKED, campaign=Moved("campaign", _NAME), url=Moved("link", _NAME)),
    "stage": _old(Kind.STAGE_CHANGE, to=Moved("stage", _NEEDED), value=_VALUE),
    "won": _old(Kind.OUTCOME, {"result": "won"}, value=_VALUE),
    "lost": _old(Kind.OUTCOME, {"result": "lost"}, reason=Moved("reason", _NAME)),
    "profile": _old(
        Kind.IDENTIFY,
        industry=Moved("industry", _NAME),
        employees=Moved("employees", _WHOLE),
        title=Moved("job_title", _NAME),
    ),
    "optout": _old(Kind.CONSENT, {"status": "withdrawn"}),
}
"""Every type of version 1."""

KEYS_1: Final[Mapping[str, str]] = {"lead_id": "crm_id", "email": "email", "visitor": "anonymous_id"}
"""Top-level keys of version 1 and the key kinds they became."""
FIELDS_1: Final[Mapping[str, str]] = {
    "schema_version": "schema_version", "id": "id", "source": "source", "type": "kind",
    "timestamp": "occurred_at", "company": "account", "consent": "consent", "data": "payload",
    **dict.fromkeys(KEYS_1, "keys"),
}  # fmt: skip
"""Top-level fields of version 1 and where they went."""
UNLISTED: Final = "v1."
"""Put before a field that version 1 never had: so it cannot pass for one of version 2, and is dropped."""


def upcast(raw: Mapping[str, Any]) -> Lifted:
    """`raw` of any older version in the present form.

    Raises: BadInput if its version is unknown, or if it is not of the version it claims to be.
    """
    version = raw.get("schema_version")
    steps: list[str] = []
    names: Mapping[str, str] = {}
    while version != SCHEMA_VERSION:
        lift = _LIFTS.get(version) if type(version) is int else None
        if lift is None:
            known = ", ".join(map(str, sorted((*_LIFTS, SCHEMA_VERSION))))
            raise BadInput(
                "schema_version", "is not known here", f"use one of {known}", code="unknown_version"
            )
        raw, newer = lift(raw)
        names = {new: names.get(old, old) for new, old in newer.items()} | {
            new: old for new, old in names.items() if new not in newer
        }
        steps.append(f"upcast:{version}>{raw['schema_version']}")
        version = raw["schema_version"]
    return Lifted(raw, tuple(steps), names)


def _one_to_two(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Version 2 of a version 1 item, and the old name of each new one."""
    old = _old_type(raw.get("type"))
    names = {new: field for field, new in FIELDS_1.items() if new != "keys"}
    item: dict[str, Any] = {"schema_version": 2, "kind": old.kind.value}
    item |= {new: raw.get(field) for field, new in FIELDS_1.items() if field in _SAME}
    item["occurred_at"] = _milliseconds(raw.get("timestamp"))
    item["consent"] = _consent(raw.get("consent"))
    given = [(field, kind) for field, kind in KEYS_1.items() if raw.get(field) is not None]
    item["keys"] = [{"kind": kind, "value": raw[field]} for field, kind in given]
    names |= {f"keys[{index}].value": field for index, (field, _) in enumerate(given)}
    names["keys"] = ", ".join(KEYS_1)
    item["payload"] = _payload(raw.get("data"), old)
    names |= {f"payload.{moved.to}": f"data.{field}" for field, moved in old.fields.items()}
    item |= {f"{UNLISTED}{field}": raw[field] for field in raw if field not in FIELDS_1}
    return item, names


_SAME: Final = frozenset({"id", "source", "company"})
_Lift = Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, str]]]
_LIFTS: Final[Mapping[int, _Lift]] = {1: _one_to_two}


def _old_type(value: object) -> OldType:
    old = TYPES_1.get(value) if isinstance(value, str) else None
    if old is None:
        raise BadInput(
            "type", "is not a type of version 1", f"use one of {', '.join(TYPES_1)}", code="unknown_kind"
        )
    return old


def _milliseconds(value: object) -> object:
    """Version 1 gave numbers in seconds."""
    return value * 1_000 if type(value) is int else value


def _consent(value: object) -> str | None:
    if value is None:
        return None
    if type(value) is not bool:
        raise BadInput("consent", "has the wrong type", "version 1 takes true or false", code="wrong_type")
    return "granted" if value else "denied"


def _payload(data: object, old: OldType) -> dict[str, Any]:
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise BadInput("data", "is not an object", "send an object of fields", code="wrong_type")
    payload: dict[str, Any] = dict(old.implied)
    for name, value in data.items():
        moved = old.fields.get(name)
        payload[moved.to if moved else f"{UNLISTED}{name}"] = value
    return payload
