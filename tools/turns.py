"""A few at a time: places that callers wait for, in bounded number and for a bounded time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.errors import LeadgraphError, Temporary


class Turns:
    """`at_once` places; `queue` callers may wait for one, each for `queue_s` seconds."""

    def __init__(
        self,
        name: str,
        at_once: int,
        *,
        queue: int,
        queue_s: float,
        error: type[LeadgraphError] = Temporary,
    ) -> None:
        """`name` is whom they wait for; `error` is raised when there is no place."""
        self._name, self._free = name, asyncio.Semaphore(at_once)
        self._queue, self._queue_s = queue, queue_s
        self._error, self._waiting = error, 0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place. Raises: `error` if too many wait, or for too long."""
        if self._free.locked() and self._waiting >= self._queue:
            raise self._error(f"too many calls wait for {self._name}")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._queue_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise self._error(f"no turn for {self._name} in time") from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()
