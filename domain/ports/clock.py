"""Time as a port, so that tests and replays set it."""

from typing import Protocol

from domain.instants import Instant


class Clock(Protocol):
    """Tells the time. In a replay: the latest time seen so far in the stream."""

    def now(self) -> Instant:
        """The present Instant; never runs backwards within a process."""
        ...


class VirtualClock(Clock, Protocol):
    """A clock that a replay moves."""

    def advance(self, to: Instant) -> None:
        """Move forward to `to`; an earlier time is ignored."""
        ...
