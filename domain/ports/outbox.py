"""Actions on their way out: taken one by one, each attempt on record before it leaves, each step before the next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.action import ActionKind, ActionState, Move
from domain.audit import AuditEntry
from domain.effect import StepProgress
from domain.ids import ActionId, DecisionId, LeadId, Region, RunId, TenantId
from domain.lead import LeadState
from domain.restored import Doubt
from domain.signal import LeadKey


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One action as stored."""

    action_id: ActionId
    tenant: TenantId
    region: Region
    lead_id: LeadId
    """The canonical lead now."""
    origin: LeadId
    """The lead for which it was proposed, before any merge: what `proposal_hash` was made over."""
    kind: ActionKind
    params: Mapping[str, str]
    episode: int
    effect_key: str
    state: ActionState
    proposal_hash: str
    decision_id: DecisionId
    run_id: RunId
    at: int
    """Instant of the proposal."""
    reason: str = ""
    attempt: int = 0
    next_try: int | None = None
    """When a dispatcher may take it; None: not by itself."""
    steps: tuple[StepProgress, ...] = ()
    approval_id: str | None = None
    finished_at: int | None = None
    again_at: int | None = None
    """When a person last asked for a failed action to be sent again."""

    @property
    def since(self) -> int:
        """Instant from which it has been on its way: proposed, or asked for again."""
        return self.at if self.again_at is None else self.again_at


@dataclass(frozen=True, slots=True)
class Taken:
    """An action held by a dispatcher under a lease: `token` fences, `lead` and `keys` are as of now."""

    row: OutboxRow
    token: int
    lease_until: int
    lead: LeadState
    keys: tuple[LeadKey, ...]
    doubt: Doubt = Doubt.NONE
    """Whether it may have left before the store was restored from a backup."""


class Outbox(Protocol):
    """Every write stands together with its audit rows, or not at all."""

    async def take(self, *, now: int, limit: int, lease_us: int) -> Sequence[Taken]:
        """Hold up to `limit` actions that are due (`proposed`, `undoing`, or `sending` with a lease that ran out).

        Oldest first, at most one of a lead at a time. Attempt n with its audit row (step ``deliver``, code
        ``attempt``) is durable before this returns (I3). The first take fixes the steps and their keys. The reason
        under which a row was last put back stays on it: it says whether the row goes forward or is being unwound.
        """
        ...

    async def note(
        self, taken: Taken, steps: Sequence[StepProgress], entries: Sequence[AuditEntry], *, now: int
    ) -> bool:
        """Keep how far the steps are. False means stop: the hold was lost and somebody else goes on.

        It is False too, before the first step has begun, once the lead was forgotten or its effect is another's by a
        merge.

        No steps leaves them as they are. Raises: Permanent for steps that are not the action's.
        """
        ...

    async def finish(
        self,
        taken: Taken,
        move: Move,
        steps: Sequence[StepProgress],
        entries: Sequence[AuditEntry],
        *,
        now: int,
        reason: str = "",
        retry_at: int | None = None,
        counts: bool = True,
    ) -> bool:
        """End the hold by `move` (confirm, refuse, put_back, expire, lose_track, finish_undo). False if it was lost.

        `retry_at` with ``put_back``; `counts` = False takes the attempt back (outages, I9). An expired action wakes
        its lead (reason ``action_expired``) to be decided anew.
        Raises: Permanent for a move that ends no hold, or steps that are not the action's.
        """
        ...

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:
        """End all holds, or with `mine_only` those under this store's own writer name; see `Work.reclaim`."""
        ...

    async def next_due(self) -> int | None:
        """Instant at which the next action may be taken."""
        ...

    async def get(self, tenant: TenantId, action_id: str) -> OutboxRow | None:
        """One action."""
        ...

    async def of_decision(self, tenant: TenantId, decision_id: str) -> Sequence[OutboxRow]:
        """The actions that a decision proposed, in their order."""
        ...

    async def of_lead(self, tenant: TenantId, lead_id: str, *, limit: int = 100) -> Sequence[OutboxRow]:
        """The actions of a lead, newest first."""
        ...

    async def rows(
        self, tenant: TenantId, *, states: Sequence[ActionState] = (), limit: int = 100
    ) -> Sequence[OutboxRow]:
        """Actions in these states (all if none is named), newest first."""
        ...

    async def undo(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Ask for a done action to be taken back; one that is being or was taken back stays as it is.

        Its attempts count anew.

        Raises: BadInput if there is no such action, or nothing of it can be undone in its state.
        """
        ...

    async def resolve(self, tenant: TenantId, action_id: str, *, done: bool, by: str, now: int) -> OutboxRow:
        """A person says what became of an ``unknown`` action. Raises: BadInput."""
        ...

    async def retry(self, tenant: TenantId, action_id: str, *, by: str, now: int) -> OutboxRow:
        """Have a ``failed`` action sent again, after a person has mended what stood in the way.

        Only one of which nothing is left in the target; its steps get new keys, and its attempts and its age count
        anew. What speaks against it by now expires it as ever; a conversation that was given to somebody else meanwhile
        does too, unless that failed.
        Raises: BadInput if it has not failed, part of it may be there, or it is a score (a newer one follows anyway).
        """
        ...
