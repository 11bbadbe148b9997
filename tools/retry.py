"""Retries within one call, in one place: reads and keyed writes, on a `Temporary` that may pass by itself.

Longer waits are not made here: the outbox takes the action again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from domain.errors import Temporary, Throttled, Unauthorized

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often and how long: `attempts` in all, a random wait of at most `first_s` doubled up to `longest_s`.

    No wait begins that would end later than `total_s` after the first attempt.
    """

    attempts: int = 3
    first_s: float = 0.2
    longest_s: float = 4.0
    total_s: float = 10.0


NEVER: Final = Retries(attempts=1)
"""One attempt: for tests and replays."""


def retrying(policy: Retries, *, sleep: Sleep = asyncio.sleep) -> AsyncRetrying:
    """Call it with a function to be tried: ``await retrying(policy)(call)``. The last error is raised as it was.

    `Throttled` waits at least as long as it asks, or is raised at once if that is too long for `policy`.
    """
    backoff = wait_random_exponential(multiplier=policy.first_s, max=policy.longest_s)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after_s if isinstance(error, Throttled) else 0.0
        return asked + backoff(state)

    return AsyncRetrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(policy.attempts) | stop_before_delay(policy.total_s),
        wait=wait,
        reraise=True,
        sleep=sleep,
    )


def _may_pass(error: BaseException) -> bool:
    """False for credentials too: until a person has renewed them, the next answer is the same."""
    return isinstance(error, Temporary) and not isinstance(error, Unauthorized)
