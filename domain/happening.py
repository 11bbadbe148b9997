"""What others are told: events in the form of CloudEvents 1.0, derived from what is committed and from nothing else.

The same row of the feed gives the same events with the same ids, whenever it is read. They carry ids, figures and
codes: nothing a person wrote, and no key of a lead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from domain.errors import BadInput
from domain.handoff import Handoff, Step
from domain.instants import Instant, iso, moment

ReferenceId = Annotated[str, Field(min_length=1, max_length=200)]
Code = Annotated[str, Field(max_length=200)]
Points = Annotated[int, Field(ge=0, le=100)]


class EventType(StrEnum):
    """In the order in which one row gives them."""

    SCORED = "leadgraph.lead.scored.v1"
    INTENT = "leadgraph.lead.intent_changed.v1"
    DECIDED = "leadgraph.decision.made.v1"
    ASKED = "leadgraph.approval.requested.v1"


PER_ROW: Final = len(EventType)
"""Positions that a row of the feed takes, whether or not it gives an event at each."""
ORDER: Final = tuple(EventType)
TEST: Final = "leadgraph.test.v1"
"""Sent on request, to see whether a receiver is there."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    lead: ReferenceId
    """Our id of the lead, as it was then: a later merge does not change it."""
    decision: ReferenceId


class Scored(_Data):
    """A run has scored a lead; the points may be those from before."""

    as_of: AwareDatetime
    points: Points
    """0..100; 0 and 100 only where the outcome is known."""
    unit: Literal["points", "probability"]
    """`probability`: points are the calibrated probability of a sale within the horizon, in per cent."""
    fit: Points
    engagement: Points
    band: Literal["hot", "warm", "cold"]
    scorer: Code
    version: Code
    degraded: bool
    """Something was missing: it is redone, and another event follows."""


class IntentChanged(_Data):
    """The lead's strongest intent is another than at its last reading."""

    as_of: AwareDatetime
    before: Code | None
    """None: it is the first reading."""
    after: Code
    confidence: Annotated[int, Field(ge=0, le=1000)]
    """Per mille."""


class Made(_Data):
    """A run has ended in a decision, or one was made about a talk of the lead."""

    as_of: AwareDatetime
    state: Literal["final", "waiting", "degraded", "suppressed"]
    reason: Code
    """What woke the run: `signals` or a timer's reason; `handoff` of a talk."""
    verdict: Literal["act", "ask", "hold", "nothing"] | None
    """None: it ended before the rules were asked."""
    rules: tuple[Code, ...]
    """`table/row` of the rules that fired, in the order in which they were asked."""
    actions: tuple[Code, ...]
    """Kinds of what is proposed."""
    policy: Code


class Asked(_Data):
    """A person must decide on a proposal."""

    approval: ReferenceId
    proposal_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    """What an answer is bound to."""
    people: Annotated[int, Field(ge=1)]
    """How many different people must approve."""
    asked_at: AwareDatetime
    expires_at: AwareDatetime
    edited_from: ReferenceId | None
    """The question in whose place it stands."""


MODELS: Final[Mapping[EventType, type[BaseModel]]] = {
    EventType.SCORED: Scored,
    EventType.INTENT: IntentChanged,
    EventType.DECIDED: Made,
    EventType.ASKED: Asked,
}
_NAMES: Final[Mapping[EventType, str]] = {
    EventType.SCORED: "scored",
    EventType.INTENT: "intent",
    EventType.DECIDED: "made",
    EventType.ASKED: "requested",
}


@dataclass(frozen=True, slots=True)
class Question:
    """What never changes of an approval. Times are Instants."""

    lead: str
    decision: str
    proposal_hash: str
    people: int
    asked_at: int
    expires_at: int
    edited_from: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One row of the feed: a decision with the lead's last reading before it, or a question."""

    place: int
    """From 1, in the order of commit."""
    ref: str
    at: int
    decision: bytes | None = None
    """Its canonical JSON."""
    earlier: bytes | None = None
    question: Question | None = None
    talk: tuple[str, str] | None = None
    """The lead of a decision about a talk, as it was then, and what `told_of` made of it."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `position` grows with every event of a home and names its place in the stream."""

    position: int
    id: str
    type: EventType
    at: int
    data: BaseModel

    def document(self, tenant: str, region: str) -> dict[str, Any]:
        """The CloudEvent, in the structured form."""
        data = self.data.model_dump(mode="json")
        return {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/leadgraph/{tenant}/{region}",
            "type": self.type.value,
            "subject": data["lead"],
            "time": iso(Instant(self.at)),
            "datacontenttype": "application/json",
            "dataschema": schema_id(self.type),
            "sequence": f"{self.position:019d}",
            "data": data,
        }


def body_of(document: Mapping[str, Any]) -> bytes:
    """A CloudEvent as it is sent: the same document gives the same bytes."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def events_of(row: Happening) -> tuple[Event, ...]:
    """What one row tells, in order; nothing if what it names is gone, or is of an older form without these parts."""
    if row.question is not None:
        return (_event(row, EventType.ASKED, _asked(row.ref, row.question)),)
    if row.talk is not None:
        return (_event(row, EventType.DECIDED, _talked(row.ref, row.at, *row.talk)),)
    if row.decision is None:
        return ()
    made = json.loads(row.decision)
    try:
        found = {
            EventType.SCORED: _scored(made) if made["score"] else None,
            EventType.INTENT: _changed(made, row.earlier),
            EventType.DECIDED: _made(made),
        }
    except (KeyError, TypeError, ValidationError):
        return ()
    return tuple(_event(row, kind, data) for kind, data in found.items() if data is not None)


def place_of(position: int) -> int:
    """The row in which the events after `position` begin.

    >>> place_of(0), place_of(4), place_of(6), place_of(7)
    (0, 1, 1, 2)
    """
    return (position + 1) // PER_ROW


def last_position(place: int) -> int:
    """The last position that the row at `place` can have."""
    return (place + 1) * PER_ROW - 1


def types_from(names: str) -> frozenset[EventType]:
    """Types named in full or as ``lead.scored``, separated by commas; nothing stands for all. Raises: BadInput.

    >>> sorted(types_from("lead.scored, leadgraph.decision.made.v1"))
    [<EventType.DECIDED: 'leadgraph.decision.made.v1'>, <EventType.SCORED: 'leadgraph.lead.scored.v1'>]
    """
    known = {short(kind): kind for kind in EventType} | {kind.value: kind for kind in EventType}
    asked = [name.strip() for name in names.split(",") if name.strip()]
    if any(name not in known for name in asked):
        raise BadInput(
            "types", "names an event that there is not", f"take some of {', '.join(map(short, EventType))}"
        )
    return frozenset(known[name] for name in asked) or frozenset(EventType)


def short(kind: EventType) -> str:
    """The name without product and version.

    >>> short(EventType.INTENT)
    'lead.intent_changed'
    """
    return kind.value.removeprefix("leadgraph.").removesuffix(".v1")


def schema_id(kind: EventType) -> str:
    """The absolute URI of the schema of the data."""
    return f"urn:leadgraph:schema:{kind.value}"


def schema_of(kind: EventType) -> dict[str, Any]:
    """JSON Schema (2020-12) of the ``data`` of one type of event."""
    named = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_id(kind)}
    return named | MODELS[kind].model_json_schema(mode="serialization")


def told_of(answer: Handoff, *, actions: Sequence[str], policy: str) -> str:
    """What others are told of a decision about a talk: codes, no word of it. `actions` are kinds of what is sent."""
    verdict = {Step.HANDOFF: "act", Step.ASK_PERSON: "ask", Step.STAY: "nothing"}[answer.decision]
    table = "approval" if answer.decision is Step.ASK_PERSON and answer.why == "policy" else "do_not_act"
    said = {
        "state": "degraded" if answer.degraded else "final",
        "reason": "handoff",
        "verdict": verdict,
        "rules": [f"{table}/{answer.rule}"] if answer.rule else [],
        "actions": list(actions),
        "policy": policy,
    }
    return json.dumps(said, sort_keys=True)


def _talked(decision: str, at: int, lead: str, told: str) -> Made:
    return Made(lead=lead, decision=decision, as_of=moment(Instant(at)), **json.loads(told))


def _event(row: Happening, kind: EventType, data: BaseModel) -> Event:
    return Event(row.place * PER_ROW + ORDER.index(kind), f"{row.ref}.{_NAMES[kind]}", kind, row.at, data)


def _scored(made: Mapping[str, Any]) -> Scored:
    score = made["score"]
    return Scored(
        **_who(made),
        **{name: score[name] for name in ("points", "unit", "fit", "engagement", "scorer", "version")},
        band=made["band"]["band"],
        degraded=made["state"] == "degraded",
    )


def _changed(made: Mapping[str, Any], earlier: bytes | None) -> IntentChanged | None:
    reading = made["reading"]
    before = json.loads(earlier)["reading"]["top"] if earlier is not None else None
    if reading is None or reading["top"] == before:
        return None
    return IntentChanged(**_who(made), before=before, after=reading["top"], confidence=reading["confidence"])


def _made(made: Mapping[str, Any]) -> Made:
    verdict = made["verdict"]
    return Made(
        **_who(made),
        state=made["state"],
        reason=made["reason"],
        verdict=verdict["kind"] if verdict else None,
        rules=tuple(f"{rule['table']}/{rule['rule']}" for rule in verdict["rules"]) if verdict else (),
        actions=tuple(proposal["kind"] for proposal in made["proposals"]),
        policy=made["versions"].get("policy", ""),
    )


def _who(made: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lead": made["lead_id"],
        "decision": made["decision_id"],
        "as_of": moment(Instant(made["as_of"])),
    }


def _asked(approval: str, question: Question) -> Asked:
    return Asked(
        lead=question.lead,
        decision=question.decision,
        approval=approval,
        proposal_hash=question.proposal_hash,
        people=question.people,
        asked_at=moment(Instant(question.asked_at)),
        expires_at=moment(Instant(question.expires_at)),
        edited_from=question.edited_from,
    )
