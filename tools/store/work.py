"""The worker's side: claims with lease, heartbeat and fencing."""

from collections import Counter
from collections.abc import Sequence

from domain.decision import LeadClaim
from domain.ids import TenantId
from domain.ports.work import Claimed
from tools.store.claims import Claiming
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.lease import give_back, park, unpark
from tools.store.stream import Streams
from tools.store.tallies import Tally, add_tally
from tools.store.waking import wake_all


class SqlWork:
    """Satisfies `domain.ports.work.Work`."""

    def __init__(self, database: Database, config: Config, streams: Streams) -> None:
        self._database, self._config, self._streams = database, config, streams

    async def claim(self, *, now: int, limit: int, lease_us: int) -> Sequence[Claimed]:
        """Take up to `limit` leads whose time has come."""
        return await self._database.write(lambda tx: self._claim(tx, now, limit, lease_us), point="claim")

    async def heartbeat(self, claims: Sequence[LeadClaim], *, now: int, lease_us: int) -> Sequence[LeadClaim]:
        """Extend leases; a claim that was lost is left out of the answer."""
        return await self._database.write(lambda tx: _extended(tx, claims, now + lease_us))

    async def fail(self, claim: LeadClaim, *, code: str, counts: bool, retry_at: int, now: int) -> bool:
        """Give a lead back after a failure."""
        return await self._database.write(
            lambda tx: give_back(
                tx,
                self._config,
                claim.lead_id,
                claim.token,
                code=code,
                counts=counts,
                retry_at=retry_at,
                now=now,
            )
        )

    async def reclaim(self, *, now: int, mine_only: bool = False) -> int:
        """Take back all leases at once, or those of this writer."""
        by = self._config.writer if mine_only else None
        return await self._database.write(lambda tx: tx.run("reclaim", {"now": now, "by": by}))

    async def next_due(self) -> int | None:
        """Instant of the earliest work, timer or account refresh."""
        due: int | None = await self._database.read(lambda tx: tx.one("next_due").due)
        return due

    async def wake(self, tenant: TenantId, lead_ids: Sequence[str], *, reason: str, now: int) -> None:
        """Let leads be decided anew."""
        await self._database.write(lambda tx: wake_all(tx, tenant, list(lead_ids), reason, now))

    async def unpark(self, lead_id: str, *, now: int) -> bool:
        """Let a parked lead run again."""
        return await self._database.write(lambda tx: unpark(tx, self._config, lead_id, now))

    def _claim(self, tx: Tx, now: int, limit: int, lease_us: int) -> Sequence[Claimed]:
        leads = self._takeable(tx, now, limit)
        if not leads:
            return ()
        taken = tx.rows(
            "take_leads", {"leads": as_json(leads), "until": now + lease_us, "by": self._config.writer}
        )
        claimed, unreadable = Claiming(tx, self._config, self._streams, now).read(leads, taken)
        for row in unreadable:
            park(tx, self._config, row.lead_id, row.tenant, row.region, code="unreadable", now=now)
        runs: Counter[Tally] = Counter()
        for one in claimed:
            runs[one.given.lead.tenant, one.given.lead.region, "runs"] += 1
        add_tally(tx, runs)
        return claimed

    def _takeable(self, tx: Tx, now: int, limit: int) -> list[str]:
        """Leads to take, oldest first.

        One whose last attempt ended without a word may have taken the process with it: it is taken alone, so that
        it cannot do that to others, and parked when its attempts are used up.
        """
        leads: list[str] = []
        for row in tx.rows("claimable", {"now": now, "limit": limit}):
            suspect = row.lost > 0 or row.lease_until > 0
            if suspect and row.attempt >= self._config.max_attempts:
                park(tx, self._config, row.lead_id, row.tenant, row.region, code="abandoned", now=now)
            elif suspect:
                return leads or [row.lead_id]
            else:
                leads.append(row.lead_id)
        return leads


def _extended(tx: Tx, claims: Sequence[LeadClaim], until: int) -> Sequence[LeadClaim]:
    kept = [
        claim
        for claim in claims
        if tx.run("extend_lease", {"lead": claim.lead_id, "token": claim.token, "until": until})
    ]
    return [
        LeadClaim(claim.lead_id, claim.token, claim.identity_version, claim.attempt, until) for claim in kept
    ]
