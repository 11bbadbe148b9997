"""What was sent to a vendor that knows no keys: noted before it leaves, so that it can be looked for there.

A note says where a step went and what was there before. Whether it arrived is never read here, but from the mark that
the step left in the vendor's record.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import orjson

from domain.effect import Step, StepKind
from domain.errors import ConfigError, Temporary
from domain.ids import LeadId, TenantId
from domain.instants import DAY
from domain.ports.clock import Clock
from domain.ports.target import Subject

KEPT: Final = 60 * DAY
"""How long a note is kept (microseconds): longer than any action is tried, or waits for an answer."""
VENDORS: Final = (
    "hubspot", "salesforce", "chatwoot", "intercom", "zendesk", "hubspot_lists", "brevo_lists", "slack",
    "intercom_contacts",
)  # fmt: skip
"""Whose notes there may be, by the names of their files."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sent (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, thing TEXT NOT NULL,
    before TEXT NOT NULL, at INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sent_at ON sent (at);
CREATE TABLE IF NOT EXISTS place (tenant TEXT, lead TEXT, place TEXT NOT NULL, PRIMARY KEY (tenant, lead)) STRICT;
"""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Note:
    """One step that left, or was about to."""

    key: str
    digest: str
    kind: StepKind
    place: str
    """The vendor's id of the record."""
    thing: str
    """The vendor's id of what the step is about, where it is not the record: the task that is closed."""
    before: Mapping[str, str]


class Sent:
    """The notes, in a file. SQLite blocks, so each call is one hop to a thread; each is on disk when it returns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Open the file, making it where it is missing, and drop what is old. Raises: ConfigError."""
        self._path, self._clock, self._lock = path, clock, Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._conn = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            self._conn.execute("PRAGMA journal_mode = WAL")
            self._conn.execute("PRAGMA synchronous = FULL")
            self._conn.executescript(_SCHEMA)
            _drop_old(self._conn, clock.now())
        except (OSError, sqlite3.DatabaseError) as error:
            raise ConfigError(f"{path}: cannot be used ({error})") from error

    async def note(self, key: str) -> Note | None:
        """The note under `key`. Raises: Temporary."""
        row = await self._on_thread(
            lambda conn: conn.execute("SELECT * FROM sent WHERE key = ?", (key,)).fetchone()
        )
        return None if row is None else _note(row)

    async def keep(self, note: Note) -> None:
        """Write `note` in place of an older one under its key. Raises: Temporary."""
        values = (note.key, note.digest, note.kind.value, note.place, note.thing)
        before = orjson.dumps(dict(note.before)).decode()
        await self._on_thread(
            lambda conn: conn.execute(
                "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, before, self._clock.now()),
            )
        )

    async def claim(self, note: Note) -> bool:
        """Write `note` unless there is one under its key already; False if there is. Raises: Temporary."""
        values = (note.key, note.digest, note.kind.value, note.place, note.thing)
        before = orjson.dumps(dict(note.before)).decode()
        made = await self._on_thread(
            lambda conn: (
                conn.execute(
                    "INSERT OR IGNORE INTO sent VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*values, before, self._clock.now()),
                ).rowcount
            )
        )
        return made == 1

    async def under(self, prefix: str) -> list[Note]:
        """Every note whose key begins with `prefix`. Raises: Temporary."""
        rows = await self._on_thread(
            lambda conn: conn.execute(
                "SELECT * FROM sent WHERE substr(key, 1, ?) = ? ORDER BY at", (len(prefix), prefix)
            ).fetchall()
        )
        return [_note(row) for row in rows]

    async def place(self, subject: Subject) -> str | None:
        """The vendor's record of the lead as it was last known. Raises: Temporary."""
        row = await self._on_thread(
            lambda conn: conn.execute(
                "SELECT place FROM place WHERE tenant = ? AND lead = ?", (subject.tenant, subject.lead_id)
            ).fetchone()
        )
        return str(row[0]) if row else None

    async def settle(self, subject: Subject, place: str) -> None:
        """Remember the vendor's record of the lead. Raises: Temporary."""
        await self._on_thread(
            lambda conn: conn.execute(
                "INSERT OR REPLACE INTO place VALUES (?, ?, ?)", (subject.tenant, subject.lead_id, place)
            )
        )

    async def forget(self, tenant: TenantId, leads: Sequence[LeadId]) -> int:
        """Remember no more which records are theirs. Raises: Temporary."""
        given = (tenant, orjson.dumps(list(leads)).decode())
        return await self._on_thread(
            lambda conn: (
                conn.execute(
                    "DELETE FROM place WHERE tenant = ? AND lead IN (SELECT value FROM json_each(?))", given
                ).rowcount
            )
        )

    async def drop_old(self) -> None:
        """Drop notes that are older than `KEPT`. Raises: Temporary."""
        await self._on_thread(lambda conn: _drop_old(conn, self._clock.now()))

    def close(self) -> None:
        """Close the file."""
        self._conn.close()

    async def _on_thread(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def call() -> T:
            try:
                with self._lock:
                    return work(self._conn)
            except sqlite3.DatabaseError as error:
                raise Temporary(f"{self._path}: cannot be used now ({error})") from error

        return await asyncio.to_thread(call)


def _drop_old(conn: sqlite3.Connection, now: int) -> None:
    conn.execute("DELETE FROM sent WHERE at < ?", (now - KEPT,))


def open_notes(root: Path, clock: Clock, later: ExitStack) -> tuple[Sent, ...]:
    """Those of every vendor that was ever written to from the home `root`, also of one that is not in use any more.

    `later` closes them. Raises: ConfigError.
    """
    found = [Sent(root / f"{name}.db", clock) for name in VENDORS if (root / f"{name}.db").is_file()]
    for one in found:
        later.callback(one.close)
    return tuple(found)


def _note(row: Any) -> Note:
    return Note(row[0], row[1], StepKind(row[2]), row[3], row[4], orjson.loads(row[5]))


def digest_of(step: Step, subject: Subject) -> str:
    """SHA-256, in hex, of what is sent; not of the lead's id, as two leads may have been joined since."""
    said = [subject.tenant, step.kind.value, dict(step.params)]
    return sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def mark_of(key: str) -> str:
    """The mark that a step leaves in a record: 16 hex digits, which tell nothing of the lead.

    >>> mark_of("k1")
    '77ac1276a6a45935'
    """
    return sha256(f"leadgraph:{key}".encode()).hexdigest()[:16]


def with_mark(marks: str, mark: str, *, most: int) -> str:
    """Marks separated by spaces, `mark` the last of them, at most `most`.

    >>> with_mark("a b", "c", most=2)
    'b c'
    """
    return " ".join([*(one for one in marks.split() if one != mark), mark][-most:])
