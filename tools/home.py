"""The folder of all state: made private, and held by one writing process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import ConfigError, Temporary


@contextmanager
def held(root: Path, *, exclusive: bool) -> Iterator[None]:
    """Make the folder if need be; with `exclusive` hold its lock until the end.

    Raises: ConfigError if the place is no folder; Temporary if another process holds the lock.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise ConfigError(f"home: {root} is a file; set LEADGRAPH_HOME to a folder") from None
    except OSError as error:
        raise ConfigError(f"home: {root} cannot be made: {error.strerror}") from None
    if not exclusive:
        yield
        return
    handle = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Temporary(
                f"{root} is in use by another leadgraph process; wait for it or stop it"
            ) from None
        yield
    finally:
        os.close(handle)
