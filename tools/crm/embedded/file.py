"""The CRM's file: one connection, one lock, one transaction per call."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from domain.errors import OutcomeUnknown, Permanent, Temporary

T = TypeVar("T")
BUSY_MS: Final = 5_000
"""How long a transaction waits for another process before it gives up as temporary."""
SCHEMA: Final = Path(__file__).parent / "schema.sql"
_RUINED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class CrmFile:
    """A SQLite file. Several processes may open it; a commit returns when it is on disk."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it and its tables where they are missing. Raises: Temporary, Permanent."""
        self.path, self._lock = path, Lock()
        with _named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._conn.row_factory = sqlite3.Row
            self._conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            self._conn.execute("PRAGMA journal_mode = WAL")
            self._conn.execute("PRAGMA synchronous = FULL")
            self._conn.execute("PRAGMA foreign_keys = ON")
            self._conn.executescript(SCHEMA.read_text(encoding="utf-8"))

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` in one transaction; an error undoes all of it.

        Raises: Temporary if nothing was written; OutcomeUnknown if the commit itself failed; Permanent.
        """
        with self._begun("BEGIN IMMEDIATE") as conn:
            answer = work(conn)
            try:
                conn.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutcomeUnknown(f"{self.path}: the commit failed ({error})") from error
        return answer

    def rehearse(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` and take all of it back. Raises: Temporary, Permanent."""
        with self._begun("BEGIN IMMEDIATE") as conn:
            return work(conn)

    def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do `work` on one consistent view. Raises: Temporary, Permanent."""
        with self._begun("BEGIN") as conn:
            return work(conn)

    def close(self) -> None:
        """Close the file. What was committed stays."""
        with self._lock:
            self._conn.close()

    @contextmanager
    def _begun(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, _named(self.path):
            self._conn.execute(begin)
            try:
                yield self._conn
            finally:
                if self._conn.in_transaction:
                    self._conn.execute("ROLLBACK")


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Errors of SQLite as errors that say what to do next."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise  # a fault of ours: it must not look like an outage
    except sqlite3.DatabaseError as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _RUINED:
            raise Permanent(f"{path}: not a sound database ({error}); restore it from a backup") from error
        raise Temporary(f"{path}: the CRM's file cannot be used now ({error})") from error
    except OSError as error:
        raise Temporary(f"{path}: the CRM's file cannot be opened ({error.strerror})") from error
