"""A worker in a server's process: its end is seen, and a stop lets the pass in hand end."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.ports.home import Home
from surfaces.door import take
from surfaces.working import Working, worker_of
from tests.surfaces.talk_world import open_talks

ITEM = {
    "id": "w-1", "source": "web", "kind": "web.form", "keys": {"crm_id": "w1"},
    "occurred_at": "2026-03-02T10:00:00Z", "payload": {"form": "demo"}, "consent": "granted",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with open_talks(tmp_path) as home:
        yield home


async def test_a_stop_in_the_middle_of_a_pass_lets_it_end_and_leaves_nothing_claimed(home: Home) -> None:
    await take(home, [(0, ITEM)])
    seen, loop, real = asyncio.Event(), asyncio.get_running_loop(), home.commit

    class Slow:
        async def commit(self, *args: Any, **more: Any) -> Any:
            loop.call_soon_threadsafe(seen.set)
            await asyncio.sleep(0.05)
            return await real.commit(*args, **more)

    slow: Any = Slow()
    working = Working(worker_of(replace(home, commit=slow)))
    working.start()
    await seen.wait()
    assert working.alive()
    await working.stop()
    counts = await home.reads.counts(home.tenant)
    assert (counts["decisions"], counts["waiting"]) == (1, 0)
    assert not await home.work.claim(now=home.clock.now(), limit=10, lease_us=1_000_000)
    assert working.defect is None


async def test_a_worker_that_ends_by_itself_is_seen_to_have_ended(home: Home) -> None:

    class Defect:
        async def claim(self, **_: Any) -> list[Any]:
            raise ZeroDivisionError

    broken: Any = Defect()
    working = Working(worker_of(replace(home, work=broken)))
    working.start()
    await working.stop()
    assert not working.alive()
    assert isinstance(working.defect, ZeroDivisionError)
