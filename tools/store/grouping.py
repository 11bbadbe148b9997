"""Calls that come while a transaction runs go into the next one together: one disk sync answers them all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from weakref import WeakKeyDictionary

from domain.errors import Temporary

G = TypeVar("G")
R = TypeVar("R")
MOST: Final = 1_000
"""Weight of what goes into one transaction together; a heavier call goes alone."""


@dataclass(slots=True)
class _Queue(Generic[G, R]):
    """What waits on one event loop, and the task that works it off."""

    waiting: list[tuple[G, asyncio.Future[R]]] = field(default_factory=list)
    task: asyncio.Task[None] | None = None


class Grouping(Generic[G, R]):
    """Groups calls. `together` does several in one transaction, all or none of them, and gives an answer to each."""

    def __init__(
        self, together: Callable[[Sequence[G]], Awaitable[Sequence[R]]], weight: Callable[[G], int]
    ) -> None:
        """`weight` of a call, in the unit of `MOST`."""
        self._together, self._weight = together, weight
        self._queues: WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue[G, R]] = WeakKeyDictionary()

    async def do(self, call: G) -> R:
        """The answer to `call`. A caller that goes away after its transaction has begun does not stop it.

        Raises: what `together` raises for this call alone; Temporary also when it hit the others of its group.
        """
        loop = asyncio.get_running_loop()
        queue = self._queues.setdefault(loop, _Queue())
        answer: asyncio.Future[R] = loop.create_future()
        queue.waiting.append((call, answer))
        if queue.task is None or queue.task.done():
            queue.task = loop.create_task(self._work_off(queue))
        return await answer

    async def _work_off(self, queue: _Queue[G, R]) -> None:
        while queue.waiting:
            group = self._next(queue)
            if group:
                await self._answer(group)

    def _next(self, queue: _Queue[G, R]) -> list[tuple[G, asyncio.Future[R]]]:
        """The oldest that wait and fit together; who has gone away meanwhile is left out."""
        group: list[tuple[G, asyncio.Future[R]]] = []
        room = MOST
        while queue.waiting:
            call, answer = queue.waiting[0]
            room -= self._weight(call)
            if group and room < 0:
                break
            del queue.waiting[0]
            if not answer.done():
                group.append((call, answer))
        return group

    async def _answer(self, group: list[tuple[G, asyncio.Future[R]]]) -> None:
        """Do a group; if one of it cannot be done, each by itself, so that the others do not fall with it."""
        try:
            results = await self._together([call for call, _ in group])
        except BaseException as error:  # noqa: BLE001 - handed on to those who wait, whatever it is
            await self._failed(group, error)
            return
        for (_, answer), result in zip(group, results, strict=True):
            if not answer.done():
                answer.set_result(result)

    async def _failed(self, group: list[tuple[G, asyncio.Future[R]]], error: BaseException) -> None:
        if len(group) > 1 and isinstance(error, Exception) and not isinstance(error, Temporary):
            for one in group:
                await self._answer([one])
            return
        for _, answer in group:
            if not answer.done():
                answer.set_exception(error)
        if isinstance(error, asyncio.CancelledError):
            raise error
