"""A wall for replays: while it stands, opening files for writing, sockets, processes or databases raises."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from domain.errors import OutsideAccess

_CLOSED: ContextVar[bool] = ContextVar("closed", default=False)
_WATCHED = ("socket.", "subprocess.", "sqlite3.", "os.system", "os.exec", "os.posix_spawn", "urllib.", "open")
_installed: list[bool] = []


def _hook(event: str, _: tuple[object, ...]) -> None:
    if _CLOSED.get() and event.startswith(_WATCHED):
        raise OutsideAccess(f"a replay reached outside: {event}")


@contextmanager
def closed_world() -> Iterator[None]:
    """Within the block, and in tasks started in it, any contact with the outside raises `OutsideAccess`.

    Built on the interpreter's audit events, so that it sees every library. The hook is installed once and stays,
    asleep outside the block. Import what is needed before: importing opens files.
    """
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    token = _CLOSED.set(True)
    try:
        yield
    finally:
        _CLOSED.reset(token)
