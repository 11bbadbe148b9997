"""The connections of a server: who is late is let go, and when one too many comes, whoever has us wait the longest."""

import asyncio
import resource
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surfaces.api.crowd import MOST, MOST_COMING, Crowd, Guest, room
from surfaces.api.protocol import BoundedProtocol


class Line:
    """A transport that knows if it was let go, and how much of an answer was not taken."""

    gone = False
    untaken = 0

    def abort(self) -> None:
        self.gone = True

    def get_write_buffer_size(self) -> int:
        return self.untaken


class Loop:
    """A loop's clock by hand, with the timers that were set."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, Callable[..., None], tuple[Any, ...]]] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[..., None], *given: Any) -> None:
        self.timers.append((self.now + seconds, call, given))

    def to(self, now: float) -> None:
        """Let the time pass, and every timer run at its own."""
        while due := [one for one in self.timers if one[0] <= now]:
            first = min(due, key=lambda one: one[0])
            self.timers.remove(first)
            self.now = max(self.now, first[0])
            first[1](*first[2])
        self.now = now


def connection(loop: Loop, line: Line, guests: set[Any]) -> BoundedProtocol:
    """One that nothing has come over yet."""
    one = BoundedProtocol.__new__(BoundedProtocol)
    one.loop, one.transport = cast(asyncio.AbstractEventLoop, loop), cast(Any, line)
    one.connections, one.cycle = guests, cast(Any, None)
    one.flow = cast(Any, SimpleNamespace(write_paused=False))
    guests.add(one)
    return one


@given(st.lists(st.tuples(st.floats(0, 30), st.sampled_from([None, 5.0, 10.0, 20.0])), max_size=20))
def test_a_connection_is_let_go_within_a_look_of_its_last_end_and_not_before(
    ends: list[tuple[float, float | None]],
) -> None:
    loop, line, guests = Loop(), Line(), set[Any]()
    one = connection(loop, line, guests)
    Crowd(9, look_s=1.0).joined(one, guests, cast(Any, loop))
    end: float | None = None
    for wait, within in ends:
        loop.to(loop.now + wait)
        if end is None or loop.now < end:
            assert not line.gone
        elif loop.now >= end + 1.0:
            assert line.gone
        if line.gone:
            break
        if within is None:
            end = one._end = None
        else:
            one._within(within)
            end = loop.now + within
        assert len(loop.timers) == 1, "one look for all, however many requests"
    loop.to(loop.now + 100)
    assert line.gone == (end is not None)
    assert bool(loop.timers) is bool(guests), "nobody is looked at when nobody is there"


def test_an_answer_that_is_not_taken_is_not_kept_for_ever_and_the_next_one_has_its_own_time() -> None:
    loop, line = Loop(), Line()
    one = connection(loop, line, set())
    first, second = cast(Any, object()), cast(Any, object())
    one.cycle, line.untaken = first, 100_000
    assert [one.late(at) for at in (0.0, one.taken_s - 1)] == [False, False]
    one.cycle = second
    assert [one.late(at) for at in (one.taken_s, 2 * one.taken_s - 1, 2 * one.taken_s)] == [
        False,
        False,
        True,
    ]
    line.untaken = 0
    assert not one.late(100.0)
    line.untaken = 1
    assert not one.late(100.0 + one.taken_s - 1)


@dataclass(eq=False)
class Caller:
    """A connection by hand."""

    since: float
    state: str
    guests: set[Any] = field(repr=False)

    def waited_for(self) -> bool:
        return self.state != "at work"

    def idle(self) -> bool:
        return self.state == "idle"

    def late(self, now: float) -> bool:
        return False

    def let_go(self, why: str) -> None:
        self.guests.discard(self)


@given(
    st.lists(
        st.tuples(st.floats(0, 9), st.sampled_from(["at work", "idle", "unfinished"])), min_size=1, max_size=9
    )
)
def test_who_goes_is_the_one_longest_unheard_of_and_never_one_that_is_being_answered(
    others: list[tuple[float, str]],
) -> None:
    loop, guests = Loop(), set[Any]()
    callers = [Caller(since, state, guests) for since, state in others]
    newest = Caller(10.0, "unfinished", guests)
    guests |= {*callers, newest}
    crowd = Crowd(len(others), look_s=1.0)
    crowd.joined(newest, cast(set[Guest], guests), cast(Any, loop))
    gone = {*callers, newest} - guests
    waiting = [one for one in callers if one.waited_for()]
    assert newest in guests
    if not waiting:
        assert not gone
        assert crowd.full(guests)
        return
    (one,) = gone
    unfinished = [other for other in waiting if not other.idle()]
    assert one.since == min(other.since for other in unfinished or waiting)
    assert one.idle() is not bool(unfinished)
    assert not crowd.full(guests)


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (256, (96, 32)),
        (1_024, (384, 128)),
        (65_536, (MOST, MOST_COMING)),
        (resource.RLIM_INFINITY, (MOST, MOST_COMING)),
    ],
)
def test_whoever_connects_the_store_has_files_left(
    monkeypatch: pytest.MonkeyPatch, files: int, wanted: tuple[int, int]
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (files, files))
    assert room() == wanted
