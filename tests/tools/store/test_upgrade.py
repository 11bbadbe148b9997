"""A database made by an earlier version opens, and nothing in it is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as Alembic
from sqlalchemy import create_engine

from domain.action import ActionState
from domain.approval import ApprovalState, VoteKind, hash_of
from domain.handing import Fate
from domain.instants import HOUR
from tests.tools.contract.stores import LEASE, NOW, POLICY, TENANT
from tools.store import Store, open_store
from tools.store.migrate import FOLDER

ROWS = [
    ("ac_1", "ld_1", "create_task", "waiting", "1" * 64, "dc_1"),
    ("ac_2", "ld_1", "enrol", "waiting", "2" * 64, "dc_1"),
    ("ac_3", "ld_1", "upsert_score", "proposed", "3" * 64, "dc_1"),
    ("ac_4", "ld_1", "notify", "expired", "4" * 64, "dc_1"),
    ("ac_5", "ld_2", "create_task", "waiting", "5" * 64, "dc_2"),
]


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A database of the first version with leads, decisions and actions in all the states it knew."""
    path = tmp_path / "store.db"
    _to(path, "0001")
    with closing(sqlite3.connect(path)) as file, file:
        _fill(file)
    return path


def _to(path: Path, version: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        config = Alembic()
        config.set_main_option("script_location", str(FOLDER))
        config.attributes["connection"] = conn
        command.upgrade(config, version)
    engine.dispose()


def _fill(conn: sqlite3.Connection) -> None:
    for lead in ("ld_1", "ld_2"):
        conn.execute(
            "INSERT INTO lead (lead_id, tenant, region, first_seen, last_seen) VALUES (?, ?, 'eu', ?, ?)",
            (lead, TENANT, NOW, NOW),
        )
    for n, content in ((1, b'{"versions":{"policy":"p1"}}'), (2, b"torn")):
        conn.execute(
            "INSERT INTO decision (tenant, region, decision_id, run_id, lead_id, state, as_of, at, commitment, content)"
            " VALUES (?, 'eu', ?, ?, ?, 'waiting', ?, ?, 'c', ?)",
            (TENANT, f"dc_{n}", f"rn_{n}", f"ld_{n}", NOW, NOW, content),
        )
    conn.executemany(
        "INSERT INTO outbox (action_id, lead_id, origin, kind, state, proposal_hash, decision_id, tenant, region,"
        " episode, effect_key, params, at)"
        " VALUES (?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 'eu', 1, ?2 || '/' || ?3 || '/1', '{}', ?8)",
        [(*row, TENANT, NOW) for row in ROWS],
    )


async def test_what_was_proposed_is_sent_after_the_upgrade(before: Path) -> None:
    """In its place, under its run; what had expired stays so."""
    store = open_store(before)
    rows = await store.outbox.of_decision(TENANT, "dc_1")
    assert [(row.action_id, row.state.value) for row in rows] == [(one[0], one[3]) for one in ROWS[:4]]
    assert {row.run_id for row in rows} == {"rn_1"}
    (taken,) = await store.outbox.take(now=NOW, limit=9, lease_us=LEASE)
    assert taken.row.action_id == "ac_3"
    store.close()


async def test_what_waited_for_a_person_is_asked_after_the_upgrade(before: Path) -> None:
    """One question a decision, from when it was proposed; one whose tables nobody knows is decided anew."""
    store = open_store(before)
    known, torn = sorted(await store.approvals.open(TENANT), key=lambda one: one.approval_id)
    assert (known.approval_id, known.action_ids, known.policy) == ("ap_1", ("ac_1", "ac_2"), POLICY)
    assert known.proposal_hash == hash_of(["1" * 64, "2" * 64])
    assert known.expires_at == NOW + 72 * HOUR
    assert await _approved(store, "ap_1", known.proposal_hash) is ApprovalState.APPROVED
    assert await _approved(store, "ap_2", torn.proposal_hash) is ApprovalState.REDECIDED
    states = {str(row.action_id): row.state for row in await store.outbox.rows(TENANT)}
    assert states["ac_1"] is states["ac_2"] is ActionState.PROPOSED
    assert states["ac_5"] is ActionState.EXPIRED
    store.close()


async def test_effect_keys_are_kept_over_the_upgrade(before: Path) -> None:
    """Every row but those that expired keeps others of its key out."""
    open_store(before).close()
    with closing(sqlite3.connect(before)) as conn:
        kept = dict(conn.execute("SELECT action_id, open_key FROM outbox").fetchall())
        assert kept == {one[0]: None if one[3] == "expired" else f"{one[1]}/{one[2]}/1" for one in ROWS}
        with pytest.raises(sqlite3.IntegrityError):
            conn.execute("UPDATE outbox SET open_key = 'ld_1/enrol/1' WHERE action_id = 'ac_1'")


async def test_a_conversation_that_was_given_away_knows_by_which_action_after_the_upgrade(
    before: Path,
) -> None:
    _to(before, "0015")
    with closing(sqlite3.connect(before)) as conn, conn:
        for number, params in enumerate((b'{"talk":"chatwoot:1"}', b'{"talk":"chatwoot:1"}', b"torn", b"[]")):
            conn.execute(
                "INSERT INTO outbox (action_id, lead_id, origin, kind, state, proposal_hash, decision_id, tenant,"
                " region, episode, effect_key, params, at, finished_at)"
                " VALUES (?, 'ld_1', 'ld_1', 'handoff', 'failed', 'h', 'd', ?, 'eu', ?, 'k', ?, ?, ?)",
                (f"ac_h{number}", TENANT, number, params, NOW + number, NOW + 9),
            )
        conn.executemany(
            "INSERT INTO talk (tenant, region, conversation, version, handed_at, taken, released, at)"
            " VALUES (?, 'eu', ?, 1, ?, 0, 0, ?)",
            [(TENANT, "chatwoot:1", 2, NOW), (TENANT, "chatwoot:2", 2, NOW)],
        )
    store = open_store(before)
    given = (await store.talks.standing(TENANT, "chatwoot:1")).given
    assert given is not None
    assert (given.action_id, given.fate) == ("ac_h1", Fate.LOST)
    assert (await store.talks.standing(TENANT, "chatwoot:2")).given is None
    store.close()


async def _approved(store: Store, approval: str, proposal_hash: str) -> ApprovalState:
    after = await store.approvals.vote(
        TENANT,
        approval,
        kind=VoteKind.APPROVE,
        proposal_hash=proposal_hash,
        by="rita",
        policy=POLICY,
        now=NOW + 1,
    )
    return after.state
