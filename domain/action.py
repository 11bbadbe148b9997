"""Actions: outside effects that a verdict asks for, proposed in the run and performed later from the outbox."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final

from domain.errors import Permanent
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


SILENT: Final = frozenset((ActionKind.UPSERT_SCORE, ActionKind.LEAVE))
"""Actions that reach nobody: nobody is asked about them, and they wait for no hour."""


class ActionState(StrEnum):
    """Life of an outbox row."""

    PROPOSED = "proposed"
    """To be sent as soon as a dispatcher takes it."""
    WAITING = "waiting"
    """A person decides first."""
    SENDING = "sending"
    """Taken: an attempt has begun and is on record."""
    DONE = "done"
    FAILED = "failed"
    """Refused by the target, or given up; what had been done of it was undone."""
    UNKNOWN = "unknown"
    """The answer was lost and the target cannot be asked: a person looks."""
    UNDOING = "undoing"
    """What was done is being taken back, step by step."""
    COMPENSATED = "compensated"
    """Taken back."""
    REJECTED = "rejected"
    """A person said no."""
    EXPIRED = "expired"
    """Not sent, and never will be; the reason says why."""


class Move(StrEnum):
    """What can happen to an outbox row."""

    APPROVE = "approve"
    REJECT = "reject"
    EXPIRE = "expire"
    TAKE = "take"
    PUT_BACK = "put_back"
    """Nothing happened in the target, or all of it can be asked for again: later."""
    CONFIRM = "confirm"
    REFUSE = "refuse"
    LOSE_TRACK = "lose_track"
    UNDO = "undo"
    FINISH_UNDO = "finish_undo"
    RESOLVE_DONE = "resolve_done"
    """A person has seen that an unknown effect is there."""
    RESOLVE_NOT_DONE = "resolve_not_done"
    """A person has seen that it is not."""
    RETRY = "retry"
    """A person has mended what stood in the way, and has it sent again."""


NEXT: Final[Mapping[tuple[ActionState, Move], ActionState]] = {
    (ActionState.WAITING, Move.APPROVE): ActionState.PROPOSED,
    (ActionState.WAITING, Move.REJECT): ActionState.REJECTED,
    (ActionState.WAITING, Move.EXPIRE): ActionState.EXPIRED,
    (ActionState.PROPOSED, Move.EXPIRE): ActionState.EXPIRED,
    (ActionState.PROPOSED, Move.TAKE): ActionState.SENDING,
    (ActionState.SENDING, Move.TAKE): ActionState.SENDING,
    (ActionState.SENDING, Move.PUT_BACK): ActionState.PROPOSED,
    (ActionState.SENDING, Move.EXPIRE): ActionState.EXPIRED,
    (ActionState.SENDING, Move.CONFIRM): ActionState.DONE,
    (ActionState.SENDING, Move.REFUSE): ActionState.FAILED,
    (ActionState.SENDING, Move.LOSE_TRACK): ActionState.UNKNOWN,
    (ActionState.DONE, Move.UNDO): ActionState.UNDOING,
    (ActionState.UNDOING, Move.TAKE): ActionState.UNDOING,
    (ActionState.UNDOING, Move.PUT_BACK): ActionState.UNDOING,
    (ActionState.UNDOING, Move.FINISH_UNDO): ActionState.COMPENSATED,
    (ActionState.UNDOING, Move.LOSE_TRACK): ActionState.UNKNOWN,
    (ActionState.UNKNOWN, Move.RESOLVE_DONE): ActionState.DONE,
    (ActionState.UNKNOWN, Move.RESOLVE_NOT_DONE): ActionState.FAILED,
    (ActionState.FAILED, Move.RETRY): ActionState.PROPOSED,
}
"""The whole life cycle; what is not listed cannot happen."""

UNSENT: Final = frozenset({ActionState.PROPOSED, ActionState.WAITING})
"""Nothing has left yet."""


def moved(state: ActionState, move: Move) -> ActionState:
    """The state after `move`.

    Raises: Permanent if the life cycle has no such move.
    >>> moved(ActionState.WAITING, Move.APPROVE)
    <ActionState.PROPOSED: 'proposed'>
    """
    after = NEXT.get((state, move))
    if after is None:
        raise Permanent(f"an action that is {state.value} cannot {move.value}")
    return after


def proposal_hash(kind: ActionKind, lead: LeadId, params: Mapping[str, str], episode: int) -> str:
    """SHA-256, in hex, of the canonical JSON of what would be done: what an approval is bound to."""
    said = {"episode": episode, "kind": kind.value, "lead": lead, "params": dict(params)}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()


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
