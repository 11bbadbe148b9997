"""Appending, signing and anchoring, on each kind of store."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from domain.audit import Sealed
from domain.errors import ConfigError, Permanent, Temporary
from domain.ids import TenantId
from domain.ports.audit import StoredRow
from domain.verification import Findings
from tests.tools.audit.conftest import copy_into, sealed_values
from tests.tools.audit.memory import MemoryRows, entry, fill
from tools.audit.anchor import append, roots_in
from tools.audit.export import export
from tools.audit.log import SqlAuditLog
from tools.audit.roots import Root, line
from tools.audit.signed import Batches, Head, SignedAuditLog
from tools.audit.verify import verify_log
from tools.audit.verify_export import verify_export
from tools.privacy.vault import commitment
from tools.store.audit import append as append_rows
from tools.store.engine import Database
from tools.store.schema import audit, root, sealed


def anchored(log: SignedAuditLog) -> list[tuple[str, int, int]]:
    """(chain, seq, at) of each line of the anchor."""
    return [(found.chain, found.seq, found.at) for found in roots_in(log.anchor, Findings())]


async def test_each_tenant_has_a_chain_of_its_own(log: SignedAuditLog) -> None:
    """Rows come back by tenant, writer and place, in batches."""
    await log.append(
        [entry("inbox", tenant=tenant, number=n) for n in range(5) for tenant in ("zeta", "acme")]
    )
    rows = [row for batch in log.rows(batch=3) for row in batch]
    assert [(row.tenant, row.seq) for row in rows] == [(t, n) for t in ("acme", "zeta") for n in range(1, 6)]
    assert {row.tenant for batch in log.rows(TenantId("acme")) for row in batch} == {"acme"}
    assert [(head.chain, head.seq) for head in await log.heads()] == [("acme/w1", 5), ("zeta/w1", 5)]
    assert [head.chain for head in await log.heads(TenantId("zeta"))] == ["zeta/w1"]


async def test_a_bad_row_takes_no_other_with_it(log: SignedAuditLog) -> None:
    """All of a call's rows are there, or none; the chain goes on as if nothing had been."""
    await log.append([entry()])
    if isinstance(log, SqlAuditLog):
        with pytest.raises(ValueError, match="cannot hold"):
            await log.append([entry(), entry(detail={"x": 0.5})])
    await log.append([entry()])
    found = await verify_log(log)
    assert (found.ok, found.rows) == (True, 2)


async def test_roots_are_anchored_and_say_how_far(log: SignedAuditLog) -> None:
    """What came after the last signing is named as not anchored."""
    await log.append([entry(number=n) for n in range(4)])
    assert (await verify_log(log)).anchored_to == {}
    assert await log.sign_roots(now=10) == {"acme/w1": 4}
    await log.append([entry(number=n) for n in range(3)])
    found = await verify_log(log)
    assert (found.ok, found.rows, found.chains) == (True, 7, 1)
    assert (found.anchored_to, found.unanchored) == ({"acme/w1": 4}, {"acme/w1": 3})


async def test_nothing_new_is_not_signed_again(log: SignedAuditLog) -> None:
    """The anchor grows with the log and not with the clock."""
    await log.append([entry()])
    for now in (10, 20):
        assert await log.sign_roots(now=now) == {"acme/w1": 1}
    await log.append([entry(), entry(tenant="zeta")])
    assert await log.sign_roots(now=30) == {"acme/w1": 2, "zeta/w1": 1}
    assert anchored(log) == [("acme/w1", 1, 10), ("acme/w1", 2, 30), ("zeta/w1", 1, 30)]
    assert [(r.chain, r.seq, r.at) for r in await log.roots()] == anchored(log)


async def test_an_empty_log_signs_nothing(log: SignedAuditLog) -> None:
    """And is sound."""
    assert await log.sign_roots(now=1) == {}
    assert not log.anchor.exists()
    found = await verify_log(log)
    assert (found.ok, found.rows, found.chains, found.anchored_to) == (True, 0, 0, {})


async def test_an_anchor_that_is_gone_is_a_finding_until_signed_anew(log: SignedAuditLog) -> None:
    """It cannot have gone by itself; signing again vouches for what is there now, and for nothing before."""
    await log.append([entry()])
    await log.sign_roots(now=1)
    log.anchor.unlink()
    assert [problem.code for problem in (await verify_log(log)).problems] == ["anchor_missing"]
    await log.sign_roots(now=2)
    assert anchored(log) == [("acme/w1", 1, 1)]
    assert (await verify_log(log)).ok is True


async def test_a_crash_between_anchor_and_store_is_made_good(log: SignedAuditLog) -> None:
    """The anchor has the root, the store not yet: the next signing stores it, and both agree."""
    await log.append([entry()])
    await log.sign_roots(now=1)
    kept = await log.roots()
    ahead = SignedAuditLog(MemoryRows(stored=_chains(log)), signer=log.signer, anchor=log.anchor)
    assert await ahead.roots() == []
    await ahead.sign_roots(now=5)
    assert [(r.seq, r.hash) for r in await ahead.roots()] == [(r.seq, r.hash) for r in kept]
    assert (await verify_log(ahead)).ok is True
    assert (await verify_log(log)).ok is True


def _chains(log: SignedAuditLog) -> dict[tuple[str, str], list[StoredRow]]:
    rows = [row for batch in log.rows() for row in batch]
    return {(rows[0].tenant, rows[0].writer): rows}


async def test_an_anchor_that_cannot_be_written_stores_no_root(log: SignedAuditLog, tmp_path: Path) -> None:
    """A stored root is always an anchored one."""
    await log.append([entry()])
    (tmp_path / "file").write_text("in the way")
    log.anchor = tmp_path / "file" / "anchor.jsonl"
    with pytest.raises(Temporary, match="anchor"):
        await log.sign_roots(now=1)
    assert await log.roots() == []


def root_at(seq: int) -> Root:
    """Some root."""
    return Root("acme", "w1", seq, "0" * 64, 1, "c2ln", "key")


def test_a_torn_line_of_the_anchor_costs_only_itself(tmp_path: Path) -> None:
    """A crash in the middle of a write leaves half a line; what follows is read, and nothing is reported."""
    anchor = tmp_path / "anchor.jsonl"
    append(anchor, [root_at(1)])
    with anchor.open("ab") as file:
        file.write(line(root_at(2))[:40])
    append(anchor, [root_at(2), root_at(3)])
    findings = Findings()
    assert [found.seq for found in roots_in(anchor, findings)] == [1, 2, 3]
    assert findings.total == 0


def test_a_damaged_line_of_the_anchor_is_a_finding(tmp_path: Path) -> None:
    """With its number; the others still count."""
    anchor = tmp_path / "anchor.jsonl"
    append(anchor, [root_at(1)])
    with anchor.open("ab") as file:
        file.write(b'{"at":1}\n' + line(root_at(2)) + b" \n")
    append(anchor, [root_at(3)])
    findings = Findings()
    assert [found.seq for found in roots_in(anchor, findings)] == [1, 3]
    assert [(problem.code, problem.seq) for problem in findings.all()] == [
        ("anchor_damaged", 2),
        ("anchor_damaged", 3),
    ]


def test_an_anchor_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """Who names an anchor wants it read."""
    with pytest.raises(ConfigError, match="cannot be read"):
        roots_in(tmp_path / "nowhere", Findings())


async def test_database_and_memory_export_the_same_bytes(
    sql: SqlAuditLog, database: Database, tmp_path: Path
) -> None:
    """Two tenants, three writers, payloads: the twin is a twin."""
    rows = MemoryRows()
    fill(rows, 60)
    copy_into(database, rows)
    twin = SignedAuditLog(rows, signer=sql.signer, anchor=tmp_path / "twin.jsonl")
    for log in (sql, twin):
        await log.sign_roots(now=5)
        await export(log, tmp_path / f"{type(log).__name__}.jsonl", tenant=None)
    one, two = (tmp_path / f"{type(log).__name__}.jsonl" for log in (sql, twin))
    assert one.read_bytes() == two.read_bytes()
    assert sql.anchor.read_bytes() == twin.anchor.read_bytes()
    found = verify_export(one, anchor=sql.anchor, public_key=sql.signer.public)
    assert (found.ok, found.rows, found.sealed) == (True, 360, 60)


@pytest.mark.parametrize("change", [
    update(audit).where(audit.c.seq == 3).values(body=b"{}"),
    update(audit).where(audit.c.seq == 3).values(writer="w9"),
    update(audit).where(audit.c.seq == 3).values(tenant="zeta"),
    update(audit).where(audit.c.seq == 3).values(seq=30),
    update(audit).where(audit.c.seq == 3).values(prev="0" * 64),
    delete(audit).where(audit.c.seq == 3),
    delete(audit).where(audit.c.seq >= 4),
    delete(audit),
    update(root).values(hash="0" * 64),
    update(root).values(signature="AAAA"),
    update(root).values(key_id="another"),
    text("UPDATE audit SET body = 'text' WHERE seq = 3"),
    text("UPDATE audit SET seq = 'three' WHERE seq = 3"),
    text("UPDATE audit SET seq = 'five' WHERE seq = 5"),
    text("UPDATE audit SET hash = x'00' WHERE seq = 3"),
    text("UPDATE audit SET prev = 7.5 WHERE seq = 3"),
    text("UPDATE root SET seq = 'five', at = 'now'"),
    text("UPDATE sealed SET ciphertext = 'text', salt = 3"),
    update(sealed).values(ciphertext=b"another"),
    update(sealed).values(salt=b"another"),
], ids=str)  # fmt: skip
async def test_changes_in_the_database_are_found(
    change: object, sql: SqlAuditLog, database: Database
) -> None:
    """By verifying the log where it lives."""
    payload = Sealed(b"cipher", b"salt", commitment(b"salt", b"cipher"), "k1")
    await sql.append([entry(number=n, commitment=payload.commitment if n == 1 else None) for n in range(5)])
    database.write_now(lambda tx: tx.conn.execute(sealed.insert(), [sealed_values(payload)]))
    await sql.sign_roots(now=1)
    before = await verify_log(sql)
    assert (before.ok, before.sealed) == (True, 1)
    database.write_now(lambda tx: tx.conn.execute(change))  # type: ignore[call-overload]  # a statement
    assert (await verify_log(sql)).ok is False


@pytest.mark.parametrize("column", ["hash", "writer", "prev"])
async def test_text_that_is_no_text_is_an_error_in_words(
    sql: SqlAuditLog, database: Database, column: str
) -> None:
    """Bytes that the database itself cannot read as text."""
    await sql.append([entry(number=n) for n in range(3)])
    broken = text(f"UPDATE audit SET {column} = CAST(x'ff' AS TEXT) WHERE seq = 2")  # noqa: S608 - our own names
    database.write_now(lambda tx: tx.conn.execute(broken))
    with pytest.raises(Permanent, match="not theirs"):
        await verify_log(sql)


async def test_an_erased_payload_leaves_a_sound_log(sql: SqlAuditLog, database: Database) -> None:
    """Ciphertext and salt gone, the rows still verify; the verdict counts what is gone."""
    payload = Sealed(b"cipher", b"salt", commitment(b"salt", b"cipher"), "k1")
    await sql.append([entry(commitment=payload.commitment), entry()])
    database.write_now(lambda tx: tx.conn.execute(sealed.insert(), [sealed_values(payload)]))
    assert await sql.seal_of(payload.commitment) == payload
    await sql.sign_roots(now=1)
    database.write_now(lambda tx: tx.conn.execute(delete(sealed)))
    found = await verify_log(sql)
    assert (found.ok, found.sealed, found.erased) == (True, 0, 1)
    assert await sql.seal_of(payload.commitment) is None


async def test_many_payloads_are_found_at_once(sql: SqlAuditLog, database: Database) -> None:
    """More than one query takes."""
    payloads = [Sealed(b"%d" % n, b"salt", f"{n:064x}", "k") for n in range(1_234)]
    rows = [sealed_values(payload) for payload in payloads]
    database.write_now(lambda tx: tx.conn.execute(sealed.insert(), rows))
    assert len(sql.seals([payload.commitment for payload in payloads] + ["unknown"])) == 1_234
    assert sql.seals([]) == {}


async def test_a_row_can_be_added_before_any_loop_runs(sql: SqlAuditLog) -> None:
    """For what happens while a home is being opened."""
    await asyncio.to_thread(sql.append_now, entry("policy"))
    assert [head.seq for head in await sql.heads()] == [1]


async def test_rows_appended_while_exporting_wait_for_the_next_export(
    sql: SqlAuditLog, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An export is of one moment: what comes later is left out, and nothing is reported missing."""
    await sql.append([entry(number=n) for n in range(50)])
    await sql.sign_roots(now=1)
    heads, rows = sql.heads, sql.rows

    async def heads_later(tenant: TenantId | None = None) -> list[Head]:
        await sql.append([entry("inbox", tenant="zeta")])
        return await heads(tenant)

    def rows_later(tenant: TenantId | None = None, *, batch: int = 2_000) -> Batches:
        database.write_now(lambda tx: append_rows(tx, "w1", [entry(), entry(tenant="new")]))
        return rows(tenant, batch=batch)

    monkeypatch.setattr(sql, "heads", heads_later)
    monkeypatch.setattr(sql, "rows", rows_later)
    done = await export(sql, tmp_path / "log.jsonl", tenant=None)
    assert (done.rows, done.roots, done.chains) == (51, 1, 2)
    assert verify_export(tmp_path / "log.jsonl").ok is True


@pytest.mark.parametrize("lost", [4, 1], ids=["the end", "all"])
async def test_an_export_of_a_cut_log_shows_the_cut(
    sql: SqlAuditLog, database: Database, tmp_path: Path, lost: int
) -> None:
    """The stored root goes into the export although its row is gone."""
    await sql.append([entry(number=n) for n in range(5)])
    await sql.sign_roots(now=1)
    database.write_now(lambda tx: tx.conn.execute(delete(audit).where(audit.c.seq >= lost)))
    await export(sql, tmp_path / "log.jsonl", tenant=None)
    assert [problem.code for problem in verify_export(tmp_path / "log.jsonl").problems] == ["truncated"]
