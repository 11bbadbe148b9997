"""The audit log's tables in the store's database: reading chains, payloads and roots, and keeping roots."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, tuple_
from sqlalchemy.exc import DBAPIError

from domain.audit import AuditEntry, Sealed
from domain.errors import Permanent
from domain.ids import TenantId
from domain.ports.audit import StoredRow
from tools.audit.roots import Root
from tools.audit.signed import Batches, Head
from tools.store.engine import Database, Tx
from tools.store.schema import audit, root, sealed

Append = Callable[[Tx, Sequence[AuditEntry]], object]
"""The store's own way of adding rows within a transaction."""
ASKED_AT_ONCE: Final = 500
"""Commitments in one query."""
_ROW: Final = tuple(audit.c[name] for name in ("tenant", "writer", "seq", "prev", "hash", "body"))
_ROOT: Final = tuple(
    root.c[name] for name in ("tenant", "writer", "seq", "hash", "at", "signature", "key_id")
)
chain: Final = tuple_(audit.c.tenant, audit.c.writer)
place: Final = tuple_(audit.c.tenant, audit.c.writer, audit.c.seq)


class SqlRows:
    """Satisfies `tools.audit.signed.StoredRows`."""

    def __init__(self, database: Database, *, append: Append) -> None:
        """`append` is the store's: one owner for the heads of its chains."""
        self._database, self._append = database, append

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows in a transaction of their own, all or none."""
        await self._database.write(lambda tx: self._append(tx, entries))

    def rows(self, tenant: TenantId | None = None, *, batch: int = 2_000) -> Batches:
        """All rows by (tenant, writer, seq), as of one moment, on a connection of their own."""
        with _readable(), self._database.reading() as tx:
            after: Sequence[Any] | None = None
            while found := _after(tx.conn, tenant, after, batch):
                yield [stored_row(row) for row in found]
                after = found[-1][:3]

    async def heads(self) -> list[Head]:
        """The last row of each chain."""
        with _readable():
            return await self._database.read(lambda tx: list(_heads(tx.conn)))

    async def seal_of(self, commitment: str) -> Sealed | None:
        """The payload behind a commitment."""
        return (await self._database.read(lambda tx: _seals(tx.conn, [commitment]))).get(commitment)

    def seals(self, commitments: Sequence[str]) -> Mapping[str, Sealed]:
        """The payloads behind some commitments, those that are still there; from any thread."""
        with _readable():
            return self._database.read_beside(lambda tx: _seals(tx.conn, commitments))

    async def keep_roots(self, roots: Sequence[tuple[Root, str]]) -> None:
        """Store roots with their regions; one that is there already stays."""
        await self._database.write(lambda tx: _keep(tx.conn, roots))

    async def roots(self) -> list[Root]:
        """All roots by (tenant, writer, seq)."""
        query = select(*_ROOT).order_by(root.c.tenant, root.c.writer, root.c.seq)
        with _readable():
            return await self._database.read(lambda tx: [stored_root(row) for row in tx.conn.execute(query)])


@contextmanager
def _readable() -> Iterator[None]:
    """What the database itself cannot read, as only damage or tampering leaves it, as an error in words."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        raise Permanent(f"the audit tables hold something that is not theirs: {error}") from error


def _after(
    conn: Connection, tenant: str | None, after: Sequence[Any] | None, batch: int
) -> Sequence[Sequence[Any]]:
    query = select(*_ROW).order_by(audit.c.tenant, audit.c.writer, audit.c.seq).limit(batch)
    query = query.where(place > after) if after else query
    query = query.where(audit.c.tenant == tenant) if tenant is not None else query
    return conn.execute(query).cursor.fetchall()  # as the driver gives them: wrapping each row takes 3 µs


def stored_row(values: Sequence[Any]) -> StoredRow:
    """A row whatever types somebody put into the table: what is of another type never matches its hash."""
    row = StoredRow._make(values)
    tenant, writer, seq, prev, row_hash, body = row
    if type(body) is bytes and type(seq) is int and type(prev) is str and type(row_hash) is str:
        return row
    return StoredRow(str(tenant), str(writer), _whole(seq), "", "", b"")


def stored_root(values: Sequence[Any]) -> Root:
    """A root likewise: what is of another type never matches its signature."""
    tenant, writer, seq, row_hash, at, signature, key = values
    return Root(str(tenant), str(writer), _whole(seq), str(row_hash), _whole(at), str(signature), str(key))


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _whole(value: object) -> int:
    return value if type(value) is int else 0


def _heads(conn: Connection) -> Iterator[Head]:
    """Chain by chain along the primary key: a look-up for each chain, however long it is."""
    chains = select(audit.c.tenant, audit.c.writer).order_by(audit.c.tenant, audit.c.writer).limit(1)
    found = conn.execute(chains).first()
    while found is not None:
        newest = (
            select(func.max(audit.c.seq))
            .where(audit.c.tenant == found.tenant, audit.c.writer == found.writer)
            .scalar_subquery()
        )
        head = conn.execute(
            select(audit.c.tenant, audit.c.writer, audit.c.seq, audit.c.hash, audit.c.region).where(
                audit.c.tenant == found.tenant, audit.c.writer == found.writer, audit.c.seq == newest
            )
        ).one()
        yield Head(str(head[0]), str(head[1]), _whole(head[2]), str(head[3]), str(head[4]))
        found = conn.execute(chains.where(chain > (found.tenant, found.writer))).first()


def _seals(conn: Connection, commitments: Sequence[str]) -> Mapping[str, Sealed]:
    query = select(sealed.c.ciphertext, sealed.c.salt, sealed.c.commitment, sealed.c.key_id)
    found: dict[str, Sealed] = {}
    for start in range(0, len(commitments), ASKED_AT_ONCE):
        part = commitments[start : start + ASKED_AT_ONCE]
        rows = conn.execute(query.where(sealed.c.commitment.in_(part))).cursor.fetchall()
        for ciphertext, salt, named, key in rows:
            found[named] = Sealed(_bytes(ciphertext), _bytes(salt), named, key)
    return found


def _keep(conn: Connection, roots: Sequence[tuple[Root, str]]) -> None:
    values: list[dict[str, Any]] = [
        {
            "tenant": kept.tenant,
            "region": region,
            "writer": kept.writer,
            "seq": kept.seq,
            "hash": kept.hash,
            "at": kept.at,
            "signature": kept.signature,
            "key_id": kept.key,
        }
        for kept, region in roots
    ]
    conn.execute(insert(root).prefix_with("OR IGNORE", dialect="sqlite"), values)
