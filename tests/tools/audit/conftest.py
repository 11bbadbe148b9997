"""An export of a few thousand rows, made once, for everybody to ruin; and a log on each kind of store."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from domain.audit import Sealed
from tests.tools.audit.memory import MemoryRows, entry, fill, log_of, signer
from tools.audit.export import export
from tools.audit.log import SqlAuditLog
from tools.audit.signed import SignedAuditLog
from tools.store.audit import append
from tools.store.engine import Database
from tools.store.schema import audit, sealed


@dataclass(frozen=True)
class Exhibit:
    """A sound log and its export."""

    rows: MemoryRows
    log: SignedAuditLog
    file: Path
    lines: list[bytes]
    anchor: Path
    public_key: bytes


@pytest.fixture(scope="session")
def exhibit(tmp_path_factory: pytest.TempPathFactory) -> Exhibit:
    """200 runs of two tenants by three writers; roots signed twice; a few rows after the last root."""
    folder = tmp_path_factory.mktemp("exhibit")
    rows = MemoryRows()
    log = log_of(rows, folder)

    async def make() -> None:
        fill(rows, 125, seed=1)
        await log.sign_roots(now=1_000)
        fill(rows, 75, seed=2)
        await log.sign_roots(now=2_000)
        await log.append([entry("inbox", number=n) for n in range(5)])
        await export(log, folder / "log.jsonl", tenant=None)

    asyncio.run(make())
    file = folder / "log.jsonl"
    return Exhibit(rows, log, file, file.read_bytes().split(b"\n")[:-1], log.anchor, log.signer.public)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new database."""
    opened = Database(tmp_path / "leadgraph.db")
    yield opened
    opened.close()


@pytest.fixture
def sql(database: Database, tmp_path: Path) -> SqlAuditLog:
    """A log in that database, written by ``w1``."""
    return SqlAuditLog(
        database,
        append=lambda tx, entries: append(tx, "w1", entries),
        signer=signer(tmp_path),
        anchor=tmp_path / "outside" / "anchor.jsonl",
    )


@pytest.fixture(params=["memory", "sqlite"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> SignedAuditLog:
    """An empty log on each kind of store."""
    if request.param == "memory":
        return log_of(MemoryRows(), tmp_path)
    found: SqlAuditLog = request.getfixturevalue("sql")
    return found


def copy_into(database: Database, rows: MemoryRows) -> None:
    """Put everything that is in memory into the database, as the store's own statements would."""
    audit_rows = [
        {
            "tenant": row.tenant, "region": "eu", "writer": row.writer, "seq": row.seq,
            "prev": row.prev, "hash": row.hash, "run_id": None, "body": row.body,
        }
        for batch in rows.rows() for row in batch
    ]  # fmt: skip
    payloads = [sealed_values(payload) for payload in rows.payloads.values()]
    database.write_now(lambda tx: tx.conn.execute(audit.insert(), audit_rows))
    if payloads:
        database.write_now(lambda tx: tx.conn.execute(sealed.insert(), payloads))


def sealed_values(payload: Sealed) -> dict[str, object]:
    """A payload as a row."""
    return {
        "commitment": payload.commitment, "tenant": "acme", "region": "eu", "lead_id": "ld_0",
        "ciphertext": payload.ciphertext, "salt": payload.salt, "key_id": payload.key_id,
    }  # fmt: skip
