"""The signal: something a lead did or said, as it looks after the door (checked, minimised, keys hashed)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from domain.ids import AccountId, Region, SignalId, TenantId
from domain.instants import Instant, instant
from domain.kinds import ATTRIBUTE_PREFIX, SPECS, Channel, Kind, KindSpec

SCHEMA_VERSION: Final = 2
Scalar = str | int | float | bool
MICRO: Final = 1_000_000
"""Amounts are held in micro-units: 1.5 seats is 1,500,000."""


class KeyKind(StrEnum):
    """How a lead can be known. E-mail and phone arrive in clear and are kept only as keyed hashes."""

    CRM_ID = "crm_id"
    USER_ID = "user_id"
    EMAIL = "email_hash"
    PHONE = "phone_hash"
    ROLE = "role_hash"
    """A role address such as info@: shared by many people, so it never joins leads."""
    ANONYMOUS = "anonymous_id"
    CONVERSATION = "conversation_id"

    @property
    def strong(self) -> bool:
        """True if the key belongs to one person: two strong keys seen together are one lead."""
        return self in _STRONG


_STRONG: Final = frozenset({KeyKind.CRM_ID, KeyKind.USER_ID, KeyKind.EMAIL, KeyKind.PHONE})


class LeadKey(NamedTuple):
    """One key of a lead. Ordered by kind, then value."""

    kind: KeyKind
    value: str


class Consent(StrEnum):
    """What the lead has agreed to, as the source states it with the signal."""

    UNKNOWN = "unknown"
    GRANTED = "granted"
    DENIED = "denied"


class Signal(BaseModel):
    """Something a lead did or said. `payload` holds allow-listed fields only.

    `id` is the key that `source` names for deduplication; `delivery_id` one attempt to deliver it.
    `occurred_at` is the source's time, `received_at` ours: that is `known_at`, unless `imported`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = SCHEMA_VERSION
    tenant: TenantId
    region: Region
    source: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,39}$")]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    kind: Kind
    keys: Annotated[tuple[LeadKey, ...], Field(min_length=1, max_length=16)]
    account: AccountId | None = None
    occurred_at: AwareDatetime
    received_at: AwareDatetime
    payload: Mapping[str, Scalar] = Field(default_factory=dict)
    consent: Consent = Consent.UNKNOWN
    imported: bool = False
    """True for history: `known_at` is then `occurred_at` (or a mapped delay), not the time of import."""
    known_at: AwareDatetime
    delivery_id: str | None = None
    steps: tuple[str, ...] = ()
    """What was done to it on the way, as codes: ``upcast:1>2``, ``dropped:utm_term``, ``hashed:email``."""

    @property
    def signal_id(self) -> SignalId:
        """``source:id``; unique within a tenant."""
        return SignalId(f"{self.source}:{self.id}")

    @property
    def channel(self) -> Channel:
        """The channel of its kind."""
        return self.kind.channel

    @property
    def text(self) -> str | None:
        """The free text of the kind's text field, if any."""
        name = SPECS[self.kind].text
        value = self.payload.get(name) if name else None
        return value if isinstance(value, str) and value else None

    @property
    def talks(self) -> bool:
        """True if with it the lead itself turned to support."""
        said = self.kind is Kind.MESSAGE and self.payload.get("role") == "customer"
        return said or self.kind is Kind.TICKET_OPENED

    @property
    def wrote(self) -> bool:
        """True if the lead itself wrote something in words, to support or in a form."""
        return (self.talks or self.kind is Kind.FORM) and self.text is not None

    @property
    def own_words(self) -> bool:
        """True if the lead itself wrote the text: not an agent, a bot or somebody in sales."""
        if self.kind is Kind.MESSAGE:
            return self.payload.get("role") == "customer"
        return self.kind is not Kind.ACTIVITY or self.payload.get("direction") == "inbound"


_ALL_FIELDS: Final = set(Signal.model_fields)


def checked_signal(fields: dict[str, Any]) -> Signal:
    """The signal with these fields, all of them: as the door checked each, the model does not check them again."""
    signal = Signal.__new__(Signal)
    for name, value in (
        ("__dict__", fields),
        ("__pydantic_fields_set__", _ALL_FIELDS),
        ("__pydantic_extra__", None),
        ("__pydantic_private__", None),
    ):
        object.__setattr__(signal, name, value)
    return signal


class Event(NamedTuple):
    """A signal in compact form, as features see it: no text, no personal data. Sorts by (at, ref, subject)."""

    at: int
    """Instant at which it occurred."""
    ref: str
    """The signal's id (``source:id``): lineage."""
    subject: str
    """Page, product feature, stage, outcome, or for a fact the name of the trait; may be empty."""
    kind: str
    """`Kind` value, or ``fact`` for a trait of the lead or its company."""
    value: str
    """For a fact its value as text; for a change of consent its purpose; else the consent stated with it, if any."""
    amount: int
    """In micro-units; 0 where the kind has no amount. For a numeric fact the number."""
    known: int
    """Instant from which it was known to us."""
    tags: tuple[str, ...]
    """Intent codes with confidence in per mille, ``pricing:820``, as read from its text when it was processed."""


FACT: Final = "fact"
ONLY_FACTS: Final = frozenset({Kind.IDENTIFY, Kind.ATTRIBUTES})
"""Kinds that say nothing but facts."""


def _amount(value: Scalar | None) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return round(value * MICRO)


def facts_of(signal: Signal) -> list[tuple[str, Scalar]]:
    """What `signal` states of the lead or its company: (subject, value) pairs."""
    spec, payload = SPECS[signal.kind], signal.payload
    if spec.declared:
        return [(ATTRIBUTE_PREFIX + name, value) for name, value in payload.items()]
    return [(name, payload[name]) for name in spec.facts if name in payload]


def compact(signal: Signal, tags: tuple[str, ...] = ()) -> tuple[Event, ...]:
    """The events of one signal: the thing itself, then one event per fact it states. Pure; order-independent.

    `identity.identify` and `identity.attributes` are only facts. Amounts are rounded to micro-units, so that sums
    are exact.
    """
    spec = SPECS[signal.kind]
    at, known, ref = _micros(signal.occurred_at), _micros(signal.known_at), signal.signal_id
    events = [
        Event(at, ref, subject, FACT, str(value), _amount(value), known, ())
        for subject, value in facts_of(signal)
    ]
    if signal.kind not in ONLY_FACTS:
        subject = str(signal.payload.get(spec.subject, "")) if spec.subject else ""
        amount = _amount(signal.payload.get(spec.amount)) if spec.amount else 0
        events.append(Event(at, ref, subject, signal.kind.value, _value(signal, spec), amount, known, tags))
    return tuple(sorted(events))


def _value(signal: Signal, spec: KindSpec) -> str:
    if spec.value is not None:
        return str(signal.payload.get(spec.value, ""))
    return "" if signal.consent is Consent.UNKNOWN else signal.consent.value


def _micros(moment: datetime) -> Instant:
    return instant(moment)
