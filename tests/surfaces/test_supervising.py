"""What works beside a server is kept going: an unasked end is told, counted and seen, and passes."""

import asyncio
from collections.abc import Callable

import pytest

from surfaces.log import Line
from surfaces.serving import together
from surfaces.supervising import Crew, Part

FIRST, SECOND, LAST = 0.0, 0.001, 0.002


class Fails:
    """A part that ends `times`, then goes on until it is told to stop; `done` tells of the latter."""

    def __init__(self, times: int, error: Callable[[], Exception | None] = ZeroDivisionError) -> None:
        self.left, self._error, self.going, self.done = times, error, asyncio.Event(), False

    async def serve(self, stop: asyncio.Event) -> None:
        if self.left:
            self.left -= 1
            if (error := self._error()) is not None:
                raise error
            return
        self.going.set()
        await stop.wait()
        await asyncio.sleep(0)
        self.done = True


async def _until(crew: Crew, *parts: Fails) -> None:
    """Keep them, stop when all are going."""
    stop = asyncio.Event()
    named: dict[str, Part] = {f"part-{place}": part.serve for place, part in enumerate(parts)}
    keeping = asyncio.create_task(crew.keep(named, stop))
    async with asyncio.timeout(20):
        for part in parts:
            await part.going.wait()
        stop.set()
        await keeping


async def test_a_part_that_fails_is_begun_again_after_growing_pauses_and_the_others_never_end() -> None:
    """Told with the class of the error and its place, and none of its words."""
    told = list[Line]()
    crew = Crew(told.append, pauses=(FIRST, SECOND, LAST))
    bad, good = Fails(4, lambda: OSError(24, "of ada@example.com")), Fails(0)
    await _until(crew, bad, good)
    assert [line["again_in_s"] for line in told] == [FIRST, SECOND, LAST, LAST]
    assert {(line["part"], line["error"]) for line in told} == {("part-0", "OSError")}
    assert all(__file__ in line["at"] for line in told)
    assert "ada" not in str(told)
    assert crew.failures == {"part-0": 4, "part-1": 0}
    assert bad.done
    assert good.done


async def test_a_part_that_ends_without_an_error_is_begun_again_as_well() -> None:
    crew, part = Crew(pauses=(FIRST,)), Fails(2, lambda: None)
    await _until(crew, part)
    assert crew.failures == {"part-0": 2}


async def test_an_end_is_seen_until_the_part_has_gone_well_for_a_while() -> None:
    """And the pauses begin anew then."""
    now, seen = [0.0], list[tuple[object, object]]()
    crew = Crew(
        lambda line: seen.append((line["again_in_s"], crew.standing())), (FIRST, SECOND), now=lambda: now[0]
    )
    await _until(crew, Fails(2))
    now[0] = 59.0
    assert crew.standing() == {"part-0": "begun_again"}
    now[0] = 60.0
    assert crew.standing() == {}
    assert seen == [(FIRST, {"part-0": "ended"}), (SECOND, {"part-0": "ended"})]

    def late() -> Exception:
        now[0] += 60.0
        return ZeroDivisionError()

    await _until(crew, Fails(3, late))
    assert [pause for pause, _ in seen[2:]] == [FIRST] * 3


@pytest.mark.parametrize("when", ["in a pause", "as it stops"])
async def test_a_stop_ends_all_also_a_part_in_trouble(when: str) -> None:
    told, stop, others = list[Line](), asyncio.Event(), Fails(0)
    crew = Crew(told.append, pauses=(3_600.0,))

    async def bad(_: asyncio.Event) -> None:
        if when == "as it stops":
            await stop.wait()
        raise ZeroDivisionError

    keeping = asyncio.create_task(crew.keep({"bad": bad, "good": others.serve}, stop))
    await others.going.wait()
    async with asyncio.timeout(20):
        stop.set()
        await keeping
    assert (others.done, [line["error"] for line in told]) == (True, ["ZeroDivisionError"])


async def test_an_error_of_one_piece_of_work_cuts_no_other_short() -> None:
    ended = list[int]()

    async def work(number: int) -> None:
        if number == 0:
            raise ZeroDivisionError
        await asyncio.sleep(0.001)
        ended.append(number)

    with pytest.raises(ZeroDivisionError):
        await together(work(number) for number in range(3))
    assert ended == [1, 2]
