"""A talk's story: for each decision what was heard, how things stood, the rule, the answer, what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.handoff import Heard, Message, Situation, as_document
from domain.instants import Instant, iso
from domain.intent import Slot
from domain.intents import CUSTOMER
from domain.mood import Mood
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from domain.ports.reads import Row
from domain.quoted import inert
from surfaces.handoff_record import TalkRecord, unpack
from surfaces.sealed import Seal, opened
from surfaces.trouble import action_document, explain

TALK = "ho_"
"""How the id of a talk's decisions begins."""
_STEP = "handoff"
_SHOWN = 100
"""Per mille below which an intent is not worth showing."""


@dataclass(frozen=True, slots=True)
class TalkTurn:
    """One decision about a talk. Without `record` its words are gone, and `seal` says how."""

    at: int
    code: str
    seal: Seal
    record: TalkRecord | None
    actions: tuple[Mapping[str, Any], ...] = field(default=())

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        record = self.record
        return {
            "at": iso(Instant(self.at)),
            "decision": self.code,
            "seal": self.seal,
            "messages": [_message(one, record) for one in record.talk.messages] if record else [],
            "heard": _heard(record.heard) if record and record.heard else None,
            "not_heard_because": record.missing if record else None,
            "situation": _situation(record.seen) if record else None,
            "rule": record.answer.rule if record else None,
            "answer": as_document(record.answer) if record else None,
            "actions": [dict(one) for one in self.actions],
        }


async def turns_of(home: Home, rows: Sequence[Row]) -> tuple[TalkTurn, ...]:
    """The decisions in the audit `rows` of one talk, oldest first, each with its actions and their receipts."""
    told = []
    decided = [row for row in rows if row["step"] == _STEP]
    for number, row in enumerate(decided, start=1):
        seal, record = await opened(home, row["commitment"], unpack)
        actions = await home.outbox.of_decision(home.tenant, f"{row['run_id']}_{number}")
        told.append(
            TalkTurn(
                at=int(str(row["at"])),
                code=str(row["code"]),
                seal=seal,
                record=record,
                actions=tuple(_action(home, one) for one in actions),
            )
        )
    return tuple(told)


def _action(home: Home, row: OutboxRow) -> dict[str, Any]:
    return action_document(row, explain(home, row))


def _message(one: Message, record: TalkRecord) -> dict[str, Any]:
    """A message by its id; a customer's words inert, and marked where the answer rests on them."""
    cited = {evidence.message_id for evidence in record.answer.evidence}
    return {
        "id": one.id,
        "role": one.role,
        "at": one.at.isoformat(),
        "evidence": one.id in cited,
        "text": inert(one.text) if one.role == CUSTOMER else None,
    }


def facts_document(slots: Sequence[Slot]) -> list[dict[str, Any]]:
    """Facts by the message or signal that says them, with their offsets in its text."""
    return [
        {"name": one.name, "value": one.value, "ref": one.ref, "start": one.start, "end": one.end}
        for one in slots
    ]


def mood_document(mood: Mood) -> dict[str, str]:
    """A mood by its codes."""
    return {"sentiment": mood.sentiment.value, "urgency": mood.urgency.value, "urgent_because": mood.why}


def _heard(heard: Heard) -> dict[str, Any]:
    return {
        "probability": heard.probability / 1_000,
        "interested": heard.interested,
        "intents": {name: level / 1_000 for name, level in sorted(heard.likely.items()) if level >= _SHOWN},
        "facts": facts_document(heard.slots),
        **mood_document(heard.mood),
        "angry": heard.angry is not None,
        "asks_for_person": heard.asks_for_person is not None,
        "reasoner": heard.reasoner,
    }  # fmt: skip


def _situation(seen: Situation) -> dict[str, Any]:
    return {
        "blocked": seen.blocked,
        "forgotten": seen.forgotten,
        "with_person": seen.taken,
        "handed_at": seen.handed_at,
        "given": seen.given and seen.given.fate.value,
        "decided_before": seen.decided,
        "owner": seen.owner,
        "free": seen.free,
        "opens_at": None if seen.opens_at is None else iso(Instant(seen.opens_at)),
        "policy": seen.policy,
    }
