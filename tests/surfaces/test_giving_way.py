"""A worker gives way while somebody is at a door, and not for longer."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.ports.home import Home
from surfaces.door import take
from surfaces.giving_way import LATELY_S, TOGETHER, Doors
from surfaces.working import worker_of
from tests.surfaces.talk_world import open_talks

LEADS = 2 * TOGETHER + 3
ITEMS = [
    {
        "id": f"w-{n}", "source": "web", "kind": "web.form", "keys": {"crm_id": f"w{n}"},
        "occurred_at": "2026-03-02T10:00:00Z", "payload": {"form": "demo"}, "consent": "granted",
    }
    for n in range(LEADS)
]  # fmt: skip


class Clock:
    """Seconds, by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with open_talks(tmp_path) as home:
        yield home


def test_a_door_is_busy_for_a_moment_after_an_answer() -> None:
    clock = Clock()
    doors = Doors(clock)
    assert not doors.busy
    doors.answered()
    assert doors.busy
    clock.now += LATELY_S
    assert not doors.busy


def test_every_run_is_in_one_part_whenever_a_door_becomes_busy() -> None:
    clock = Clock()
    doors = Doors(clock)
    assert list(doors.parts(range(20))) == [range(20)]
    assert list(doors.parts(range(0))) == []
    doors.answered()
    parts = []
    for part in doors.parts(range(20)):
        parts.append(part)
        clock.now += LATELY_S
    assert parts == [range(TOGETHER), range(TOGETHER, 20)]


async def test_rest_is_given_in_proportion_and_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", rest)
    clock = Clock()
    doors = Doors(clock)
    await doors.give_way(0.01)
    doors.answered()
    for worked in (0.01, 9.0):
        await doors.give_way(worked)
    assert rests == [0.02, 0.05]


@pytest.mark.parametrize("busy", [True, False])
async def test_runs_are_committed_in_small_groups_only_while_a_door_is_busy(home: Home, busy: bool) -> None:
    await take(home, enumerate(ITEMS))
    real, groups = home.commit, list[int]()

    class Seen:
        async def commit(self, bundles: Any, **more: Any) -> Any:
            groups.append(len(bundles))
            return await real.commit(bundles, **more)

    seen: Any = Seen()
    worker, clock = worker_of(replace(home, commit=seen)), Clock()
    worker.doors = Doors(clock)
    if busy:
        worker.doors.answered()
    done = await worker.drain()
    assert done.decisions == LEADS
    assert groups == ([TOGETHER, TOGETHER, 3] if busy else [LEADS])
