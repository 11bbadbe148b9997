"""The door's contract: a raw item becomes a checked, minimised signal, or a `BadInput` that names the field.

The checks are written by hand: they name the field as its sender knows it, and they are quick. What they let pass
the model holds for valid too, which a test shows of whatever comes. Reasons name the field and the remedy and never
quote a value: they are stored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from domain.errors import BadInput
from domain.ids import AccountId, Region, TenantId
from domain.instants import DAY, MINUTE, Instant, instant, moment
from domain.kinds import FieldSpec, Kind
from domain.parsing import FIELDS
from domain.payload import Notes, minimised, short_text
from domain.signal import SCHEMA_VERSION, Consent, KeyKind, LeadKey, Signal, checked_signal
from domain.upcast import upcast

MAX_KEYS: Final = 16
KEY_KINDS: Final[Mapping[str, KeyKind]] = {
    "crm_id": KeyKind.CRM_ID,
    "user_id": KeyKind.USER_ID,
    "email": KeyKind.EMAIL,
    "phone": KeyKind.PHONE,
    "anonymous_id": KeyKind.ANONYMOUS,
    "conversation_id": KeyKind.CONVERSATION,
}
"""How the outside names keys. E-mail and phone come in clear and leave as keyed hashes."""
SOURCE: Final = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
JOINING: Final = frozenset({Kind.MERGE, Kind.ALIAS})
"""Kinds that say that two keys are one lead, so they need two."""

OLDEST_IMPORT: Final = 50 * 366 * DAY
"""How old history may be."""
_PLACES: Final = tuple(f"keys[{index}].value" for index in range(MAX_KEYS + 1))
_KINDS: Final = {kind.value: kind for kind in Kind}
_CONSENTS: Final = {consent.value: consent for consent in Consent}
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d([.,]\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_FARTHEST: Final = 4_102_444_800_000
"""2100-01-01 in milliseconds: beyond it a number is not a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What the door knows of every item of a batch. Tenant and default region never come from the item.

    `regions` are those an item may name. `imported` marks history: it was known when it occurred, plus
    `known_delay_us`.
    """

    tenant: TenantId
    region: Region
    regions: frozenset[str]
    now: int
    hash_email: Callable[[str], tuple[str, bool]]
    hash_phone: Callable[[str, str], str]
    max_future_us: int = 10 * MINUTE
    max_age_us: int = 3_653 * DAY
    imported: bool = False
    known_delay_us: int = 0
    declared: Mapping[str, FieldSpec] = field(default_factory=dict)
    """The attributes of the home, see `domain.attributes.declared_fields`."""


def history_door(
    door: Door, *, known_delay_us: int = 0, declared: Mapping[str, FieldSpec] | None = None
) -> Door:
    """`door` for history: it may be old, and was known when it occurred plus the delay. Lets `declared` in as well."""
    return replace(
        door,
        imported=True,
        known_delay_us=known_delay_us,
        max_age_us=OLDEST_IMPORT,
        declared={**door.declared, **(declared or {})},
    )


def admit(raw: Mapping[str, Any], door: Door) -> tuple[Signal, tuple[tuple[str, str], ...]]:
    """The signal that `raw` states, and the (kind, field) pairs that were left out of it.

    Older versions are lifted step by step first. Equal statements give equal signals: times are in UTC, keys
    sorted and unique, fields in the order of the list.
    Raises: BadInput, and nothing else, for whatever `raw` holds; its field is named as the sender named it.
    """
    notes = Notes()
    if type(raw) is not dict:
        raw = _as_dict(raw)
    version = raw.get("schema_version")
    if version is None or version == SCHEMA_VERSION:
        return _admit(raw, door, notes)
    lifted = upcast(raw)
    notes.steps.extend(lifted.steps)
    try:
        return _admit(lifted.item, door, notes)
    except BadInput as error:
        raise BadInput(
            lifted.names.get(error.field, error.field), error.problem, error.remedy, code=error.code
        ) from None


def _admit(item: Mapping[str, Any], door: Door, notes: Notes) -> tuple[Signal, tuple[tuple[str, str], ...]]:
    kind, source = _kind(item.get("kind")), source_of(item.get("source"))
    identifier = short_text("id", _needed(item, "id"), notes)
    occurred = _time(_needed(item, "occurred_at"), door)
    region = _region(item.get("region"), door)
    keys = _keys(_needed(item, "keys"), region, door, notes)
    if len(keys) < 2 and kind in JOINING:
        raise BadInput("keys", "are too few", f"a {kind.value} signal names two", code="missing")
    consent = _consent(item.get("consent"))
    account, delivery = item.get("account"), item.get("delivery_id")
    payload = _payload(item.get("payload"))
    kept = minimised(kind, payload, notes, door.declared)
    if not item.keys() <= FIELDS:
        for name in item.keys() - FIELDS:
            notes.drop(str(name), item[name], prefix="item.")
    received = _moment(door.now)
    signal = checked_signal(
        {
            "schema_version": SCHEMA_VERSION,
            "tenant": door.tenant,
            "region": region,
            "source": source,
            "id": identifier,
            "kind": kind,
            "keys": keys,
            "account": None if account is None else _account(account, notes),
            "occurred_at": occurred,
            "received_at": received,
            "payload": kept,
            "consent": consent,
            "imported": door.imported,
            "known_at": _known(occurred, door) if door.imported else received,
            "delivery_id": None if delivery is None else short_text("delivery_id", delivery, notes),
            "steps": notes.done(),
        }
    )
    return signal, tuple([(kind.value, name) for name in notes.dropped])


def time_of(item: Mapping[str, Any]) -> Instant | None:
    """When an item of any version says that it occurred, its form apart unchecked; None if it cannot be read.

    For a replay, which must set the clock before it can let anything in.
    """
    value = item.get("occurred_at")
    seconds = value is None and item.get("schema_version") == 1
    if seconds:
        value = item.get("timestamp")
    try:
        if type(value) is str:
            return instant(_rfc3339(value))
        if type(value) is int and -_FARTHEST < value < _FARTHEST:
            return Instant(value * (1_000_000 if seconds else 1_000))
    except BadInput:
        return None
    return None


def source_of(value: object) -> str:
    """A source's name, checked.

    Raises: BadInput.
    """
    if isinstance(value, str) and SOURCE.fullmatch(value):
        return value
    if value is None:
        raise _missing("source")
    raise BadInput(
        "source", "is not a source name", "use lower-case letters, digits, '_', '.', '-'; at most 40",
        code="bad_source",
    )  # fmt: skip


def _kind(value: object) -> Kind:
    kind = _KINDS.get(value) if isinstance(value, str) else None
    if kind is not None:
        return kind
    if value is None:
        raise _missing("kind")
    raise BadInput(
        "kind", "is not a kind of signal", "see docs/signals.md for the kinds", code="unknown_kind"
    )


def _needed(item: Mapping[str, Any], name: str) -> Any:
    value = item.get(name)
    if value is None:
        raise _missing(name)
    return value


def _missing(name: str) -> BadInput:
    return BadInput(name, "is missing", "every signal needs it", code="missing")


def _time(value: object, door: Door) -> datetime:
    if type(value) is str:
        at = _rfc3339(value)
    elif type(value) is int:
        if not -_FARTHEST < value < _FARTHEST:
            raise BadInput(
                "occurred_at", "is out of range", "send milliseconds since 1970", code="out_of_range"
            )
        at = moment(Instant(value * 1_000))
    else:
        raise BadInput(
            "occurred_at", "has the wrong type", "send RFC 3339 text or whole milliseconds since 1970",
            code="wrong_type",
        )  # fmt: skip
    when = instant(at)
    if when > door.now + door.max_future_us:
        raise BadInput(
            "occurred_at", "lies in the future", "check the sender's clock and zone", code="future"
        )
    if when < door.now - door.max_age_us:
        raise BadInput(
            "occurred_at", "lies too far in the past", "numbers are milliseconds, not seconds", code="ancient"
        )
    return at


def _rfc3339(value: str) -> datetime:
    if len(value) > 64 or not _RFC3339.fullmatch(value):
        raise BadInput(
            "occurred_at", "is not an RFC 3339 time with a zone", "write e.g. 2024-03-01T09:00:00Z",
            code="bad_time",
        )  # fmt: skip
    try:
        at = datetime.fromisoformat(value)
        return at if at.tzinfo is UTC else at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadInput(
            "occurred_at", "is not a time that exists", "write e.g. 2024-03-01T09:00:00Z", code="bad_time"
        ) from None


def _known(occurred: datetime, door: Door) -> datetime:
    return moment(Instant(instant(occurred) + door.known_delay_us)) if door.known_delay_us else occurred


def _region(value: object, door: Door) -> Region:
    if value is None:
        return door.region
    if isinstance(value, str) and value in door.regions:
        return Region(value)
    raise BadInput(
        "region", "is not a region of this installation", f"use one of {', '.join(sorted(door.regions))}",
        code="unknown_region",
    )  # fmt: skip


def _consent(value: object) -> Consent:
    if value is None:
        return Consent.UNKNOWN
    consent = _CONSENTS.get(value) if isinstance(value, str) else None
    if consent is None:
        raise BadInput("consent", "is not a consent", "use granted, denied or unknown", code="not_allowed")
    return consent


def _account(value: object, notes: Notes) -> AccountId:
    """Surrounding space is no part of a company's key, and neither is the case of a domain name."""
    name = short_text("account", value, notes).strip()
    return AccountId(name.lower() if "." in name and " " not in name else name)


def _payload(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise BadInput("payload", "is not an object", "send an object of fields", code="wrong_type")


def _keys(value: object, region: Region, door: Door, notes: Notes) -> tuple[LeadKey, ...]:
    """Keys in either form, hashed where they are contact data, unique and sorted."""
    if isinstance(value, dict):
        pairs = [(f"keys.{_shown(kind)}", kind, given) for kind, given in value.items() if given is not None]
    elif isinstance(value, list):
        pairs = [_pair(index, entry) for index, entry in enumerate(value[: MAX_KEYS + 1])]
    else:
        raise BadInput("keys", "have the wrong type", "send a list of {kind, value}", code="wrong_type")
    if not pairs:
        raise BadInput("keys", "are missing", "name at least one key of the lead", code="missing")
    if len(pairs) > MAX_KEYS:
        raise BadInput("keys", "are too many", f"at most {MAX_KEYS} are taken", code="too_many")
    found = [_key(path, kind, given, region=region, door=door, notes=notes) for path, kind, given in pairs]
    return tuple(found) if len(found) == 1 else tuple(sorted(set(found)))


def _pair(index: int, entry: object) -> tuple[str, object, object]:
    if not isinstance(entry, dict):
        raise BadInput(f"keys[{index}]", "is not an object", "send {kind, value}", code="wrong_type")
    kind, given = entry.get("kind"), entry.get("value")
    if kind is None or given is None:
        part = "kind" if kind is None else "value"
        raise BadInput(f"keys[{index}].{part}", "is missing", "send {kind, value}", code="missing")
    return _PLACES[index], kind, given


def _key(path: str, kind: object, given: object, *, region: Region, door: Door, notes: Notes) -> LeadKey:
    known = KEY_KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        place = path.removesuffix("value") + "kind" if path.endswith(".value") else path
        raise BadInput(
            place, "is not a kind of key", f"use one of {', '.join(KEY_KINDS)}", code="unknown_key_kind"
        )
    value = short_text(path, given, notes, 254)
    if known is not KeyKind.EMAIL and known is not KeyKind.PHONE:
        return LeadKey(known, value)
    notes.steps.append(f"hashed:{kind}")
    try:
        if known is KeyKind.PHONE:
            return LeadKey(known, door.hash_phone(value, region))
        hashed, role = door.hash_email(value)
        return LeadKey(KeyKind.ROLE if role else known, hashed)
    except BadInput as error:
        raise BadInput(path, error.problem, error.remedy, code=error.code) from None


def _shown(kind: object) -> str:
    """A key's name as it may stand in a reason: a known one, or a question mark."""
    return kind if isinstance(kind, str) and kind in KEY_KINDS else "?"


def _as_dict(raw: object) -> dict[str, Any]:
    if isinstance(raw, Mapping):
        return dict(raw)
    raise BadInput("item", "is not a JSON object", "send an object per signal", code="not_object")


@lru_cache(maxsize=4)
def _moment(now: int) -> datetime:
    return moment(Instant(now))
