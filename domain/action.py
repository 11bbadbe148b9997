"""Actions: outside effects that a verdict asks for, proposed in the run and performed later from the outbox."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.ids import ActionId, LeadId


class ActionKind(StrEnum):
    """What can be done about a lead. Several handoff-like kinds never run twice in one episode."""

    UPSERT_SCORE = "upsert_score"
    CREATE_TASK = "create_task"
    ASSIGN_OWNER = "assign_owner"
    ENROL = "enrol"
    LEAVE = "leave"
    HANDOFF = "handoff"
    NOTIFY = "notify"


class ActionState(StrEnum):
    """Life of an outbox row in this version: proposed with its decision, or waiting for a person."""

    PROPOSED = "proposed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What a policy row asks for: kind, and parameters as text (owner, queue, programme)."""

    kind: ActionKind
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """One outbox row. `effect_key` is (canonical lead, kind, episode): at most one open effect of a kind per lead."""

    action_id: ActionId
    lead_id: LeadId
    kind: ActionKind
    params: Mapping[str, str]
    episode: int
    state: ActionState
    proposal_hash: str
    """SHA-256 over the canonical form of what would be done: what an approval is bound to."""

    @property
    def effect_key(self) -> str:
        """The key by which an effect is done at most once."""
        return f"{self.lead_id}/{self.kind.value}/{self.episode}"
