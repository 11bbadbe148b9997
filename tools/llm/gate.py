"""What stands before an endpoint in trouble: few requests at a time, and none while the breaker is open."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from domain.errors import Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from tools.breaker import Breaker
from tools.llm.failing import LEFT_ALONE, BadAnswer, Crowded, Rejected
from tools.turns import Turns

QUEUE: Final = 64
"""Questions that may wait for their turn."""


class Gate:
    """Of one endpoint. Times are Instants, told by `now`."""

    def __init__(self, at_once: int, *, queue_s: float, now: Callable[[], int]) -> None:
        """`queue_s` is how long a request waits for its turn."""
        self.breaker = Breaker()
        self._turns, self._now = Turns("the model", at_once, queue=QUEUE, queue_s=queue_s, error=Crowded), now
        self._last: Exception | None = None

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places. Raises: Crowded; Throttled or Unauthorized while the breaker is open."""
        self._ask_breaker()
        async with self._turns.turn():
            self._ask_breaker()
            yield

    @asynccontextmanager
    async def watched(self, late: Callable[[], bool]) -> AsyncIterator[None]:
        """While a request is made: how it ends is told to the breaker.

        A request that is cut off counts as a failure if `late` says that it was our own deadline.
        """
        ticket = self.breaker.enter(self._now())
        try:
            yield
            self.breaker.answered(ticket)
        except (BadAnswer, Rejected):
            self.breaker.answered(ticket)
            raise
        except Temporary as error:
            self._failed(ticket, error)
            raise
        except asyncio.CancelledError:
            if late():
                self._failed(ticket, None)
            raise
        finally:
            # A defect or a cancelled request says nothing of the endpoint, but must not keep others from trying.
            self.breaker.gave_up(ticket)

    def _failed(self, ticket: int, error: Temporary | None) -> None:
        asked = error.retry_after_s if isinstance(error, Throttled) else 0.0
        self.breaker.failed(ticket, self._now(), asked_us=round(asked * SECOND))
        self._last = error

    def _ask_breaker(self) -> None:
        left = self.breaker.left(self._now()) / SECOND
        if left <= 0:
            return
        words, last = "the model's endpoint is left alone", self._last
        if isinstance(last, Unauthorized):
            raise Unauthorized(words, last.setting, left)
        raise Throttled(words, left, code=last.code if isinstance(last, Throttled) else LEFT_ALONE)
