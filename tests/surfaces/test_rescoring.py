"""After a change of champions those get a run whose band would change, and nobody else."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.lead import Band
from domain.model import Bands, Package
from domain.rollout import Stage
from surfaces.rescoring import RESCORED, Rewaking
from surfaces.worker import Worker, deps_of
from tests.rollout.market import Market, market, package
from tools.models.packages import MANIFEST
from tools.models.registry import SWEPT

LEADS = 9


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Market]:
    """A day's leads, who look at prices from never to often, decided by a package that is champion."""
    with market(tmp_path, leads_a_day=LEADS) as made:
        made.promote(made.register(package(made.home)))
        made.live(1)
        yield made


def stricter(world: Market) -> Package:
    """The same figures under other bands: who was warm is cold, who was hot is warm."""
    bands = Bands(enter_hot=98, leave_hot=97, enter_warm=50, leave_warm=45)
    return package(world.home).model_copy(update={"bands": bands})


def bands(world: Market) -> dict[str, Band]:
    async def read() -> dict[str, Band]:
        found: dict[str, Band] = {}
        async for batch in world.home.reads.leads(world.home.tenant):
            found.update({lead.lead_id: lead.band.band for lead in batch})
        return found

    return asyncio.run(read())


def drained(world: Market) -> int:
    """How many decisions a new worker makes without any new signal."""
    return asyncio.run(Worker(world.home, deps_of(world.home)).drain()).decisions


def test_a_promotion_wakes_those_whose_band_changes_and_nobody_else(world: Market) -> None:
    before = bands(world)
    made = len(world.decisions())
    version = world.register(stricter(world))
    world.promote(version)
    woken = drained(world)
    after = bands(world)
    changed = {lead for lead in before if before[lead] is not after[lead]}
    fresh = world.decisions()[made:]
    assert 0 < woken == len(changed) < LEADS
    assert {one["lead_id"] for one in fresh} == changed
    assert {(one["reason"], one["versions"]["scorer"]) for one in fresh} == {(RESCORED, version)}
    assert drained(world) == 0


def test_a_rollback_wakes_them_back(world: Market) -> None:
    before = bands(world)
    world.promote(world.register(stricter(world)))
    woken = drained(world)
    world.write(world.models.rollback(**world.told()))
    assert drained(world) == woken
    assert bands(world) == before


def test_nobody_is_woken_for_his_band_into_a_canary(world: Market) -> None:
    world.start(world.register(stricter(world)), (Stage(999),))
    assert drained(world) == 0


def test_a_canary_that_begins_meanwhile_gets_nobody_either(world: Market) -> None:
    world.promote(world.register(package(world.home, note="the same bands")))
    world.start(world.register(stricter(world)), (Stage(999),))
    assert drained(world) == 0


def test_when_a_canary_is_stopped_its_leads_go_back_without_a_signal(world: Market) -> None:
    world.start(world.register(stricter(world)), (Stage(999),))
    world.live(1)
    strict = bands(world)
    world.write(world.models.stop(detail={}, **world.told()))
    assert drained(world) > 0
    assert bands(world) != strict


def test_a_worker_that_dies_half_way_leaves_the_rest_to_the_next(world: Market) -> None:
    world.promote(world.register(stricter(world)))

    async def halves() -> list[int]:
        first, second = Rewaking(world.home, batch=4), Rewaking(world.home, batch=4)
        looked = [await first.turn(idle=True)]
        while some := await second.turn(idle=True):
            looked.append(some)
        return [*looked, await Rewaking(world.home).turn(idle=True)]

    assert asyncio.run(halves()) == [4, 4, 4, 1, 0]
    assert drained(world) > 0


def test_a_busy_worker_looks_at_one_batch_now_and_then(world: Market) -> None:
    world.promote(world.register(stricter(world)))

    async def busy() -> list[int]:
        waking = Rewaking(world.home, batch=2)
        return [await waking.turn(idle=False) for _ in range(32)]

    looked = asyncio.run(busy())
    assert [n for n in looked if n] == [2, 2]


def test_a_damaged_package_stops_no_worker_and_is_looked_at_later(world: Market) -> None:
    version = world.register(stricter(world))
    world.promote(version)
    manifest = world.models.folder / version / MANIFEST
    kept = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    assert drained(world) == 0
    manifest.write_bytes(kept)
    assert drained(world) > 0


def test_what_was_looked_at_is_not_taken_from_a_torn_note(world: Market) -> None:
    drained(world)
    (world.models.folder / SWEPT).write_bytes(b"")
    assert world.models.swept() == 0
    assert drained(world) == 0
