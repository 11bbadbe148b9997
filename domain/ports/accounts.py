"""Account roll-ups: a snapshot of its own per account, refreshed through a due-queue with bounded fan-out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import AccountId, TenantId
from domain.lead import AccountSnapshot, LeadState


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A new snapshot, and the leads that it wakes (reason ``account_changed``)."""

    tenant: TenantId
    snapshot: AccountSnapshot
    wake: Sequence[str] = ()


class Accounts(Protocol):
    """Reads member leads and keeps snapshots."""

    async def due(self, *, now: int, limit: int) -> Sequence[tuple[TenantId, AccountId]]:
        """Accounts whose refresh is due, oldest first."""
        ...

    async def members(self, tenant: TenantId, account: AccountId, *, limit: int = 200) -> Sequence[LeadState]:
        """Leads of the account, most recently active first, at most `limit` (bounded on purpose)."""
        ...

    async def snapshot(self, tenant: TenantId, account: AccountId) -> AccountSnapshot | None:
        """Newest snapshot."""
        ...

    async def save(self, refreshed: Sequence[Refreshed], *, now: int) -> None:
        """Store each snapshot under the account's next version, clear its due mark, wake leads; in one transaction."""
        ...
