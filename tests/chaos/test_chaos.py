"""Histories of fixed seeds hold every promise; a seed is one history; what is meant to happen in them happens."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from domain.instants import DAY, HOUR, MINUTE, instant, iso
from domain.ports.outbox import Taken
from surfaces.dispatcher import Dispatcher
from tests.agents.performing import KEYS, LEAD, action
from tests.chaos.faults import ProcessClock, Time
from tests.chaos.house import build, home_of
from tests.chaos.simulation import DEADLINE, HOLD, STARTS, History
from tests.tools.crm.faulty import MemoryTarget

QUICK = (0, 6, 14, 16, 18, 30, 84, 97, 176, 430)
"""Each of them breaks when one of the planted bugs is put back in."""
ON_DISK = (0, 3, 4, 15)
"""The same, for bugs of the durable store."""
SLOW = tuple(range(100, 125))


def history(seed: int, *, disk: bool | None = None) -> History:
    """One that has ended."""
    made = History(seed, disk)
    asyncio.run(made.run())
    return made


@pytest.mark.parametrize("seed", QUICK)
def test_a_history_holds_every_promise(seed: int) -> None:
    history(seed, disk=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", ON_DISK)
def test_a_history_on_disk_holds_every_promise(seed: int) -> None:
    history(seed, disk=True)


@pytest.mark.slow
def test_many_histories_hold_every_promise_and_reach_what_they_should() -> None:
    seen = Counter[str]()
    for seed in SLOW:
        seen.update(history(seed, disk=False).seen)
    wanted = (
        "done", "failed", "unknown", "compensated", "rejected", "expired", "waiting", "suppressed", "kind:enrol",
        "faults", "approval:approved", "approval:rejected", "approval:redecided", "kind:handoff", "kind:create_task",
    )  # fmt: skip
    assert {name for name in wanted if not seen[name]} == set()


def test_a_seed_is_one_history() -> None:
    """The trace of a seed is the same every time: only so does a broken seed break again."""
    assert history(3, disk=False).trace == history(3, disk=False).trace


async def test_an_attempt_that_could_outlast_its_lease_does_not_begin() -> None:
    """The take came back late, as from a store that was busy or a machine that slept."""
    time, target = Time(STARTS[0]), MemoryTarget()
    house = build(target, disk=False)

    class SlowOutbox:
        async def take(self, *, now: int, limit: int, lease_us: int) -> list[Taken]:
            time.pass_by(lease_us - DEADLINE)
            return [Taken(action(), 1, now + lease_us, LEAD, KEYS)]

    home = home_of(house, clock=ProcessClock(time), outbox=SlowOutbox())
    tally = await Dispatcher(home, home.targets, batch=1, lease_us=HOLD, deadline_us=DEADLINE).one_pass()
    assert (tally.lost, tally.attempts, target.sent) == (1, 1, [])


def test_a_process_never_sees_time_run_backwards_whatever_the_machine_does() -> None:
    time = Time(instant(datetime(2028, 2, 28, 23, 59, tzinfo=UTC)))
    clock, behind = ProcessClock(time), ProcessClock(time, -10 * MINUTE)
    assert iso(clock.now()) == "2028-02-28T23:59:00.000Z"
    time.jump(-HOUR)
    assert iso(clock.now()) == "2028-02-28T23:59:00.000Z"
    time.jump(2 * HOUR)
    assert iso(clock.now()) == "2028-02-29T00:59:00.000Z", "the leap day"
    assert clock.now() - behind.now() == 10 * MINUTE
    time.jump(-HOUR)
    clock.begin_again()
    assert iso(clock.now()) == "2028-02-28T23:59:00.000Z", "a new process has not seen the old one's time"


def test_the_night_in_which_clocks_are_set_back_has_no_hour_twice() -> None:
    """Instants count on, whatever a wall clock in Berlin shows."""
    time = Time(instant(datetime(2026, 10, 25, 0, 30, tzinfo=UTC)))
    clock, shown = ProcessClock(time), []
    for _ in range(3):
        shown.append(iso(clock.now())[11:16])
        time.pass_by(HOUR)
    assert shown == ["00:30", "01:30", "02:30"]
    assert DAY == 24 * HOUR
