"""A vendor's account as all workers of a tenant share it: waits that it asked for, and our own rate of requests."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from domain.errors import Temporary, Throttled
from domain.ids import TenantId
from domain.instants import SECOND
from domain.ports.limits import Limits
from tools.retry_after import LONGEST_S
from tools.settings import Settings

NEW_S: Final = 2.0
"""How long a request that begins something waits for its turn."""
BEGUN_S: Final = 10.0
"""How long a write waits, and the rest of a step: what was begun is rather finished than begun anew."""
POLITE_S: Final = 10.0
"""How long what reads back lets all others go first; then it takes its place in the row."""
OURS: Final = frozenset({"record", "own_rate"})
"""Codes that say nothing of the vendor: one record is busy, or we have asked enough."""
_BEGUN: Final[ContextVar[set[str] | None]] = ContextVar("begun", default=None)


@contextmanager
def one_step() -> Iterator[None]:
    """What is asked within the block belongs together: once its first request has its turn, the others wait longer."""
    token = _BEGUN.set(set())
    try:
        yield
    finally:
        _BEGUN.reset(token)


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests: `burst` at once and `per_minute` from then on."""

    per_minute: int
    burst: int


RATES: Final = {
    "hubspot": Rate(480, 20),  # 100 within ten seconds
    "salesforce": Rate(600, 60),  # by the day alone, which each answer counts
    "chatwoot": Rate(240, 60),  # as a server of one's own is set up: 300 a minute
    "intercom": Rate(6_000, 600),  # 1,666 within ten seconds
    "zendesk": Rate(160, 40),  # 200 a minute
    "brevo": Rate(480, 60),  # 600 a minute
    "slack": Rate(50, 5),  # a message a second in a channel
}
"""By vendor: what its smallest plan takes, so that no window of its own sees more."""


@dataclass(frozen=True, slots=True)
class SharedWait:
    """A tenant's account at one vendor, by whatever door it is asked: steps, records, pollers, talks."""

    limits: Limits
    tenant: TenantId
    vendor: str
    now: Callable[[], int]
    rate: Rate | None = None
    """None: as many requests as one likes."""
    behind: bool = False
    """Lets others go first while they come: reading back must not keep anybody from writing."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def ask(self) -> None:
        """Raises: Throttled while the account is to be left alone."""
        left = await self.limits.held(self.tenant, self.vendor, now=self.now())
        if left > 0:
            raise Throttled(f"{self.vendor} asks us to come later", left / SECOND)

    async def turn(self, *, begun: bool) -> None:
        """Wait for the turn of one request; `begun`: it is one that writes.

        Raises: Throttled while the account is to be left alone, or (``own_rate``) where no turn comes in time.
        """
        await self.ask()
        if self.rate is None:
            return
        step = _BEGUN.get()
        begun = begun or (step is not None and self.vendor in step)
        waited = await (self._spare(self.rate) if self.behind else self._next(self.rate, begun))
        if step is not None:
            step.add(self.vendor)
        if waited:
            await self.ask()

    async def room(self, record: str, rate: Rate, tokens: int) -> None:
        """Take `tokens` of what may be done to one record. Raises: Throttled (``record``) where it is too much now."""
        wait = await self._reserve(f"/{record}", rate, tokens=tokens)
        if wait:
            raise Throttled(f"{self.vendor}: the record was changed too often", wait / SECOND, code="record")

    async def told(self, error: BaseException) -> None:
        """Pass on what `error` asks for; what concerns our credentials or one record alone is not.

        Where the store cannot be written now, `error` goes on all the same and the others are told by the vendor.
        """
        if isinstance(error, Throttled) and error.code == "throttled":
            await self.hold(error.retry_after_s)

    async def hold(self, seconds: float) -> None:
        """Leave the account alone for so long, an hour at most. As for `told` where the store cannot be written."""
        if seconds <= 0:
            return
        with suppress(Temporary):
            until = self.now() + round(min(seconds, LONGEST_S) * SECOND)
            await self.limits.hold(self.tenant, self.vendor, until=until)

    async def _next(self, rate: Rate, begun: bool) -> bool:
        """Our place in the row, and if we had to wait for it."""
        ahead = round((BEGUN_S if begun else NEW_S) * SECOND)
        wait = await self._reserve("", rate, ahead=ahead)
        if wait > ahead:
            words = f"the rate of {self.vendor} is used up"
            raise Throttled(words, wait / SECOND, code="own_rate")
        if wait:
            await self.sleep(wait / SECOND)
        return wait > 0

    async def _spare(self, rate: Rate) -> bool:
        """A token that nobody else needs now, or else the next one, and if we had to wait for it."""
        waited = 0
        while wait := await self._reserve("", rate, leave=rate.burst // 2):
            waited += wait
            if waited > POLITE_S * SECOND:
                return await self._next(rate, begun=True)
            await self.sleep(wait / SECOND)
        return waited > 0

    async def _reserve(
        self, record: str, rate: Rate, *, tokens: int = 1, leave: int = 0, ahead: int = 0
    ) -> int:
        try:
            return await self.limits.reserve(
                f"account:{self.tenant}:{self.vendor}{record}", per_minute=rate.per_minute, burst=rate.burst,
                now=self.now(), tokens=tokens, leave=leave, ahead=ahead,
            )  # fmt: skip
        except Throttled:
            raise
        except Temporary as error:
            words = f"requests to {self.vendor} cannot be counted now ({error})"
            raise Throttled(words, 1.0, code="own_rate") from error


def account(
    settings: Settings, vendor: str, limits: Limits, now: Callable[[], int], *, behind: bool = False
) -> SharedWait:
    """The account at `vendor` that `settings` mean, with the rate that they name or the vendor's usual one."""
    usual, wanted = RATES.get(vendor), settings.vendor_per_minute.get(vendor)
    if usual is not None and wanted is not None:
        usual = Rate(wanted, max(2, wanted * usual.burst // usual.per_minute))
    return SharedWait(limits, TenantId(settings.tenant), vendor, now, usual, behind)
