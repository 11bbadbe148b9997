"""The one timer of a connection: it ends what is late, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from surfaces.api.protocol import BoundedProtocol


class Timed:
    """A loop's clock by hand, with the timers that were set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, call: Callable[[], None]) -> "Timer":
        self.timers.append(Timer(when, call))
        return self.timers[-1]

    def to(self, now: float) -> None:
        """Let the time pass, and every timer run at its own."""
        while due := [one for one in self.timers if not one.done and one.at <= now]:
            first = min(due, key=lambda one: one.at)
            self.now, first.done = max(self.now, first.at), True
            first.call()
        self.now = now


class Timer:
    """A handle."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.done = at, call, False

    def when(self) -> float:
        return self.at

    def cancel(self) -> None:
        self.done = True


class Line:
    """A transport that knows if it was let go."""

    gone = False

    def is_closing(self) -> bool:
        return self.gone

    def abort(self) -> None:
        self.gone = True


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from([None, 5.0, 10.0, 20.0])), max_size=20))
def test_a_connection_is_let_go_when_its_last_end_has_passed_and_not_before(
    ends: list[tuple[float, float | None]],
) -> None:
    loop, line = Timed(), Line()
    one = BoundedProtocol.__new__(BoundedProtocol)
    one.loop, one.transport = cast(asyncio.AbstractEventLoop, loop), cast(Any, line)
    end: float | None = None
    for wait, within in ends:
        loop.to(loop.now + wait)
        late = end is not None and end <= loop.now
        assert line.gone == late
        if late:
            return
        one._within(within)
        end = None if within is None else loop.now + within
    assert sum(not timer.done for timer in loop.timers) <= 1, "one timer, however many requests"
    loop.to(loop.now + 100)
    assert line.gone == (end is not None)
