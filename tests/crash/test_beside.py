"""Several workers on one home."""

import asyncio
import signal
from functools import partial
from pathlib import Path

import pytest

from app import open_home
from domain.errors import ConfigError
from domain.instants import MINUTE, SECOND
from surfaces.door import take
from tests.crash.crew import halted
from tests.crash.hot import hot_lead
from tests.crash.judging import drained
from tests.crash.load import Round
from tests.crash.place import Place, place_in
from tests.crash.processes import start, wait
from tests.crash.stopped import Stopped, go, inside, outside, send_hot_lead, stop, worked_off

LEASE = 30 * SECOND


def test_a_start_beside_others_takes_back_what_its_own_name_held_and_nothing_of_the_living(
    tmp_path: Path,
) -> None:
    place = place_in(tmp_path)
    with place.beside("w2") as living:
        with place.beside("w1") as dead:
            for lead in ("lead-1", "lead-2"):
                asyncio.run(take(dead, list(enumerate(hot_lead(20_000, lead)))))
            (lost,) = asyncio.run(dead.work.claim(now=dead.clock.now(), limit=1, lease_us=LEASE))
            (kept,) = asyncio.run(living.work.claim(now=living.clock.now(), limit=1, lease_us=LEASE))
        with place.beside("w1") as again:
            (found,) = asyncio.run(again.work.claim(now=again.clock.now(), limit=9, lease_us=LEASE))
            assert found.claim.lead_id == lost.claim.lead_id
            beat = partial(living.work.heartbeat, now=living.clock.now(), lease_us=LEASE)
            assert [one.lead_id for one in asyncio.run(beat([kept.claim]))] == [kept.claim.lead_id]


def test_a_home_on_stream_time_is_for_one_process(tmp_path: Path) -> None:
    place = place_in(tmp_path)
    place.home.mkdir()
    (place.home / "clock").write_text("1000\n")
    with pytest.raises(ConfigError, match="on stream time"):
        _open_in_real_time(place)


def _open_in_real_time(place: Place) -> None:
    with open_home(home=place.home, given={"beside": True}):
        pass


@pytest.mark.slow
def test_kills_at_random_under_load_break_no_promise(tmp_path: Path) -> None:
    one = Round(seed=3, kills=4, leads=12)
    found, broken = one.run(tmp_path)
    assert broken == []
    assert set(found.chains()) <= {"w1", "w2", "w3", "door", "judge"}


def together(scratch: Path, *, skew_us: int, jumps: tuple[int, ...] = ()) -> Stopped:
    """Two workers, the second's clock off by `skew_us`; the machine's clock is set while the first is in a run."""
    return outside(scratch, lambda folder: _together(folder, skew_us=skew_us, jumps=jumps))


def _together(scratch: Path, *, skew_us: int, jumps: tuple[int, ...]) -> Stopped | None:
    place = place_in(scratch)
    point = "node.scoring" if jumps else "none"
    crew = {
        "w1": start(halted, place, "w1", point, LEASE, file=scratch / "w1.txt"),
        "w2": start(halted, place, "w2", "none", LEASE, skew_us, file=scratch / "w2.txt"),
    }
    for child in crew.values():
        child.until("open")
    send_hot_lead(place)
    go(place, "w1")
    if jumps:
        crew["w1"].until("SIGSTOP")
        if inside(place, crew):
            return None
    for jump in jumps:
        place.jump(jump)
    go(place, "w2")
    if jumps and jumps[-1] > 0:
        wait(partial(worked_off, place), "the other one has taken over")
    crew["w1"].send(signal.SIGCONT)
    wait(partial(worked_off, place), "all is worked off")
    counted = {name: stop(child) for name, child in crew.items()}
    place.jump(0 if not jumps or jumps[-1] < 0 else jumps[-1])
    return Stopped(drained(place), counted)


@pytest.mark.slow
@pytest.mark.parametrize("skew_us", [-10 * MINUTE, 10 * MINUTE])
def test_workers_whose_clocks_lie_ten_minutes_apart_break_no_promise(skew_us: int, tmp_path: Path) -> None:
    assert together(tmp_path, skew_us=skew_us).broken() == []


@pytest.mark.slow
def test_a_clock_set_forward_by_an_hour_hands_the_lead_over_and_fences_its_holder(tmp_path: Path) -> None:
    ended = together(tmp_path, skew_us=0, jumps=(60 * MINUTE,))
    assert ended.broken() == []
    assert ended.deciders == ["w2"]
    assert ended.counted["w1"]["fenced"] == 1


@pytest.mark.slow
def test_a_clock_set_back_by_an_hour_stops_nobody_who_is_at_work(tmp_path: Path) -> None:
    ended = together(tmp_path, skew_us=0, jumps=(-60 * MINUTE,))
    assert ended.broken() == []
    assert ended.deciders == ["w1"]
