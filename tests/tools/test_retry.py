"""Retries within a call: only what may pass, never for long, never sooner than asked."""

import pytest

from domain.errors import OutcomeUnknown, Permanent, Refused, Temporary, Throttled
from tools.retry import NEVER, Retries, retrying


class Call:
    """Fails with `errors` in turn, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.made = list(errors), 0

    async def __call__(self) -> str:
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


class Slept:
    """A sleep that only writes down how long."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


async def test_a_passing_outage_is_waited_out() -> None:
    call, slept = Call(Temporary("down"), Temporary("down")), Slept()
    assert await retrying(Retries(attempts=3, first_s=0.5), sleep=slept)(call) == "answer"
    assert call.made == 3
    assert slept.seconds[0] <= 0.5
    assert slept.seconds[1] <= 1.0


async def test_attempts_end_and_the_last_error_is_raised_as_it_was() -> None:
    call = Call(*[Temporary(f"down {n}") for n in range(9)])
    with pytest.raises(Temporary, match="down 2"):
        await retrying(Retries(attempts=3), sleep=Slept())(call)
    assert call.made == 3


@pytest.mark.parametrize(
    "error", [Refused("no"), Permanent("never"), OutcomeUnknown("lost"), KeyError("bug")]
)
async def test_only_what_certainly_did_not_happen_and_may_pass_is_tried_again(error: Exception) -> None:
    call, slept = Call(error), Slept()
    with pytest.raises(type(error)):
        await retrying(Retries(), sleep=slept)(call)
    assert (call.made, slept.seconds) == (1, [])


async def test_a_throttled_call_waits_as_long_as_it_was_asked_to() -> None:
    call, slept = Call(Throttled("slow down", 3.0)), Slept()
    assert await retrying(Retries(first_s=0.5, total_s=10), sleep=slept)(call) == "answer"
    assert 3.0 <= slept.seconds[0] <= 3.5


async def test_a_wait_that_would_end_too_late_is_not_begun() -> None:
    call, slept = Call(Throttled("slow down", 60.0)), Slept()
    with pytest.raises(Throttled):
        await retrying(Retries(total_s=10), sleep=slept)(call)
    assert (call.made, slept.seconds) == (1, [])


async def test_retries_can_be_switched_off() -> None:
    call, slept = Call(Temporary("down")), Slept()
    with pytest.raises(Temporary):
        await retrying(NEVER, sleep=slept)(call)
    assert (call.made, slept.seconds) == (1, [])
