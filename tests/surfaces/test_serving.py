"""A worker lives through a store that cannot be used for a while, and what it held is not lost by it."""

import asyncio
from collections.abc import Sequence

import pytest

from domain.decision import Bundle
from domain.errors import Temporary
from domain.instants import Instant
from domain.ports.commit import Commit, Committed
from surfaces import serving
from surfaces.worker import Tally, Worker, deps_of
from tests.chaos.house import TENANT, build, home_of
from tests.tools.contract.stores import NOW, signal
from tests.tools.crm.faulty import MemoryTarget
from tools.clock import ReplayClock


class Busy:
    """A commit port that cannot be used the first `times`, before or after it wrote; it keeps what it was given."""

    def __init__(self, real: Commit, times: int, *, wrote: bool = False) -> None:
        self._real, self.left, self._wrote = real, times, wrote
        self.given: list[Bundle] = []

    async def commit(self, bundles: Sequence[Bundle], *, now: int) -> Sequence[Committed]:
        self.given += bundles
        if self.left:
            self.left -= 1
            if self._wrote:
                await self._real.commit(bundles, now=now)
            raise Temporary("another process holds it")
        return await self._real.commit(bundles, now=now)


@pytest.mark.parametrize("wrote", [False, True])
async def test_a_run_whose_commit_found_the_store_busy_is_done_once_and_without_counting_an_attempt(
    wrote: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "OUTAGE_S", 0.0)
    house = build(MemoryTarget(), disk=False)
    busy = Busy(house.store.commit, 3 if not wrote else 1, wrote=wrote)
    home = home_of(house, clock=ReplayClock(Instant(NOW)), commit=busy)
    await home.inbox.accept([signal(1, tenant=TENANT)], now=NOW)
    stop, total = asyncio.Event(), Tally()
    worker = Worker(home, deps_of(home), decided=lambda _: stop.set())

    async def one_pass() -> Tally:
        done = await worker.one_pass()
        if not done.busy:
            stop.set()
        return done

    await asyncio.wait_for(serving.served(one_pass, stop, total, idle_s=0.0), 30)
    assert total.outages == (1 if wrote else 3)
    assert {bundle.claim.attempt for bundle in busy.given} == {1}, "an outage was counted (I9)"
    assert (await home.reads.counts(TENANT))["decisions"] == 1
    house.close()
