"""A worker in a server's process: it outlives a defect, and a stop lets the pass in hand end."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from domain.ports.home import Home
from surfaces.door import take
from surfaces.log import Line
from surfaces.supervising import Crew
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
    crew = Crew()
    working = Working(worker_of(replace(home, commit=slow)), crew)
    working.start()
    await seen.wait()
    assert working.alive()
    await working.stop()
    counts = await home.reads.counts(home.tenant)
    assert (counts["decisions"], counts["waiting"]) == (1, 0)
    assert not await home.work.claim(now=home.clock.now(), limit=10, lease_us=1_000_000)
    assert not any(crew.failures.values())


async def test_a_worker_with_a_defect_is_begun_again_and_what_waits_is_decided(home: Home) -> None:
    """Out of files, as under a flood of connections: it passes, and nobody has to begin anything again."""
    await take(home, [(0, ITEM)])
    real, told, done = home.work, list[Line](), threading.Event()

    class Defect:
        left = 2

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        async def claim(self, **given: Any) -> Any:
            if self.left:
                self.left -= 1
                raise OSError(24, "Too many open files")
            return await real.claim(**given)

    broken: Any = Defect()
    crew = Crew(told.append, pauses=(0.0,))
    working = Working(worker_of(replace(home, work=broken)), crew, decided=lambda _: done.set())
    working.start()
    await asyncio.to_thread(done.wait, 10)
    stood = working.alive(), crew.standing()
    await working.stop()
    assert stood == (True, {"worker": "begun_again"})
    assert (await home.reads.counts(home.tenant))["decisions"] == 1
    assert [(line["part"], line["error"]) for line in told] == [("worker", "OSError")] * 2
