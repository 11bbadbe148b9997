"""The worker's side: claims with lease, heartbeat and fencing, and the due-queue."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.decision import LeadClaim, RunInput
from domain.ids import TenantId


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lead taken, with its pinned input."""

    claim: LeadClaim
    given: RunInput


class Work(Protocol):
    """Leads with something to do: new signals, or a timer that is due."""

    async def claim(self, *, now: int, limit: int, lease_us: int) -> Sequence[Claimed]:
        """Take up to `limit` leads, oldest work first, each under a new fencing token, with `as_of` pinned to `now`.

        The claim (attempt n included) is durable before it is returned (I3).
        """
        ...

    async def heartbeat(self, claims: Sequence[LeadClaim], *, now: int, lease_us: int) -> Sequence[LeadClaim]:
        """Extend leases; a claim that was lost is left out of the answer."""
        ...

    async def fail(self, claim: LeadClaim, *, code: str, counts: bool, retry_at: int, now: int) -> bool:
        """Give a lead back after a failure. `counts` = False for outages (I9). Returns True if the lead was parked."""
        ...

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:
        """Take back all leases at once: for a start when nobody else can be running.

        With `mine_only` those under this store's own writer name: for a start beside others, by a process that knows
        that the last one of its name is dead.
        """
        ...

    async def next_due(self) -> int | None:
        """Instant of the earliest timer or work, None if there is none."""
        ...

    async def wake(self, tenant: TenantId, lead_ids: Sequence[str], *, reason: str, now: int) -> None:
        """Let leads be decided anew for `reason`, through the due-queue; all in one transaction.

        One that is gone, merged or asked to be forgotten sleeps on; one that is held is decided again after that.
        """
        ...

    async def unpark(self, lead_id: str, *, now: int) -> bool:
        """Let a parked lead run again."""
        ...
