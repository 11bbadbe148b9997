"""What vendors are asked for, in the durable store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.ids import Region, TenantId
from domain.instants import SECOND
from domain.ports.upstream import Place, Record, Standing, Todo, Unread
from domain.signal import KeyKind, LeadKey
from tools.store.components import as_json
from tools.store.engine import Database, Tx
from tools.store.waking import wake_all

PAUSE: Final = 2 * SECOND
"""A record that keeps changing is read at most this often."""
SKEW: Final = 5 * SECOND
"""A record read sooner than this after a change may not have shown it: clocks differ, and vendors lag."""
ARRIVED: Final = "record_read"
"""Reason of the timer that wakes a lead which was decided about without its record."""


class SqlTodos:
    """Satisfies `domain.ports.upstream.Todos`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self, tenant: TenantId, region: Region, records: Sequence[Record], *, wait_us: int, now: int
    ) -> int:
        """Put them on the list."""
        rows = [
            {
                **_place(tenant, one),
                "region": region,
                "key_kind": one.kind.value if one.kind else "",
                "key_value": one.key.value if one.key else "",
                "since": one.since,
                "back_to": one.since if one.back_to is None else one.back_to,
                "now": now,
                "wait_until": now + wait_us,
                "pause": PAUSE,
                "skew": SKEW,
            }
            for one in records
        ]
        if not rows:
            return 0
        return await self._database.write(lambda tx: tx.run("note_record", rows), first=True)

    async def due(self, tenant: TenantId, *, now: int) -> Sequence[str]:
        """Vendors with something due."""
        given = {"tenant": tenant, "now": now}
        return await self._database.read(lambda tx: [row.vendor for row in tx.rows("due_vendors", given)])

    async def take(
        self, tenant: TenantId, vendor: str, *, limit: int, now: int, lease_us: int
    ) -> Sequence[Todo]:
        """Lease what is due."""

        def work(tx: Tx) -> Sequence[Todo]:
            given = {"tenant": tenant, "vendor": vendor, "now": now, "limit": limit}
            found = [_todo(row) for row in tx.rows("due_records", given)]
            until = now + lease_us
            tx.run("lease_record", [{**_place(tenant, one.record), "until": until} for one in found])
            return found

        return await self._database.write(work)

    async def settle(self, tenant: TenantId, done: Mapping[Todo, str], *, read_at: int, now: int) -> None:
        """Take them off the list; whoever waited for them is ready."""

        def work(tx: Tx) -> None:
            for todo, code in done.items():
                _settle(tx, tenant, todo, code, read_at=read_at, now=now)

        await self._database.write(work, point="record.settle")

    async def put_off(self, tenant: TenantId, todos: Sequence[Todo], *, until: int, code: str) -> None:
        """Let them fall due later."""
        rows = [{**_place(tenant, one.record), "until": until, "code": code} for one in todos]
        await self._database.write(lambda tx: tx.run("put_off_record", rows))

    async def waiting(self, tenant: TenantId) -> Mapping[str, int]:
        """How many are on the list."""
        rows = await self._database.read(lambda tx: tx.rows("count_records", {"tenant": tenant}))
        return {row.vendor: row.n for row in rows}

    async def prune(self, tenant: TenantId, *, before: int, limit: int) -> int:
        """Take old ones off the table."""

        def work(tx: Tx) -> int:
            found = tx.rows("old_records", {"tenant": tenant, "before": before, "limit": limit})
            keys = ("vendor", "object", "ref")
            tx.run("drop_record", [{"tenant": tenant, **dict(zip(keys, row, strict=True))} for row in found])
            return len(found)

        return await self._database.write(work)

    async def unread(self, tenant: TenantId, keys: Sequence[LeadKey]) -> Sequence[Unread]:
        """Those still on the list."""
        wanted = set(keys)
        given = {"tenant": tenant, "keys": as_json({key.value for key in wanted})}
        rows = await self._database.read(lambda tx: tx.rows("unread_keys", given))
        found = [
            Unread(LeadKey(KeyKind(row.key_kind), row.key_value), row.vendor, row.wait_until) for row in rows
        ]
        return [one for one in found if one.key in wanted]

    async def passed(self, tenant: TenantId, keys: Sequence[LeadKey]) -> None:
        """Remember that runs went on without them."""
        rows = [{"tenant": tenant, "kind": key.kind.value, "value": key.value} for key in keys]
        await self._database.write(lambda tx: tx.run("pass_record", rows))


class SqlPositions:
    """Satisfies `domain.ports.upstream.Positions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, tenant: TenantId, region: Region, name: str, *, now: int, lease_us: int, asked: bool = False
    ) -> Place | None:
        """Hold it, if it is free and due."""
        given = {"tenant": tenant, "region": region, "name": name, "now": now}
        if not asked and await self._database.read(lambda tx: tx.one("due_position", given)) is not None:
            return None

        def work(tx: Tx) -> Any:
            tx.run("add_position", given)
            return tx.one("take_position", {**given, "until": now + lease_us, "asked": asked})

        row = await self._database.write(work)
        return None if row is None else Place(name, row.position, row.token)

    async def move(
        self,
        tenant: TenantId,
        place: Place,
        position: str,
        *,
        code: str,
        now: int,
        due_at: int | None,
        hold_us: int = 0,
    ) -> bool:
        """Keep a position, if the place is still ours."""
        given = {"tenant": tenant, "name": place.name, "token": place.token, "position": position}
        given |= {"code": code, "now": now, "due_at": due_at, "until": now + hold_us}
        return await self._database.write(lambda tx: tx.run("move_position", given), point="position") > 0

    async def put_off(self, tenant: TenantId, place: Place, *, code: str, now: int, due_at: int) -> None:
        """Let it go."""
        given = {"tenant": tenant, "name": place.name, "token": place.token}
        given |= {"code": code, "now": now, "due_at": due_at}
        await self._database.write(lambda tx: tx.run("put_off_position", given))

    async def standing(self, tenant: TenantId) -> Sequence[Standing]:
        """All of them."""
        rows = await self._database.read(lambda tx: tx.rows("positions", {"tenant": tenant}))
        return [Standing(row.name, row.position, row.at, row.code, row.moved_at) for row in rows]


def _place(tenant: str, record: Record) -> dict[str, Any]:
    return {"tenant": tenant, "vendor": record.vendor, "object": record.object, "ref": record.ref}


def _todo(row: Any) -> Todo:
    kind = KeyKind(row.key_kind) if row.key_kind else None
    record = Record(row.vendor, row.object, row.ref, row.since, row.back_to, kind)
    return Todo(record, row.mark, row.attempt + 1)


def _settle(tx: Tx, tenant: TenantId, todo: Todo, code: str, *, read_at: int, now: int) -> None:
    place = _place(tenant, todo.record)
    before = tx.one("late_record", place)
    given = {**place, "mark": todo.mark, "code": code, "read_at": read_at, "now": now, "pause": PAUSE}
    row = tx.one("settle_record", given)
    if row is None or not row.key_kind:
        return
    key = {"tenant": tenant, "kind": row.key_kind, "value": row.key_value}
    leads = [found.lead_id for found in tx.rows("leads_of_key", key)]
    if before.late:
        wake_all(tx, tenant, leads, ARRIVED, now)
    tx.run("hurry_lead", [{"tenant": tenant, "lead": lead, "now": now} for lead in leads])
