"""Copies of files that others may be writing: databases as of one moment, everything else byte by byte."""

import fcntl
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from domain.errors import Permanent, Temporary

MAGIC: Final = b"SQLite format 3\0"
BUSY_MS: Final = 5_000
_RUINED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def is_database(file: Path) -> bool:
    """Whether the file is a SQLite database."""
    with file.open("rb") as content:
        return content.read(len(MAGIC)) == MAGIC


def copy(source: Path, target: Path) -> None:
    """Copy `source` to the new file `target`, which only its owner may read. Raises: Temporary, Permanent, OSError."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_database(source):
        _copy_database(source, target)
    else:
        with source.open("rb") as content, target.open("xb") as out:
            fcntl.flock(content, fcntl.LOCK_SH)  # whoever appends a line holds the lock meanwhile
            shutil.copyfileobj(content, out)
    target.chmod(0o600 if source.suffix != ".pub" else 0o644)


@contextmanager
def reading(file: Path, *, still: bool = False) -> Iterator[sqlite3.Connection]:
    """A database that is only read. `still`: nobody writes to it, so it is read without touching its folder.

    Raises: Temporary if it cannot be read now; Permanent if it is no sound database.
    """
    how = "mode=ro&immutable=1" if still else "mode=ro"
    with named(file), closing(sqlite3.connect(f"{file.resolve().as_uri()}?{how}", uri=True)) as conn:
        conn.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        yield conn


@contextmanager
def named(file: Path) -> Iterator[None]:
    """Errors of SQLite as errors that say what to do next."""
    try:
        yield
    except sqlite3.Error as error:
        if (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _RUINED:
            raise Permanent(f"{file}: not a sound database ({error})") from error
        raise Temporary(f"{file}: cannot be read or written now ({error}); look at the disk") from error


def _copy_database(source: Path, target: Path) -> None:
    """All pages in one step: one moment, while writers go on in the write-ahead log."""
    with reading(source) as conn, named(target), closing(sqlite3.connect(target)) as copied:
        conn.backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
