"""Readers and pollers behind guards: a rate and a wait that all workers share, a breaker, a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from domain.errors import Refused, Temporary, Throttled
from domain.instants import SECOND
from domain.ports.limits import Limits
from domain.ports.upstream import Page, Poller, Reader, Record, Told
from tools.breaker import Breaker
from tools.waits import SharedWait

T = TypeVar("T")
DEADLINE_S: Final = 60.0
"""For one batch of records or one page: some requests."""


@dataclass(slots=True)
class Gate:
    """What stands before one vendor. Its rate is counted under the vendor's name, apart from what is written there."""

    vendor: str
    limits: Limits
    wait: SharedWait
    """The same as that of what is written there."""
    now: Callable[[], int]
    per_minute: int = 60
    """Batches and pages."""
    burst: int = 10
    deadline_s: float = DEADLINE_S
    breaker: Breaker = field(default_factory=Breaker)

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises: Throttled where nothing was asked; Temporary where no answer came in time."""
        left = self.breaker.left(self.now())
        if left:
            raise Throttled(f"{self.vendor} is in trouble and left alone", left / SECOND, code="breaker")
        await self.wait.ask()
        name = f"records:{self.vendor}"
        wait = await self.limits.reserve(name, per_minute=self.per_minute, burst=self.burst, now=self.now())
        if wait:
            raise Throttled(f"{self.vendor} has been asked enough for now", wait / SECOND, code="rate")
        ticket = self.breaker.enter(self.now())
        try:
            async with asyncio.timeout(self.deadline_s):
                answer = await call()
        except (Temporary, TimeoutError) as error:
            if isinstance(error, Throttled) and error.code == "record":
                self.breaker.answered(ticket)
                raise
            asked = error.retry_after_s if isinstance(error, Throttled) else 0.0
            self.breaker.failed(ticket, self.now(), asked_us=round(asked * SECOND))
            await self.wait.told(error)
            if isinstance(error, Temporary):
                raise
            raise Temporary(f"{self.vendor} did not answer in time") from None
        except Refused:
            self.breaker.answered(ticket)
            raise
        except BaseException:
            self.breaker.gave_up(ticket)
            raise
        self.breaker.answered(ticket)
        return answer


@dataclass(frozen=True, slots=True)
class GuardedReader:
    """Satisfies `domain.ports.upstream.Reader` by another one."""

    reader: Reader
    gate: Gate

    @property
    def vendor(self) -> str:
        """As the reader."""
        return self.reader.vendor

    @property
    def most(self) -> int:
        """As the reader."""
        return self.reader.most

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """As the reader, if its vendor may be asked now."""
        return await self.gate.ask(lambda: self.reader.read(records, now=now))


@dataclass(frozen=True, slots=True)
class GuardedPoller:
    """Satisfies `domain.ports.upstream.Poller` by another one."""

    poller: Poller
    gate: Gate

    @property
    def name(self) -> str:
        """As the poller."""
        return self.poller.name

    @property
    def vendor(self) -> str:
        """As the poller."""
        return self.poller.vendor

    def beginning(self, since: int) -> str:
        """As the poller."""
        return self.poller.beginning(since)

    async def page(self, position: str, *, now: int) -> Page:
        """As the poller, if its vendor may be asked now."""
        return await self.gate.ask(lambda: self.poller.page(position, now=now))
