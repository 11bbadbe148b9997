"""A file of lines that is only ever added to, and files written whole: both are on disk when the call returns."""

import os
from pathlib import Path


def whole_lines(file: Path) -> list[bytes]:
    """The lines of `file`, oldest first; one that a crash tore off at the end does not count."""
    if not file.is_file():
        return []
    whole, _, _ = file.read_bytes().rpartition(b"\n")
    return whole.splitlines()


def append_line(file: Path, line: bytes) -> None:
    """Add `line`, which ends in a newline; what a crash tore off before is cut away first."""
    whole, _, torn = file.read_bytes().rpartition(b"\n") if file.is_file() else (b"", b"", b"")
    if torn:
        draft = file.with_name(f".{file.stem}.tmp")
        write_whole(draft, whole + b"\n" if whole else b"")
        draft.replace(file)
    with file.open("ab") as out:
        out.write(line)
        out.flush()
        os.fsync(out.fileno())


def write_whole(file: Path, content: bytes) -> None:
    """Write `content` to `file` and wait for the disk."""
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def sync(place: Path) -> None:
    """Return when a file, or the names in a folder, are on disk."""
    handle = os.open(place, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
