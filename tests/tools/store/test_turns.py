"""One thread, and who waits at a door goes first."""

import asyncio
from threading import Event

import pytest

from tools.store.turns import IN_A_ROW, Turns


def test_what_a_door_waits_for_goes_before_the_rest_each_in_order() -> None:
    """Nothing that runs is interrupted, and the end waits for what was asked for."""
    turns, begun, go_on, done = Turns("turns"), Event(), Event(), list[str]()

    def hold() -> None:
        begun.set()
        go_on.wait()
        done.append("running")

    turns.submit(hold)
    assert begun.wait(5)
    for name, first in (("a", False), ("b", False), ("door 1", True), ("c", False), ("door 2", True)):
        turns.submit(done.append, name, first=first)
    go_on.set()
    turns.shutdown()
    assert done == ["running", "door 1", "door 2", "a", "b", "c"]
    with pytest.raises(RuntimeError, match="after the end"):
        turns.submit(done.append, "late")


def test_however_many_come_to_the_door_the_rest_goes_on() -> None:
    """It may be what empties the queue that they fill."""
    turns, begun, go_on, done = Turns("turns"), Event(), Event(), list[str]()

    def hold() -> None:
        begun.set()
        go_on.wait()

    turns.submit(hold)
    assert begun.wait(5)
    for name in ("a", "b"):
        turns.submit(done.append, name)
    for _ in range(3 * IN_A_ROW):
        turns.submit(done.append, "door", first=True)
    go_on.set()
    turns.shutdown()
    row = ["door"] * IN_A_ROW
    assert done == [*row, "a", *row, "b", *row]


async def test_an_error_goes_to_whoever_waits_and_the_thread_goes_on() -> None:
    """And who has gone away before the turn is left out."""
    turns, go_on, done = Turns("turns"), Event(), list[str]()
    turns.submit(go_on.wait)
    gone = turns.submit(done.append, "gone")
    broken = asyncio.wrap_future(turns.submit(int, "no number"))
    last = asyncio.wrap_future(turns.submit(done.append, "last"))
    assert gone.cancel()
    go_on.set()
    with pytest.raises(ValueError, match="no number"):
        await broken
    await last
    turns.shutdown()
    assert done == ["last"]
