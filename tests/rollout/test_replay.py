"""Rollouts in a replay of a made-up market, over a real home: what was decided, by which package, what came of it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from domain.rollout import Stage
from graph.build import build_graph
from surfaces.audit_replay import Replayed, Replayer
from surfaces.rollout import step
from surfaces.worker import deps_of
from tests.rollout.market import BASE, EACH, MOST, Market, market, package
from tools.guard import closed_world
from tools.policy.shelf import PolicyShelf

QUICK = (Stage(500, units=20, days=2),)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Market]:
    """A market with ten leads a day."""
    with market(tmp_path, leads_a_day=10) as made:
        yield made


def upside_down(world: Market) -> str:
    """A challenger that thinks the less they look the likelier they buy."""
    return world.register(package(world.home, each=-EACH, base=BASE + MOST * EACH))


def scorers(world: Market, since: int = 0) -> set[str]:
    """Versions that decided as of `since` or later, and each score's own name of it."""
    made = [one for one in world.decisions() if one["score"] is not None and one["as_of"] >= since]
    assert all(one["score"]["version"] == one["versions"]["scorer"] for one in made)
    return {one["versions"]["scorer"] for one in made}


def replayed(world: Market) -> Replayed:
    home = world.home
    shelf = PolicyShelf(home.root, tenant=home.tenant, region=home.region)
    replayer = Replayer(home, deps_of(home), build_graph(), shelf.get, closed_world)
    return asyncio.run(replayer.all(lambda _: None))


@pytest.mark.slow
def test_a_bad_challenger_is_stopped_in_its_canary_and_its_leads_go_back(world: Market) -> None:
    good, bad = world.register(package(world.home)), upside_down(world)
    world.promote(good)
    world.live(1)
    assert scorers(world) == {good}
    world.start(bad, (Stage(500, units=10_000),))
    for _ in range(25):
        world.live(1)
        if world.models.standing().rollout is None:
            break
    last = world.models.history()[-1]
    assert (last.what, last.version, last.who) == ("stopped", bad, "leadgraph")
    assert "guard broken" in last.comment
    assert scorers(world) == {good, bad}
    stopped_at = world.home.clock.now()
    world.live(3)
    assert scorers(world, stopped_at + 1) == {good}
    rows = [orjson.loads(row.body) for batch in world.home.audit.rows(world.home.tenant) for row in batch]
    codes = [row["code"] for row in rows if row["step"] == "models"]
    assert codes == ["registered", "registered", "promoted", "started", "stopped"]
    found = replayed(world)
    assert (found.different, found.unreplayable) == (0, {})


@pytest.mark.slow
def test_a_good_challenger_is_promoted_and_decides_from_then_on(world: Market) -> None:
    good, better = world.register(package(world.home)), world.register(package(world.home, note="anew"))
    world.promote(good)
    world.start(better, (*QUICK, Stage(600, units=20, days=6, outcomes=10)))
    for _ in range(25):
        world.live(1)
        if world.models.standing().rollout is None:
            break
    assert world.models.history()[-1].what == "finished"
    assert world.models.standing().lineup("us").champion == better
    done = world.home.clock.now()
    world.live(2)
    assert scorers(world, done + 1) == {better}


def test_a_decision_is_replayed_by_the_package_that_made_it_whoever_is_champion_today(world: Market) -> None:
    """I10: the recorded package, not today's; one that is gone is said, never replaced."""
    one, other = world.register(package(world.home)), world.register(package(world.home, base=BASE + 2))
    world.promote(one)
    world.live(1)
    world.promote(other)
    world.live(1)
    assert scorers(world) == {one, other}
    found = replayed(world)
    assert (found.different, found.unreplayable) == (0, {})
    assert found.identical > 0
    for file in (world.models.folder / one).iterdir():
        file.unlink()
    assert world.home.scorers is not None
    scorers_of = world.home.scorers
    scorers_of._loaded.clear()  # type: ignore[attr-defined]  # as a new process would find it
    again = replayed(world)
    assert set(again.unreplayable) == {"scorer_missing"}
    assert again.different == 0


def test_a_home_without_packages_decides_by_the_baseline_and_holds_nobody_out(world: Market) -> None:
    world.live(1)
    made = [one for one in world.decisions() if one["score"] is not None]
    assert made
    assert {one["score"]["version"] for one in made} == {world.home.scorer.version}
    assert not any(flag.startswith("arm:") for one in made for flag in one["flags"])


def test_when_the_scorer_changes_the_band_is_folded_anew_by_its_own_thresholds(world: Market) -> None:
    world.live(1)
    world.promote(world.register(package(world.home, base=9.0)))
    world.live(8)
    last: dict[str, dict[str, object]] = {}
    for one in world.decisions():
        if one["score"] is not None and 0 < one["score"]["points"] < 100:
            last[one["lead_id"]] = one["band"]
    assert {band["by"] for band in last.values()} >= set(world.models.versions())


def test_a_step_without_a_rollout_does_nothing(world: Market) -> None:
    assert asyncio.run(step(world.home, world.models)) is None
    assert world.models.history() == ()


@pytest.mark.parametrize(("how", "why"), [("damaged", "cannot be read"), ("other features", "runs fail")])
def test_a_challenger_that_cannot_be_loaded_is_stopped_and_nobody_is_parked(
    tmp_path: Path, how: str, why: str
) -> None:
    """I9: its leads wait, and go back to the champion when the rollout is stopped."""
    with market(tmp_path, leads_a_day=30) as world:
        good, made = world.register(package(world.home)), package(world.home, note="gone")
        if how == "other features":
            (use,) = made.features
            made = made.model_copy(update={"features": (use.model_copy(update={"digest": "0" * 12}),)})
        gone = world.register(made)
        world.promote(good)
        world.start(gone, (Stage(300, units=9_999),))
        if how == "damaged":
            (world.models.folder / gone / "manifest.json").write_bytes(b"{}")
        for _ in range(8):
            world.live(1)
            if world.models.standing().rollout is None:
                break
        assert why in world.models.history()[-1].comment
        world.live(1)
        counts = asyncio.run(world.home.reads.counts(world.home.tenant))
        assert (counts["parked"], counts["waiting"]) == (0, 0)
        assert scorers(world) == {good}
