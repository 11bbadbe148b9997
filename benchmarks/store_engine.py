"""Why the store drives SQLite from one thread of its own: a transaction of ten statements, measured four ways.

Run with ``python -m benchmarks.store_engine``; the figures of one run are in decision 0004.
"""

import asyncio
import importlib
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from tools.store.engine import PRAGMAS, Database, Tx

TRANSACTIONS, STATEMENTS = 500, 10
TABLE = "CREATE TABLE note (number INTEGER PRIMARY KEY, body TEXT)"
INSERT = "INSERT INTO note (body) VALUES (?)"


def one_hop(folder: Path, later: AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """The store's way: SQLAlchemy on a dedicated thread, one hop for the whole transaction."""
    database = Database(folder / "hop.db")
    later.callback(database.close)
    database.write_now(lambda tx: tx.conn.exec_driver_sql(TABLE))

    def work(tx: Tx) -> None:
        conn: Connection = tx.conn
        for number in range(STATEMENTS):
            conn.exec_driver_sql(INSERT, (f"note {number}",))

    return lambda: database.write(work)


def bare_hop(folder: Path, later: AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """The same without SQLAlchemy: what the layer costs."""
    executor = ThreadPoolExecutor(1)
    conn = sqlite3.connect(folder / "bare.db", isolation_level=None, check_same_thread=False)
    later.callback(conn.close)
    prepare(conn.execute)
    conn.execute(TABLE)

    def work() -> None:
        conn.execute("BEGIN IMMEDIATE")
        for number in range(STATEMENTS):
            conn.execute(INSERT, (f"note {number}",))
        conn.execute("COMMIT")

    async def call() -> None:
        await asyncio.get_running_loop().run_in_executor(executor, work)

    return call


async def hop_by_hop(folder: Path, later: AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """aiosqlite: a hop to its thread and back for every statement. Raises: ImportError if it is not installed."""
    aiosqlite: Any = importlib.import_module("aiosqlite")
    conn = await later.enter_async_context(aiosqlite.connect(folder / "hops.db", isolation_level=None))
    for name, value in PRAGMAS.items():
        await conn.execute(f"PRAGMA {name}={value}")
    await conn.execute(TABLE)

    async def call() -> None:
        await conn.execute("BEGIN IMMEDIATE")
        for number in range(STATEMENTS):
            await conn.execute(INSERT, (f"note {number}",))
        await conn.execute("COMMIT")

    return call


async def async_engine(folder: Path, later: AsyncExitStack) -> Callable[[], Awaitable[object]]:
    """SQLAlchemy's async engine over aiosqlite. Raises: ImportError if that or greenlet is not installed."""
    importlib.import_module("aiosqlite")
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'async.db'}")
    later.push_async_callback(engine.dispose)
    conn = await later.enter_async_context(engine.connect())
    for name, value in PRAGMAS.items():
        await conn.exec_driver_sql(f"PRAGMA {name}={value}")
    await conn.exec_driver_sql(TABLE)
    await conn.commit()

    async def call() -> None:
        for number in range(STATEMENTS):
            await conn.exec_driver_sql(INSERT, (f"note {number}",))
        await conn.commit()

    return call


def prepare(execute: Callable[[str], object]) -> None:
    """The store's own settings, so that all wait for the same disk."""
    for name, value in PRAGMAS.items():
        execute(f"PRAGMA {name}={value}")


async def measure(call: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Median milliseconds of one transaction, and processor milliseconds of one on average."""
    took = []
    spent = time.process_time()
    for _ in range(TRANSACTIONS):
        started = time.perf_counter()
        await call()
        took.append((time.perf_counter() - started) * 1_000)
    return median(took), (time.process_time() - spent) * 1_000 / TRANSACTIONS


async def main() -> None:
    """Print a line for each way."""
    with tempfile.TemporaryDirectory() as scratch:
        async with AsyncExitStack() as later:
            folder = Path(scratch)
            ways = {
                "SQLAlchemy, one hop": one_hop(folder, later),
                "sqlite3, one hop": bare_hop(folder, later),
            }
            try:
                ways["aiosqlite, a hop a statement"] = await hop_by_hop(folder, later)
                ways["SQLAlchemy async over it"] = await async_engine(folder, later)
            except ImportError as missing:
                print(f"not measured: {missing}; pip install aiosqlite greenlet to measure it too")
            for name, call in ways.items():
                wall, processor = await measure(call)
                print(f"{name:30} {wall:6.2f} ms   {processor:6.2f} ms of processor")


if __name__ == "__main__":
    asyncio.run(main())
