"""A worker beside doors gives way: while somebody is at one it works in short turns, and rests after each.

Both share one interpreter and the store's one writer. Without this an answer waits for a commit of 64 runs, and gets
half of the processor while there is anything to decide; what was taken in can wait, as it is on disk.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

T = TypeVar("T")
LATELY_S: Final = 0.02
"""Seconds for which a door is busy after an answer."""
TOGETHER: Final = 8
"""Runs that are committed together while a door is busy."""
REST: Final = 2.0
"""Rest after a run, in times of what it took, while a door is busy: a third of the time is left for deciding."""
MOST_S: Final = 0.05
"""Longest rest in seconds."""


class Doors:
    """Whether somebody is at a door of this process. Told in one thread and asked in another."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` in seconds. Nobody was there yet."""
        self._now, self._last = now, -LATELY_S

    def answered(self) -> None:
        """Somebody has just been answered."""
        self._last = self._now()

    @property
    def busy(self) -> bool:
        """Whether somebody was answered lately. Who only holds a connection, or is slow, does not count."""
        return self._now() - self._last < LATELY_S

    async def give_way(self, worked_s: float) -> None:
        """Rest after so many seconds of work, if a door is busy."""
        if self.busy:
            await asyncio.sleep(min(MOST_S, REST * worked_s))

    def parts(self, many: Sequence[T]) -> Iterator[Sequence[T]]:
        """`many` at once, or in parts if a door is busy when the part begins."""
        start = 0
        while start < len(many):
            end = start + TOGETHER if self.busy else len(many)
            yield many[start:end]
            start = end
