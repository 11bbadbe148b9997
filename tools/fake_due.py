"""Conversations that are to be looked at in their desk, in the in-memory store."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.ids import TenantId
from domain.ports.desks import DueTalk
from domain.signal import Signal
from tools.store.desk_due import PAUSE, falling_due

if TYPE_CHECKING:
    from tools.fake_world import World


@dataclass(slots=True)
class Row:
    """One conversation on the list."""

    due_at: int
    mark: int
    attempt: int = 0
    code: str = ""


@dataclass(slots=True)
class DueRows:
    """The list: (tenant, conversation) -> row."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def note(self, desk: str, signals: Iterable[Signal], now: int) -> None:
        """Put conversations of `desk` on the list. One that waits keeps its time."""
        for signal, conversation in falling_due(desk, signals):
            self.add(signal.tenant, [conversation], now)

    def add(self, tenant: str, conversations: Iterable[str], now: int) -> None:
        """Put these on the list. One that waits keeps its time."""
        for conversation in conversations:
            row = self.rows.get((tenant, conversation))
            if row is None:
                self.rows[tenant, conversation] = Row(now + PAUSE, now)
            else:
                row.mark = max(row.mark + 1, now)


class MemoryDueTalks:
    """Satisfies `domain.ports.desks.DueTalks`."""

    def __init__(self, world: "World") -> None:
        self._rows = world.due_talks.rows

    async def take(self, tenant: TenantId, *, limit: int, now: int, lease_us: int) -> Sequence[DueTalk]:
        """Lease what is due."""
        due = [
            (name, row) for (owner, name), row in self._rows.items() if owner == tenant and row.due_at <= now
        ]
        taken = sorted(due, key=lambda one: one[1].due_at)[:limit]
        for _, row in taken:
            row.due_at, row.attempt = now + lease_us, row.attempt + 1
        return [DueTalk(name, row.mark, row.attempt) for name, row in taken]

    async def settle(self, tenant: TenantId, one: DueTalk, *, now: int) -> None:
        """Take it off the list, or leave it due."""
        row = self._rows.get((tenant, one.conversation))
        if row is not None and row.mark == one.mark:
            del self._rows[tenant, one.conversation]
        elif row is not None and row.mark > one.mark:
            row.due_at, row.attempt, row.code = now, 0, ""

    async def put_off(self, tenant: TenantId, one: DueTalk, *, until: int, code: str) -> None:
        """Let it fall due later."""
        row = self._rows.get((tenant, one.conversation))
        if row is not None:
            row.due_at, row.code = until, code

    async def waiting(self, tenant: TenantId) -> int:
        """How many are on the list."""
        return sum(owner == tenant for owner, _ in self._rows)
