"""Passes one after the other until somebody says stop; a store that cannot be used now is waited out."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol, Self, TypeVar

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


async def served(one_pass: Callable[[], Awaitable[P]], stop: asyncio.Event, total: P, *, idle_s: float) -> P:
    """Call `one_pass` until `stop` is set, and sum into `total`; rest `idle_s` when there was nothing to do."""
    while not stop.is_set():
        try:
            done = await one_pass()
        except Temporary:
            total.outages += 1
            await _rest(stop, OUTAGE_S)
            continue
        total.add(done)
        if not done.busy:
            await _rest(stop, idle_s)
    return total


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
