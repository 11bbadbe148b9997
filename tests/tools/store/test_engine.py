"""One transaction a call, and errors that say what to do next."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from domain.errors import Permanent, Temporary
from domain.ports.inbox import Refused
from domain.signal import Signal
from tests.tools.contract.stores import NOW, TENANT, balanced, bundle, claim_one, refused, signal
from tests.tools.store.conftest import OpenStore
from tools.store import Store, engine, open_store

POINTS = ["inbox.before_commit", "claim.before_commit", "commit.before_commit"]


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", POINTS)
async def test_what_fails_before_its_commit_leaves_nothing(opened: OpenStore, point: str) -> None:
    """All or nothing, and the next attempt succeeds."""
    armed = [True]

    def on_point(name: str) -> None:
        if name == point and armed:
            armed.clear()
            raise Crash(name)

    store = opened(on_point=on_point)

    async def step() -> None:
        batch: list[Signal | Refused] = [signal(1), signal(1), refused(2)]
        if not (await store.reads.counts(TENANT))["signals"]:
            await store.inbox.accept(batch, now=NOW)
        one = await claim_one(store)
        await store.commit.commit([bundle(one)], now=NOW)

    with pytest.raises(Crash):
        await step()
    before = await balanced(store)
    if point == "inbox.before_commit":
        assert set(before.values()) == {0}
    if point == "claim.before_commit":
        assert before["runs"] == 0
    if point == "commit.before_commit":
        assert (before["decisions"], before["waiting"]) == (0, 1)
        assert await store.reads.audit_rows(TENANT) == []
        await store.work.reclaim(now=NOW)
    await step()
    after = await balanced(store)
    assert (after["applied"], after["decisions"], after["duplicates"], after["quarantined"]) == (1, 1, 1, 1)


async def test_points_are_told_in_order(opened: OpenStore) -> None:
    """So that a test can end the process at each."""
    heard: list[str] = []
    store = opened(on_point=heard.append)
    await store.inbox.accept([signal(1)], now=NOW)
    await store.commit.commit([bundle(await claim_one(store))], now=NOW)
    assert heard == [
        f"{name}.{when}_commit" for name in ("inbox", "claim", "commit") for when in ("before", "after")
    ]


async def test_another_process_sees_what_was_committed(opened: OpenStore) -> None:
    """And its work is fenced off from ours."""
    ours, theirs = opened(), opened()
    await ours.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(theirs)
    assert not await ours.work.claim(now=NOW, limit=9, lease_us=1)
    assert await ours.work.reclaim(now=NOW) == 1
    assert await theirs.commit.commit([bundle(one)], now=NOW) == ["fenced"]


async def test_a_database_that_is_held_is_a_passing_trouble(
    opened: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says who to wait for, and takes nothing."""
    monkeypatch.setitem(engine.PRAGMAS, "busy_timeout", "10")
    store = opened()
    holder = sqlite3.connect(store.database.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(Temporary, match="another process holds it"):
        await store.inbox.accept([signal(1)], now=NOW)
    holder.execute("ROLLBACK")
    holder.close()
    assert (await store.inbox.accept([signal(1)], now=NOW)).accepted == 1


async def test_a_full_disk_is_a_passing_trouble(opened: OpenStore) -> None:
    """And what was there before is still there."""
    store = opened()
    await store.inbox.accept([signal(0)], now=NOW)

    def pragma(text: str) -> int:
        return store.database.write_now(
            lambda tx: int(tx.conn.exec_driver_sql(f"PRAGMA {text}").scalar_one())
        )

    pragma(f"max_page_count={pragma('page_count')}")
    with pytest.raises(Temporary, match="make room on the disk"):
        await store.inbox.accept([signal(n) for n in range(1, 800)], now=NOW)
    assert (await balanced(store))["signals"] == 1
    pragma("max_page_count=1000000")
    assert (await store.inbox.accept([signal(n) for n in range(1, 800)], now=NOW)).accepted == 799


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(Temporary, match="check that the folder exists"):
        open_store(tmp_path / "missing" / "store.db")


def test_a_file_that_is_no_database_is_refused_for_good(tmp_path: Path) -> None:
    """It will not get better by waiting."""
    path = tmp_path / "store.db"
    path.write_bytes(b"this is not a database, however long you look at it" * 99)
    with pytest.raises(Permanent, match="not a sound database"):
        open_store(path)


async def test_calls_of_many_tasks_do_not_mix(store: Store) -> None:
    """One writer, one transaction at a time."""
    await asyncio.gather(*(store.inbox.accept([signal(n), signal(n + 100)], now=NOW) for n in range(40)))
    counts = await balanced(store)
    assert (counts["signals"], counts["waiting"], counts["leads"]) == (80, 80, 1)


async def test_the_counter_of_waiting_signals_is_what_the_rows_say(store: Store) -> None:
    """It is kept apart so that the door knows it at once."""
    await store.inbox.accept([signal(n) for n in range(9)], now=NOW)
    one = await claim_one(store)
    await store.inbox.accept([signal(20)], now=NOW)
    await store.commit.commit([bundle(one)], now=NOW)
    conn = sqlite3.connect(store.database.path)
    counted = conn.execute("SELECT sum(n) FROM tally WHERE name = 'waiting'").fetchone()
    assert counted == conn.execute("SELECT count(*) FROM signal WHERE state = 'waiting'").fetchone() == (1,)
    assert await store.inbox.waiting() == 1
