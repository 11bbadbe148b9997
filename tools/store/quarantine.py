"""Items that were not let in: stored sealed, released or discarded by a person."""

from collections import Counter
from collections.abc import Iterable, Sequence

from domain.audit import AuditEntry
from domain.errors import BadInput
from domain.ids import Region, TenantId
from domain.ports.inbox import Refused
from domain.ports.quarantine import Held
from tools.store.audit import append
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.refs import Place


class SqlQuarantine:
    """Satisfies `domain.ports.quarantine.Quarantine`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def open_items(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Held]:
        """Items nobody has decided on, oldest first, without their bytes."""
        rows = await self._database.read(
            lambda tx: tx.rows("quarantine_open", {"tenant": tenant, "limit": limit})
        )
        return [Held(row.item_id, Region(row.region), *row[2:]) for row in rows]

    async def release(self, tenant: TenantId, item_id: str, *, new_raw: bytes | None = None) -> Held:
        """The item with its bytes, or with `new_raw`."""
        row = await self._database.read(
            lambda tx: tx.one("quarantine_item", {"tenant": tenant, "item": item_id})
        )
        if row is None:
            raise not_open(item_id)
        raw = new_raw if new_raw is not None else self._config.open_raw(row.raw)
        where = Region(row.region)
        return Held(item_id, where, row.source, row.position, row.field, row.code, row.reason, row.at, raw)

    async def discard(self, tenant: TenantId, item_id: str, *, reason: str, now: int) -> None:
        """Give the item up."""
        await self._database.write(lambda tx: self._discard(tx, tenant, item_id, reason, now))

    def _discard(self, tx: Tx, tenant: TenantId, item_id: str, reason: str, now: int) -> None:
        row = tx.one("quarantine_item", {"tenant": tenant, "item": item_id})
        if row is None:
            raise not_open(item_id)
        close = {"tenant": tenant, "item": item_id, "state": "discarded", "reason": reason, "at": now}
        tx.run("close_quarantine", close)
        append(tx, self._config.writer, [noted(tenant, row.region, "discarded", item_id, now)])


def put_aside(tx: Tx, config: Config, refused: Iterable[Refused], now: int) -> None:
    """Store refused items, their bytes sealed."""
    rows = [
        {
            "tenant": item.tenant,
            "region": item.region,
            "item": f"qn_{config.new_id()}",
            "source": item.source,
            "position": item.position,
            "field": item.field,
            "code": item.code,
            "reason": item.reason,
            "at": now,
            "raw": config.seal_raw(item.raw),
        }
        for item in refused
    ]
    tx.run("insert_quarantine", rows)


def close_released(
    tx: Tx, config: Config, tenants: Iterable[TenantId], released: Sequence[str], now: int
) -> Counter[Place]:
    """Close items whose bytes come in again with this batch; how many by tenant and region.

    Raises: BadInput if one is not open, or not of one of `tenants`.
    """
    closed: Counter[Place] = Counter()
    entries = []
    for item_id in released:
        found = (tx.one("quarantine_item", {"tenant": tenant, "item": item_id}) for tenant in tenants)
        row = next((row for row in found if row is not None), None)
        if row is None:
            raise not_open(item_id)
        close = {"tenant": row.tenant, "item": item_id, "state": "released", "reason": None, "at": now}
        tx.run("close_quarantine", close)
        closed[TenantId(row.tenant), Region(row.region)] += 1
        entries.append(noted(row.tenant, row.region, "released", item_id, now))
    append(tx, config.writer, entries)
    return closed


def not_open(item_id: str) -> BadInput:
    """There is nothing under this id to decide on."""
    return BadInput("item", f"{item_id} is not open", "look at leadgraph quarantine list", code="not_open")


def noted(tenant: str, region: str, code: str, item_id: str, now: int) -> AuditEntry:
    """The audit row of a person's decision about an item."""
    return AuditEntry(
        tenant=TenantId(tenant),
        region=Region(region),
        step="quarantine",
        code=code,
        at=now,
        detail={"item": item_id},
    )
