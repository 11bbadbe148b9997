"""A target behind its guards: deadlines, few calls at a time, a breaker, a shared rate and wait, retries if safe."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from domain.effect import Delivery, Step, StepReceipt
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from domain.ports.limits import Limits
from domain.ports.target import Change, Seen, Subject, Target
from tools.breaker import Breaker
from tools.retry import Retries, retrying
from tools.turns import Turns
from tools.waits import OURS, SharedWait, one_step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Guards:
    """Bounds of one target."""

    deadline_s: float = 10.0
    """For one call, without its time in the queue."""
    at_once: int = 8
    """Calls at a time."""
    queue: int = 64
    """Calls that may wait for their turn; one more is turned away."""
    queue_s: float = 10.0
    """How long a call waits for its turn."""
    per_minute: int = 600
    """Calls a minute that all workers may make together; 0 = as many as they like, or each request is counted."""
    burst: int = 60
    retries: Retries = field(default_factory=Retries)
    failures: int = 5
    """Failures in a row that open the breaker."""
    pause_us: int = 30 * SECOND
    """How long it stays open (microseconds)."""


class GuardedTarget:
    """Satisfies `domain.ports.target.Target` by another one, which is spared when it is in trouble.

    A send that misses the deadline may have happened (`OutcomeUnknown`); whatever is turned away before it leaves
    has not (`Temporary`, `Throttled`).
    """

    def __init__(
        self,
        target: Target,
        guards: Guards,
        *,
        limits: Limits,
        wait: SharedWait | None,
        now: Callable[[], int],
    ) -> None:
        """`limits`, under the target's name, and `wait` are shared by all workers; `now` tells the Instant.

        Without a `wait` nobody asks for one: the target is on this machine.
        """
        self.name, self.delivery, self.takes = target.name, target.delivery, target.takes
        self._target, self._guards, self._now = target, guards, now
        self._limits, self._wait = limits, wait
        self._turns = Turns(target.name, guards.at_once, queue=guards.queue, queue_s=guards.queue_s)
        self._last: Exception | None = None
        self.breaker = Breaker(guards.failures, guards.pause_us)

    async def look(self, subject: Subject) -> Seen:
        """The record as it is now."""
        return await self._read(lambda: self._target.look(subject))

    async def find(self, key: str) -> StepReceipt | None:
        """The receipt of the step sent under `key`."""
        return await self._read(lambda: self._target.find(key))

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """What the steps would write."""
        return await self._read(lambda: self._target.preview(steps, subject))

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step; tried again here only where the same key again changes nothing."""

        async def once() -> StepReceipt:
            try:
                return await self._guarded(lambda: self._target.send(step, subject, key=key))
            except TimeoutError as error:
                raise OutcomeUnknown(f"{self.name} did not answer in time") from error

        if self.delivery is Delivery.KEYED:
            return await retrying(self._guards.retries)(once)
        return await once()

    async def _read(self, call: Callable[[], Awaitable[T]]) -> T:
        async def once() -> T:
            try:
                return await self._guarded(call)
            except TimeoutError as error:
                raise Temporary(f"{self.name} did not answer in time") from error

        return await retrying(self._guards.retries)(once)

    async def _guarded(self, call: Callable[[], Awaitable[T]]) -> T:
        """One call within all bounds. Raises: TimeoutError after it has left; Temporary or Throttled before."""
        self._ask_breaker()
        async with self._turns.turn():
            await self._ask_limit()
            self._ask_breaker()
            ticket = self.breaker.enter(self._now())
            try:
                async with asyncio.timeout(self._guards.deadline_s):
                    with one_step():
                        answer = await call()
                self.breaker.answered(ticket)
                return answer
            except Refused:
                self.breaker.answered(ticket)
                raise
            except Throttled as error:
                await self._heard(error, ticket)
                raise
            except (Temporary, OutcomeUnknown, TimeoutError) as error:
                self.breaker.failed(ticket, self._now())
                self._last = error
                raise
            finally:
                # A defect or a cancelled call says nothing of the target, but must not keep others from trying.
                self.breaker.gave_up(ticket)

    async def _heard(self, error: Throttled, ticket: int) -> None:
        """The target asks for quiet: all of it, which all workers are told, or one record alone; or we do."""
        if error.code == "record":
            self.breaker.answered(ticket)
        if error.code in OURS:
            return
        self.breaker.failed(ticket, self._now(), asked_us=round(error.retry_after_s * SECOND))
        self._last = error
        if self._wait is not None:
            await self._wait.told(error)

    async def _ask_limit(self) -> None:
        guards = self._guards
        if self._wait is not None:
            await self._wait.ask()
        if not guards.per_minute:
            return
        wait = await self._limits.reserve(
            self.name, per_minute=guards.per_minute, burst=guards.burst, now=self._now()
        )
        if wait > 0:
            raise Throttled(f"the rate of {self.name} is used up", wait / SECOND, code="own_rate")

    def _ask_breaker(self) -> None:
        """Raises: Throttled while the breaker is open; Unauthorized or a target's own wish keeps its name meanwhile."""
        left = self.breaker.left(self._now()) / SECOND
        if left <= 0:
            return
        words, last = f"{self.name} is left alone", self._last
        if isinstance(last, Unauthorized):
            raise Unauthorized(words, last.setting, left)
        raise Throttled(words, left, code=last.code if isinstance(last, Throttled) else "left_alone")
