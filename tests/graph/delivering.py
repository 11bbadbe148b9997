"""A small outbox in memory: rows under leases, what was noted of them, and the audit rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from domain.action import ActionState, Move, moved
from domain.audit import AuditEntry
from domain.effect import StepProgress
from domain.lead import LeadState
from domain.ports.outbox import Outbox, OutboxRow, Taken
from tests.agents.performing import KEYS

DUE = (ActionState.PROPOSED, ActionState.SENDING, ActionState.UNDOING)


@dataclass
class SmallOutbox:
    """Satisfies the part of `domain.ports.outbox.Outbox` that a delivery uses."""

    rows_by_id: dict[str, OutboxRow] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    entries: list[AuditEntry] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    """Raised by the next calls of `note` and `finish`, one each."""

    def add(self, rows: Iterable[OutboxRow]) -> None:
        """New rows, never taken."""
        for row in rows:
            self.rows_by_id[row.action_id] = replace(
                row, state=ActionState.PROPOSED, attempt=0, next_try=row.at
            )

    async def take(self, *, now: int, limit: int, lease_us: int) -> Sequence[Taken]:
        """Hold what is due, one of a lead at a time."""
        held = {self.rows_by_id[one].lead_id for one, until in self.leases.items() if until > now}
        taken: list[Taken] = []
        for row in sorted(self.rows_by_id.values(), key=lambda row: row.at):
            due = row.state in DUE and row.next_try is not None and row.next_try <= now
            if not due or row.lead_id in held or len(taken) == limit:
                continue
            held.add(row.lead_id)
            row = replace(row, state=moved(row.state, Move.TAKE), attempt=row.attempt + 1)
            self.rows_by_id[row.action_id] = replace(row, next_try=now + lease_us)
            token = self.tokens[row.action_id] = self.tokens.get(row.action_id, 0) + 1
            self.leases[row.action_id] = now + lease_us
            lead = LeadState(row.lead_id, row.tenant, row.region)
            taken.append(Taken(row, token, now + lease_us, lead, KEYS))
        return taken

    async def note(
        self, taken: Taken, steps: Sequence[StepProgress], entries: Sequence[AuditEntry], *, now: int
    ) -> bool:
        """Keep the steps."""
        if self.troubles:
            raise self.troubles.pop(0)
        one = taken.row.action_id
        if self.tokens[one] != taken.token or not self.leases[one]:
            return False
        self.rows_by_id[one] = replace(self.rows_by_id[one], steps=tuple(steps))
        self.entries += entries
        return True

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
        """End the hold."""
        if not await self.note(taken, steps, entries, now=now):
            return False
        one = taken.row.action_id
        row = self.rows_by_id[one]
        self.rows_by_id[one] = replace(
            row,
            state=moved(row.state, move),
            reason=reason,
            next_try=retry_at,
            attempt=row.attempt - (not counts),
        )
        self.leases[one] = 0
        return True

    def steal(self, one: str) -> None:
        """Somebody else takes the action."""
        self.tokens[one] += 1

    def row(self, one: str = "ac_1_0") -> OutboxRow:
        """One action."""
        return self.rows_by_id[one]

    def states(self) -> list[ActionState]:
        """State of each action, by id."""
        return [self.rows_by_id[one].state for one in sorted(self.rows_by_id)]

    @property
    def port(self) -> Outbox:
        """The outbox as its port."""
        return cast(Outbox, self)


@dataclass
class SmallApprovals:
    """Approvals of which so many run out at the next look."""

    due: int = 0

    async def expire(self, *, now: int) -> int:
        """End them."""
        ended, self.due = self.due, 0
        return ended
