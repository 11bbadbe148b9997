"""Actors that stop at gates: one scheduler lets one of them go on at a time, so a seed decides the whole history."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field

from domain.errors import Temporary


class Died(BaseException):
    """The actor's process ends here, with whatever it held."""


@dataclass(eq=False)
class Actor:
    """One process or person. `life` is what it does; when it ends or dies it begins again with its next step."""

    name: str
    life: Callable[[], Awaitable[object]]
    weight: int = 1
    mortal: bool = True
    at: str = "start"
    """Where it stands."""
    back_at: int = 0
    """Paused until this step of the history."""
    since: int = 0
    """When it began what it is doing (true time)."""
    late: bool = False
    """The deadline of what it is doing has run out."""
    task: "asyncio.Task[object] | None" = None
    _go: "asyncio.Future[None]" = field(init=False)
    _stopped: "asyncio.Future[None]" = field(init=False)

    async def step(self) -> str:
        """Let it go on to its next gate; a word on how that ended. Raises: what a defect raises."""
        self._stopped = asyncio.get_running_loop().create_future()
        if self.task is None:
            self._begin()
        else:
            self._go.set_result(None)
        return await self._wait()

    async def kill(self) -> None:
        """End it where it stands."""
        if self.task is None:
            return
        self._stopped = asyncio.get_running_loop().create_future()
        self._go.set_exception(Died())
        await self._wait()

    async def stop_at(self, label: str) -> None:
        """Wait here until the scheduler comes by."""
        self.at = label
        self._go = asyncio.get_running_loop().create_future()
        self._stopped.set_result(None)
        await self._go

    def _begin(self) -> None:
        context = copy_context()
        context.run(_ACTOR.set, self)
        self.late = False
        self.task = asyncio.get_running_loop().create_task(self._live(), context=context)
        self.task.add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)

    async def _live(self) -> object:
        return await self.life()

    async def _wait(self) -> str:
        await self._stopped
        if self.task is None or not self.task.done():
            return "stops"
        error, self.task, self.at = self.task.exception(), None, "start"
        if error is None:
            return "ends"
        if isinstance(error, Died | Temporary):
            return "dies"
        raise error


_ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)


def acting() -> Actor | None:
    """The actor on whose behalf this runs."""
    return _ACTOR.get()


async def gate(label: str) -> None:
    """A place where others may come first. Whoever is no actor passes."""
    actor = _ACTOR.get()
    if actor is not None:
        await actor.stop_at(label)
