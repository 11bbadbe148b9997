"""The connections of one server: how many there may be, and who is let go when there are too many or one is slow.

Nothing is counted and no timer is set for a request: all connections are looked at together, once in a while.
"""

import asyncio
import resource
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from heapq import nsmallest
from typing import Final, Protocol

from prometheus_client import Counter

MOST: Final = 512
"""Connections at a time, where as many files may be open."""
MOST_COMING: Final = 256
"""Connections that may wait to be taken up, likewise."""
LOOK_S: Final = 1.0
"""Seconds between two looks: by so much later may who is late be let go."""
_AT_ONCE: Final = 64
"""When there is no more room, one of so many goes."""
LET_GO: Final = Counter(
    "leadgraph_connections_let_go_total",
    "Connections that were ended because of what came over them, or did not",
    ("why",),
    registry=None,
)
"""Why: ``late``, ``crowded`` (a new one came and this one had us wait the longest), ``pipelined``,
``refused`` (no HTTP as we take it)."""


class Guest(Protocol):
    """A connection."""

    since: float
    """When it was last heard of, by the loop's clock: opened, a request begun, its head complete."""

    def waited_for(self) -> bool:
        """Whether it has us wait: for a request, the rest of one, or for taking its answer."""
        ...

    def idle(self) -> bool:
        """Whether it has been answered, and nothing of a further request has come."""
        ...

    def late(self, now: float) -> bool:
        """Whether it has had us wait for too long."""
        ...

    def let_go(self, why: str) -> None:
        """End it at once; it is among the guests no more."""
        ...


class Crowd:
    """Who is connected to one server."""

    def __init__(self, most: int, *, look_s: float) -> None:
        """`most` connections at a time, looked at every `look_s` seconds."""
        self.most, self._look_s = most, look_s
        self._looking = False

    def joined(self, guest: Guest, guests: AbstractSet[Guest], loop: asyncio.AbstractEventLoop) -> None:
        """`guest` came and is among `guests`. If that is one too many, some that have us wait go, if any do."""
        if len(guests) > self.most:
            self._make_room(one for one in guests if one is not guest and one.waited_for())
        if not self._looking:
            self._looking = True
            loop.call_later(self._look_s, self._look, guests, loop)

    def full(self, guests: AbstractSet[Guest]) -> bool:
        """Whether there are too many although nobody could be let go."""
        return len(guests) > self.most

    def _make_room(self, waiting: Iterable[Guest]) -> None:
        """First go those that have not finished a request or an answer, then the idle; the longest unheard of first.

        Some go at once: not each of a flood shall have us look through all.
        """
        some = max(1, self.most // _AT_ONCE)
        for one in nsmallest(some, waiting, key=lambda one: (one.idle(), one.since)):
            one.let_go("crowded")

    def _look(self, guests: AbstractSet[Guest], loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for late in [one for one in guests if one.late(now)]:
            late.let_go("late")
        self._looking = bool(guests)
        if self._looking:
            loop.call_later(self._look_s, self._look, guests, loop)


def room() -> tuple[int, int]:
    """How many connections there may be at a time, and how many may wait to be taken up.

    Of the files that this process may have open they take some, also while many come and go at once: the worker and
    the store need theirs, whoever connects.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return MOST, MOST_COMING
    return min(MOST, files * 3 // 8), min(MOST_COMING, files // 8)
