"""The values of a target as JSON, for the ledger and for the CRM behind a port. Reading checks every type."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar

import orjson

from domain.effect import Step, StepKind, StepReceipt
from domain.errors import BadInput
from domain.ids import LeadId, TenantId
from domain.ports.target import Change, Seen, Subject
from domain.signal import KeyKind, LeadKey

K = TypeVar("K", bound=StrEnum)
MAX_KEYS: Final = 64
"""Keys of one lead in a request."""


def dumps(value: Any) -> bytes:
    """JSON bytes."""
    return orjson.dumps(value)


def loads(json: bytes | str) -> Any:
    """Inverse of `dumps`. Raises: BadInput."""
    try:
        return orjson.loads(json)
    except orjson.JSONDecodeError as error:
        raise _bad("body", "is no JSON") from error


def receipt_to(receipt: StepReceipt) -> dict[str, Any]:
    """A receipt as JSON."""
    return {"ref": receipt.ref, "before": dict(receipt.before)}


def receipt_from(value: Any) -> StepReceipt:
    """Raises: BadInput."""
    got = mapping(value, "receipt")
    return StepReceipt(text(got.get("ref"), "receipt.ref"), _texts(got.get("before"), "receipt.before"))


def step_to(step: Step) -> dict[str, Any]:
    """A step as JSON."""
    return {"kind": step.kind.value, "params": dict(step.params)}


def step_from(value: Any) -> Step:
    """Raises: BadInput."""
    got = mapping(value, "step")
    return Step(_one_of(StepKind, got.get("kind"), "step.kind"), _texts(got.get("params"), "step.params"))


def subject_to(subject: Subject) -> dict[str, Any]:
    """A subject as JSON."""
    keys = [[key.kind.value, key.value] for key in subject.keys]
    return {"tenant": subject.tenant, "lead_id": subject.lead_id, "keys": keys}


def subject_from(value: Any) -> Subject:
    """Raises: BadInput."""
    got = mapping(value, "subject")
    keys = got.get("keys")
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise _bad("subject.keys", f"is no list of at most {MAX_KEYS}")
    tenant, lead_id = text(got.get("tenant"), "subject.tenant"), text(got.get("lead_id"), "subject.lead_id")
    return Subject(TenantId(tenant), LeadId(lead_id), tuple(_key(key) for key in keys))


def seen_to(seen: Seen) -> dict[str, Any]:
    """What a target holds, as JSON."""
    return {
        "exists": seen.exists, "gone": seen.gone, "merged_into": seen.merged_into, "owner": seen.owner,
        "human_touch_at": seen.human_touch_at, "do_not_contact": seen.do_not_contact,
        "fields": dict(seen.fields), "programmes": list(seen.programmes), "open_tasks": list(seen.open_tasks),
    }  # fmt: skip


def seen_from(value: Any) -> Seen:
    """Raises: BadInput."""
    got = mapping(value, "seen")
    touched = got.get("human_touch_at")
    if touched is not None and (isinstance(touched, bool) or not isinstance(touched, int)):
        raise _bad("seen.human_touch_at", "is no instant")
    return Seen(
        exists=_flag(got, "exists"),
        gone=_flag(got, "gone"),
        merged_into=_maybe(got, "merged_into"),
        owner=_maybe(got, "owner"),
        human_touch_at=touched,
        do_not_contact=_flag(got, "do_not_contact"),
        fields=_texts(got.get("fields"), "seen.fields"),
        programmes=_list(got, "programmes"),
        open_tasks=_list(got, "open_tasks"),
    )


def change_to(change: Change) -> list[str]:
    """A line of a dry run as JSON."""
    return [change.step.value, change.field, change.before, change.after]


def change_from(value: Any) -> Change:
    """Raises: BadInput."""
    if not isinstance(value, list) or len(value) != 4:
        raise _bad("change", "has not four parts")
    field, before, after = (text(part, "change") for part in value[1:])
    return Change(_one_of(StepKind, value[0], "change"), field, before, after)


def changes_from(value: Any) -> list[Change]:
    """Raises: BadInput."""
    changes = mapping(value, "answer").get("changes")
    if not isinstance(changes, list):
        raise _bad("changes", "is no list")
    return [change_from(change) for change in changes]


def _key(value: Any) -> LeadKey:
    if not isinstance(value, list) or len(value) != 2:
        raise _bad("subject.keys", "has an entry that is no kind with a value")
    return LeadKey(_one_of(KeyKind, value[0], "subject.keys"), text(value[1], "subject.keys"))


def _one_of(kinds: type[K], value: Any, field: str) -> K:
    try:
        return kinds(value)
    except ValueError as error:
        raise _bad(field, "is not known") from error


def mapping(value: Any, field: str) -> Mapping[str, Any]:
    """A JSON object. Raises: BadInput."""
    if not isinstance(value, dict):
        raise _bad(field, "is no object")
    return value


def text(value: Any, field: str) -> str:
    """A JSON text. Raises: BadInput."""
    if not isinstance(value, str):
        raise _bad(field, "is no text")
    return value


def _texts(value: Any, field: str) -> dict[str, str]:
    return {name: text(held, f"{field}.{name}") for name, held in mapping(value, field).items()}


def _flag(got: Mapping[str, Any], name: str) -> bool:
    if not isinstance(got.get(name), bool):
        raise _bad(f"seen.{name}", "is neither true nor false")
    return bool(got[name])


def _maybe(got: Mapping[str, Any], name: str) -> str | None:
    return None if got.get(name) is None else text(got[name], f"seen.{name}")


def _list(got: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if not isinstance(got.get(name), list):
        raise _bad(f"seen.{name}", "is no list")
    return tuple(text(value, f"seen.{name}") for value in got[name])


def _bad(field: str, problem: str) -> BadInput:
    return BadInput(field, problem, "see docs/targets.md for the form", code="malformed")
