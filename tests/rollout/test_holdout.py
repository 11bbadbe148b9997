"""A hold-out set by policy: drawn once, kept on the baseline, on record, and the only source of uplift."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from surfaces.business import Money, business_of
from tests.rollout.market import HORIZON_DAYS, Market, market, package
from tests.tools.policy.editing import SHIPPED
from tools.policy.load import check_policy, load_policy


def policy_with(folder: Path, text: str) -> Path:
    """The shipped tables with another hold-out."""
    folder.mkdir()
    for file in SHIPPED.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "holdout.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Market]:
    policy = load_policy(policy_with(tmp_path / "tables", "[holdout]\ndefault = 400\neu = 0\n"))
    with market(tmp_path, leads_a_day=15) as made:
        made.home = replace(made.home, policy=policy)
        yield made


def test_the_share_is_part_of_the_policy_version_and_counts_by_region(tmp_path: Path) -> None:
    policy = load_policy(policy_with(tmp_path / "a", "[holdout]\ndefault = 50\neu = 20\n"))
    assert (policy.holdout("eu"), policy.holdout("us")) == (20, 50)
    assert (
        load_policy(policy_with(tmp_path / "b", "[holdout]\ndefault = 51\neu = 20\n")).version
        != policy.version
    )
    (tmp_path / "b" / "holdout.toml").unlink()
    assert load_policy(tmp_path / "b").holdout("us") == 0
    assert load_policy(SHIPPED).holdout("us") == 0


@pytest.mark.parametrize(
    "text",
    [
        "[holdout]\ndefault = 501\n",
        "[holdout]\nmars = 5\n",
        "[holdout]\neu = true\n",
        "holdout = 5\n",
        "x",
        "[y]\n",
    ],
)
def test_a_hold_out_with_a_mistake_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    found = check_policy(policy_with(tmp_path / "a", text))
    assert {problem.file for problem in found.problems} == {"holdout.toml"}


def test_who_is_held_out_stays_on_the_baseline_and_is_on_record(world: Market) -> None:
    world.live(1)
    assert not any("arm:holdout" in one["flags"] for one in world.decisions())
    version = world.register(package(world.home))
    world.promote(version)
    world.live(3)
    made = [one for one in world.decisions() if one["score"] is not None and one["versions"]["scorer"] != ""]
    held = {one["lead_id"] for one in made if "arm:holdout" in one["flags"]}
    assert held
    for one in made:
        if one["lead_id"] in held:
            assert one["score"]["version"] == world.home.scorer.version
    learned = {one["lead_id"] for one in made if one["versions"]["scorer"] == version}
    assert learned
    assert not learned & held


@pytest.mark.slow
def test_uplift_is_told_from_the_hold_out_once_its_windows_are_over(world: Market) -> None:
    world.promote(world.register(package(world.home)))
    world.live(3)
    early = asyncio.run(business_of(world.home, horizon_days=HORIZON_DAYS, money=Money()))
    assert "not identified" in early.uplift.words
    world.live(16)
    found = asyncio.run(business_of(world.home, horizon_days=HORIZON_DAYS, money=Money(100.0, 50.0)))
    assert found.uplift.identified
    assert found.uplift.low is not None
    assert found.uplift.high is not None
    assert found.uplift.low < 0 < found.uplift.high, "here the score changes nothing about who buys"
    assert isinstance(found.document()["roi"], dict)
