"""Buckets of rates in the database: none is kept that must be full by now."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from domain.instants import MINUTE
from tests.tools.contract.stores import NOW
from tools.store import open_store


async def test_buckets_that_must_be_full_by_now_are_forgotten(tmp_path: Path) -> None:
    """I8: one for each record that was ever written to would grow for ever."""
    store = open_store(tmp_path / "store.db")
    for number in range(5):
        await store.limits.reserve(f"record:{number}", per_minute=2, burst=10, now=NOW)
    await store.limits.reserve("late", per_minute=2, burst=10, now=NOW + 61 * MINUTE)
    store.close()
    with closing(sqlite3.connect(tmp_path / "store.db")) as conn:
        assert conn.execute("SELECT name FROM rate_bucket").fetchall() == [("late",)]


async def test_several_processes_take_no_more_than_there_is(tmp_path: Path) -> None:
    """Each with a store of its own on one file, all at the same time."""
    stores = [open_store(tmp_path / "store.db") for _ in range(3)]
    rate = {"per_minute": 60, "burst": 8, "now": NOW, "ahead": 2_000_000}
    waits = await asyncio.gather(*(stores[n % 3].limits.reserve("account", **rate) for n in range(30)))
    for store in stores:
        store.close()
    taken = sorted(wait for wait in waits if wait <= rate["ahead"])
    assert taken == [0] * 8 + [1_000_000, 2_000_000]
