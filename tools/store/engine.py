"""The database: one writer thread, one reader thread, one transaction per call (decision 0004).

SQLite takes one writer at a time, so a pool would only queue. A port call is one hop to the writer's thread, where
all its statements run in one `BEGIN IMMEDIATE` transaction; reads run beside it on a snapshot of the write-ahead log.
"""

import asyncio
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event, exc

from domain.errors import LeadgraphError, Permanent, Temporary
from tools.store import queries
from tools.store.migrate import migrate
from tools.store.turns import Turns

T = TypeVar("T")
BUSY_MS: Final = 5_000
"""How long a transaction waits for another process before it gives up as temporary."""
DOOR_MS: Final = 100
"""The same for a look at the door."""
STATEMENTS: Final = 512
"""Prepared statements that a connection keeps: more than there are named ones."""
PRAGMAS: Final[dict[str, str]] = {
    "journal_mode": "WAL",
    "synchronous": "FULL",  # I1: a commit returns only when it is on disk
    "busy_timeout": str(BUSY_MS),
    "cache_size": "-131072",  # at most 128 MB: the indexes of 100,000 leads
    "wal_autocheckpoint": "4000",  # pages
    "temp_store": "MEMORY",
}
_RUINED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_PASSING: Final = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOMEM,
}


class Tx:
    """One transaction's view of the database: statements by name, on the thread that owns the connection.

    Named statements go to the driver as they are; `conn` is the same connection, for statements that are built.
    """

    __slots__ = ("_driver", "_sql", "conn")

    def __init__(self, conn: Connection, sql: dict[str, str]) -> None:
        self.conn, self._sql = conn, sql
        self._driver: Any = conn.connection.driver_connection

    def run(self, name: str, values: Any = ()) -> int:
        """Run a statement once (mapping or tuple) or once per row (list of them); how many rows it touched."""
        if not isinstance(values, list):
            return int(self._driver.execute(self._sql[name], values).rowcount)
        return int(self._driver.executemany(self._sql[name], values).rowcount) if values else 0

    def rows(self, name: str, values: Any = ()) -> list[Any]:
        """All rows that a statement returns, each a named tuple."""
        cursor = self._driver.execute(self._sql[name], values)
        return list(map(_shape(cursor), cursor.fetchall()))

    def one(self, name: str, values: Any = ()) -> Any:
        """The first row, None if there is none."""
        cursor = self._driver.execute(self._sql[name], values)
        found = cursor.fetchone()
        row = None if found is None else _shape(cursor)(found)
        cursor.close()
        return row


def _shape(cursor: sqlite3.Cursor) -> Callable[[Any], Any]:
    """What makes a row of `cursor` a named tuple."""
    return _named_tuple(tuple([column[0] for column in cursor.description]))


@cache
def _named_tuple(columns: tuple[str, ...]) -> Callable[[Any], Any]:
    row = _NAMED_TUPLE("row", columns, rename=True)
    make: Callable[[Any], Any] = row._make
    return make


_NAMED_TUPLE: Final[Any] = namedtuple


def _nowhere(_: str) -> None:
    return None


class Database:
    """A SQLite file with its threads. Errors of the engine come out as `Temporary` or `Permanent`."""

    def __init__(self, path: Path, *, on_point: Callable[[str], None] = _nowhere) -> None:
        """Open `path`, making or migrating it if need be.

        Raises: Temporary if it cannot be opened now; Permanent if it is not a usable database.
        """
        self.path, self.on_point = path, on_point
        self._engine = _engine(path)
        self._sql = queries.load(self._engine.dialect.name)
        self._writer = Turns("store-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._side_lock, self._door_lock = Lock(), Lock()
        self._open: list[Connection] = []
        try:
            with _named(path):
                self._writer.submit(migrate, self._engine).result()
                self._write_conn = self._connect()
                self._read_conn = self._connect().execution_options(**_READING)
                self._side_conn = self._connect().execution_options(**_READING)
                self._door_conn = self._connect(busy_ms=DOOR_MS).execution_options(**_READING)
        except BaseException:
            self.close()
            raise

    async def write(self, work: Callable[[Tx], T], *, point: str = "", first: bool = False) -> T:
        """Run `work` in one transaction and return when it is on disk. `point` names the hooks around the commit.

        `first`: before what else waits, as somebody at a door waits for the answer.
        """
        return await asyncio.wrap_future(self._writer.submit(self.write_now, work, point, first=first))

    def write_now(self, work: Callable[[Tx], T], point: str = "") -> T:
        """`write`, on the calling thread: only the writer's, or where no loop runs yet."""
        with _named(self.path):
            with self._write_conn.begin():
                result = work(Tx(self._write_conn, self._sql))
                if point:
                    self.on_point(f"{point}.before_commit")
            if point:
                self.on_point(f"{point}.after_commit")
        return result

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run `work` on one snapshot, beside the writer."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read_now, work)

    def read_beside(self, work: Callable[[Tx], T]) -> T:
        """A short read on the calling thread, also from within a write: it sees what was committed before."""
        with self._side_lock, _named(self.path), self._side_conn.begin():
            return work(Tx(self._side_conn, self._sql))

    def read_at_door(self, work: Callable[[Tx], T]) -> T:
        """`read_beside` for a loop's thread, which all wait for. Raises: Temporary after `DOOR_MS`."""
        with self._door_lock, _named(self.path), self._door_conn.begin():
            return work(Tx(self._door_conn, self._sql))

    @contextmanager
    def reading(self) -> Iterator[Tx]:
        """A connection of its own on the calling thread, for long scans in batches."""
        with _named(self.path), self._engine.connect().execution_options(**_READING) as conn:
            yield Tx(conn, self._sql)

    def close(self) -> None:
        """Finish what is under way and let go of the file."""
        self._writer.shutdown()
        self._reader.shutdown()
        for conn in self._open:
            conn.close()
        self._engine.dispose()

    def _connect(self, *, busy_ms: int | None = None) -> Connection:
        self._open.append(self._engine.connect())
        if busy_ms is not None:
            driver: Any = self._open[-1].connection.driver_connection
            driver.execute(f"PRAGMA busy_timeout={busy_ms}")
        return self._open[-1]

    def _read_now(self, work: Callable[[Tx], T]) -> T:
        with _named(self.path), self._read_conn.begin():
            return work(Tx(self._read_conn, self._sql))


_READING: Final = {"reading": True}


def _engine(path: Path) -> Engine:
    given = {"check_same_thread": False, "cached_statements": STATEMENTS}
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args=given)

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        for name, value in PRAGMAS.items():
            connection.execute(f"PRAGMA {name}={value}")

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql("BEGIN" if conn.get_execution_options().get("reading") else "BEGIN IMMEDIATE")

    return engine


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of SQLite as errors that say what to do next."""
    try:
        yield
    except LeadgraphError:
        raise
    except (exc.DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _RUINED:
            raise Permanent(f"{path}: not a sound database ({cause}); restore it from a backup") from error
        if code in _PASSING:
            raise Temporary(f"{path}: the store cannot be used now ({cause}); {_remedy(code)}") from error
        raise


def _remedy(code: int) -> str:
    remedies = {
        sqlite3.SQLITE_BUSY: "another process holds it: wait, or stop that process",
        sqlite3.SQLITE_LOCKED: "another process holds it: wait, or stop that process",
        sqlite3.SQLITE_FULL: "make room on the disk",
        sqlite3.SQLITE_READONLY: "give yourself the right to write there",
        sqlite3.SQLITE_IOERR: "look at the disk, it may be full",
        sqlite3.SQLITE_CANTOPEN: "check that the folder exists and can be written",
    }
    return remedies.get(code, "look at the disk")
