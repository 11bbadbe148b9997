"""The folder of all state: made private, and held by one writing process alone or by several beside each other.

The locks are the system's own (`flock`): they end with the process, however it ends. Their files stay.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from domain.errors import ConfigError, Temporary

OPENING_S: Final = 30.0
"""How long an opening waits for another process that is opening the same home."""
_LOOK_S: Final = 0.02


class Hold(StrEnum):
    """How a process is on a home."""

    ALONE = "alone"
    """The only one that writes."""
    BESIDE = "beside"
    """Writes beside others that do the same, each under a writer name of its own."""
    READING = "reading"
    """Only reads, whoever writes."""


@contextmanager
def held(root: Path, hold: Hold, *, writer: str) -> Iterator[None]:
    """Make the folder if need be, and hold it until the end.

    Who gets in under `writer` knows that no other living process has that name: what it holds is from a dead one.
    Raises: ConfigError if the place is no folder, or another process beside has this name; Temporary if the home is
    held in a way that does not go with `hold`.
    """
    _make(root)
    if hold is Hold.READING:
        yield
    elif hold is Hold.ALONE:
        with _locked(root / "lock", fcntl.LOCK_EX) as free:
            if not free:
                raise Temporary(
                    f"{root} is in use by another leadgraph process; wait for it or stop it, or, if it works beside "
                    "others, set LEADGRAPH_BESIDE=1 and a LEADGRAPH_WRITER of your own"
                )
            yield
    else:
        with _beside(root, writer):
            yield


@contextmanager
def opening(root: Path) -> Iterator[None]:
    """The turn to make what is missing in `root`: keys, tables, the first policy. One process at a time has it.

    Raises: Temporary if another one keeps it too long.
    """
    handle = _open(root / "opening")
    try:
        end = time.monotonic() + OPENING_S
        while not _taken(handle, fcntl.LOCK_EX):
            if time.monotonic() > end:
                raise Temporary(f"{root} is being opened by another leadgraph process; try again later")
            time.sleep(_LOOK_S)
        yield
    finally:
        os.close(handle)


@contextmanager
def _beside(root: Path, writer: str) -> Iterator[None]:
    with _locked(root / "lock", fcntl.LOCK_SH) as free:
        if not free:
            raise Temporary(
                f"{root} is held alone by another leadgraph process; stop it, or start it with LEADGRAPH_BESIDE=1 too"
            )
        _make(root / "writers")
        with _locked(root / "writers" / f"{writer}.lock", fcntl.LOCK_EX) as ours:
            if not ours:
                raise ConfigError(
                    f"writer: another process on {root} is {writer} already; "
                    "set LEADGRAPH_WRITER to a name that no other has"
                )
            yield


@contextmanager
def _locked(file: Path, how: int) -> Iterator[bool]:
    """False if somebody else's lock is in the way."""
    handle = _open(file)
    try:
        yield _taken(handle, how)
    finally:
        os.close(handle)


def _taken(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(file: Path) -> int:
    try:
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"home: {file} cannot be opened: {error.strerror}") from None


def _make(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise ConfigError(f"home: {folder} is a file; set LEADGRAPH_HOME to a folder") from None
    except OSError as error:
        raise ConfigError(f"home: {folder} cannot be made: {error.strerror}") from None
