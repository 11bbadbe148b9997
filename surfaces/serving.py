"""Passes one after the other until somebody says stop; a store that cannot be used now is waited out."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Final, Protocol, Self, TypeVar

from domain.errors import Temporary

OUTAGE_S: Final = 0.5
"""Rest after a pass that the store cut short: another process may hold it, or the disk is full."""


class Passed(Protocol):
    """What passes add up to."""

    outages: int

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        ...

    def add(self, other: Self) -> None:
        """Sum `other` into this one."""
        ...


P = TypeVar("P", bound=Passed)
T = TypeVar("T")


async def served(one_pass: Callable[[], Awaitable[P]], stop: asyncio.Event, total: P, *, idle_s: float) -> P:
    """Call `one_pass` until `stop` is set, and sum into `total`; rest `idle_s` when there was nothing to do."""
    while not stop.is_set():
        try:
            done = await one_pass()
        except Temporary:
            total.outages += 1
            await rest(stop, OUTAGE_S)
            continue
        total.add(done)
        if not done.busy:
            await rest(stop, idle_s)
    return total


async def rest(stop: asyncio.Event, seconds: float) -> None:
    """Wait for `seconds`, or until `stop` is set."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What all of `work` give, in their order. An error of one is raised when all have ended: it cuts none short."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
    return [end for end in ends if not isinstance(end, BaseException)]
