"""Readers and pollers behind guards: a wait that all workers share, a breaker, a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from domain.errors import Refused, Temporary, Throttled
from domain.instants import SECOND
from domain.ports.upstream import Page, Poller, Reader, Record, Told
from tools.breaker import Breaker
from tools.waits import OURS, SharedWait

T = TypeVar("T")
DEADLINE_S: Final = 60.0
"""For one batch of records or one page: some requests."""


@dataclass(slots=True)
class Gate:
    """What stands before one vendor. Its requests are counted with those that write there."""

    vendor: str
    wait: SharedWait
    """The same as that of what is written there."""
    now: Callable[[], int]
    deadline_s: float = DEADLINE_S
    breaker: Breaker = field(default_factory=Breaker)

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """Raises: Throttled where nothing was asked; Temporary where no answer came in time."""
        left = self.breaker.left(self.now())
        if left:
            raise Throttled(f"{self.vendor} is in trouble and left alone", left / SECOND, code="breaker")
        await self.wait.ask()
        ticket = self.breaker.enter(self.now())
        try:
            async with asyncio.timeout(self.deadline_s):
                answer = await call()
        except (Temporary, TimeoutError) as error:
            if isinstance(error, Throttled) and error.code in OURS:
                if error.code == "record":
                    self.breaker.answered(ticket)
                self.breaker.gave_up(ticket)
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
