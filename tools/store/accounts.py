"""Account snapshots and their due-queue."""

from collections.abc import Sequence

from domain.ids import AccountId, TenantId
from domain.lead import AccountSnapshot, LeadState
from domain.ports.accounts import Refreshed
from tools.store.claims import lead_state, snapshots
from tools.store.codec import values_text
from tools.store.config import ACCOUNT_DELAY, CLOCK_SKEW
from tools.store.engine import Database, Tx
from tools.store.waking import wake_all


class SqlAccounts:
    """Satisfies `domain.ports.accounts.Accounts`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, *, now: int, limit: int) -> Sequence[tuple[TenantId, AccountId]]:
        """Accounts whose refresh is due, oldest first."""
        rows = await self._database.read(lambda tx: tx.rows("due_accounts", {"now": now, "limit": limit}))
        return [(TenantId(row.tenant), AccountId(row.account)) for row in rows]

    async def members(self, tenant: TenantId, account: AccountId, *, limit: int = 200) -> Sequence[LeadState]:
        """Leads of the account, most recently active first."""
        asked = {"tenant": tenant, "account": account, "limit": limit}
        rows = await self._database.read(lambda tx: tx.rows("members", asked))
        return [lead_state(row, row.body) for row in rows]

    async def snapshot(self, tenant: TenantId, account: AccountId) -> AccountSnapshot | None:
        """Newest snapshot."""
        found = await self._database.read(lambda tx: snapshots(tx, [(tenant, account)]))
        return found.get((tenant, account))

    async def save(self, refreshed: Sequence[Refreshed], *, now: int) -> None:
        """Store the snapshots under their next versions and wake leads, in one transaction."""
        if refreshed:
            await self._database.write(lambda tx: _save_all(tx, refreshed, now))


def _save_all(tx: Tx, refreshed: Sequence[Refreshed], now: int) -> None:
    for one in refreshed:
        _save(tx, one, now)


def _save(tx: Tx, refreshed: Refreshed, now: int) -> None:
    tenant, snapshot = refreshed.tenant, refreshed.snapshot
    region = tx.one("account_region", {"tenant": tenant, "account": snapshot.account})
    tx.run(
        "keep_snapshot",
        {
            "tenant": tenant,
            "region": region.region if region else "",
            "account": snapshot.account,
            "as_of": snapshot.as_of,
            "body": values_text(snapshot.values),
            "delay": ACCOUNT_DELAY,
            "skew": CLOCK_SKEW,
        },
    )
    wake_all(tx, tenant, list(refreshed.wake), "account_changed", now)
