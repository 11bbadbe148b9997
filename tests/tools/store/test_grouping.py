"""Calls grouped into one transaction: each is answered for itself, and none falls with another."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.errors import Temporary
from tools.store.grouping import MOST, Grouping


class Slow:
    """Doubles numbers a group at a time; the first group waits for `go`. A number below zero breaks its group."""

    def __init__(self, error: Exception | None = None) -> None:
        self.go, self.error = asyncio.Event(), error
        self.groups: list[list[int]] = []

    async def double(self, numbers: Sequence[int]) -> Sequence[int]:
        self.groups.append(list(numbers))
        await self.go.wait()
        if self.error is not None:
            raise self.error
        if min(numbers) < 0:
            raise ValueError("below zero")
        return [2 * number for number in numbers]


async def asked(slow: Slow, numbers: Sequence[int], *, weight: int = 1) -> list[int | BaseException]:
    """The answers to `numbers`, the first of which is under way when the others come."""
    grouping: Grouping[int, int] = Grouping(slow.double, lambda _: weight)
    first = asyncio.create_task(grouping.do(numbers[0]))
    while not slow.groups:  # noqa: ASYNC110 - the group under way is the event
        await asyncio.sleep(0)
    others = [asyncio.create_task(grouping.do(number)) for number in numbers[1:]]
    await asyncio.sleep(0)
    slow.go.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


async def test_what_comes_while_one_is_under_way_goes_together() -> None:
    slow = Slow()
    assert await asked(slow, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert slow.groups == [[1], [2, 3, 4]]


async def test_a_call_that_cannot_be_done_does_not_take_the_others_with_it() -> None:
    slow = Slow()
    found = await asked(slow, [1, 2, -3, 4])
    assert [found[0], found[1], found[3]] == [2, 4, 8]
    assert isinstance(found[2], ValueError)
    assert slow.groups[1:] == [[2, -3, 4], [2], [-3], [4]]


async def test_an_outage_hits_all_of_a_group_at_once() -> None:
    slow = Slow(Temporary("the disk is full"))
    found = await asked(slow, [1, 2, 3])
    assert all(isinstance(one, Temporary) for one in found)
    assert len(slow.groups) == 2


async def test_what_is_too_much_for_one_transaction_goes_in_several() -> None:
    slow = Slow()
    assert await asked(slow, [1, 2, 3, 4], weight=MOST // 2) == [2, 4, 6, 8]
    assert slow.groups == [[1], [2, 3], [4]]
    alone = Slow()
    assert await asked(alone, [1, 2], weight=MOST + 1) == [2, 4]


async def test_a_caller_that_goes_away_stops_nobody() -> None:
    slow = Slow()
    grouping: Grouping[int, int] = Grouping(slow.double, lambda _: 1)
    tasks = [asyncio.create_task(grouping.do(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    slow.go.set()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert found[1:] == [4, 6]


def test_each_event_loop_is_served() -> None:
    """One after the other over the same store, as commands do."""

    async def double(numbers: Sequence[int]) -> Sequence[int]:
        return [2 * number for number in numbers]

    grouping: Grouping[int, int] = Grouping(double, lambda _: 1)
    assert [asyncio.run(grouping.do(number)) for number in (1, 2)] == [2, 4]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whoever_waits_is_told_what_ended_the_process(error: type[BaseException]) -> None:
    async def stop(_: Sequence[int]) -> Sequence[int]:
        raise error

    grouping: Grouping[int, int] = Grouping(stop, lambda _: 1)
    with pytest.raises(error):
        asyncio.run(grouping.do(1))
