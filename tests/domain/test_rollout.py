"""Who gets which scorer: an account stays where it is, a hold-out stays free, a region does not touch another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.ids import AccountId, LeadId, Region, TenantId
from domain.lead import LeadState
from domain.model_shelf import Change, champions_before, standing_after
from domain.rollout import BASELINE, Arm, Lineup, Stage, choose, draw, unit_of

SECRET = b"secret"
UNITS = [f"account:a{n}" for n in range(2_000)]


def arms(lineup: Lineup, holdout: int = 0) -> dict[str, Arm]:
    """The arm of each unit."""
    return {unit: choose(lineup, unit, secret=SECRET, holdout=holdout).arm for unit in UNITS}


def test_an_account_stays_in_its_arm_and_all_its_leads_with_it() -> None:
    lead = LeadState(LeadId("ld_1"), TenantId("t"), Region("eu"), AccountId("acme.test"))
    other = LeadState(LeadId("ld_2"), TenantId("t"), Region("eu"), AccountId("acme.test"))
    alone = LeadState(LeadId("ld_1"), TenantId("t"), Region("eu"))
    assert unit_of(lead) == unit_of(other) != unit_of(alone)
    lineup = Lineup("aaa", "bbb", 300)
    assert arms(lineup, 100) == arms(lineup, 100)


def test_who_is_in_a_small_canary_is_in_the_larger_one() -> None:
    small, large = arms(Lineup("aaa", "bbb", 50)), arms(Lineup("aaa", "bbb", 250))
    inside = {unit for unit, arm in small.items() if arm is Arm.CHALLENGER}
    assert inside < {unit for unit, arm in large.items() if arm is Arm.CHALLENGER}


@pytest.mark.parametrize("share", [50, 250, 500])
def test_the_share_of_a_canary_is_about_what_was_asked_for(share: int) -> None:
    got = sum(arm is Arm.CHALLENGER for arm in arms(Lineup("aaa", "bbb", share)).values()) / len(UNITS)
    assert abs(got - share / 1000) < 4 * (share / 1000 * (1 - share / 1000) / len(UNITS)) ** 0.5


def test_a_hold_out_never_meets_a_package_whatever_is_rolled_out() -> None:
    held = {unit for unit, arm in arms(Lineup("aaa"), 100).items() if arm is Arm.HOLDOUT}
    assert held
    for lineup in (Lineup("bbb"), Lineup("aaa", "ccc", 900), Lineup(BASELINE, "aaa", 500, "ddd")):
        again = {unit: choose(lineup, unit, secret=SECRET, holdout=100) for unit in UNITS}
        assert {unit for unit, one in again.items() if one.arm is Arm.HOLDOUT} == held
        assert all(again[unit].scorer == BASELINE and not again[unit].shadow for unit in held)


def test_without_packages_nobody_is_held_out_and_nothing_changes() -> None:
    assert set(arms(Lineup(), 500).values()) == {Arm.CHAMPION}


def test_a_new_challenger_draws_anew() -> None:
    one, two = arms(Lineup("aaa", "bbb", 300)), arms(Lineup("aaa", "ccc", 300))
    both = sum(one[u] is Arm.CHALLENGER and two[u] is Arm.CHALLENGER for u in UNITS) / len(UNITS)
    assert abs(both - 0.09) < 0.03


@given(st.binary(max_size=8), st.text(max_size=8), st.text(max_size=8))
def test_a_draw_lies_in_its_range_and_depends_on_all_three(secret: bytes, purpose: str, unit: str) -> None:
    assert 0 <= draw(secret, purpose, unit) < 1_000
    assert draw(secret, purpose, unit) == draw(secret, purpose, unit)


def change(what: str, version: str, *regions: str, **detail: object) -> Change:
    """A line of a history."""
    return Change(1, what, version, "", regions or ("*",), 5, "ann", "why", detail)  # type: ignore[arg-type]  # any word


def test_a_canary_touches_its_own_region_only() -> None:
    stages = [Stage(50, ("eu",)).document(), Stage(200, ("eu", "us")).document()]
    began = [change("promoted", "aaa"), change("started", "bbb", "eu", stages=stages)]
    standing = standing_after(began)
    assert standing.lineup("eu") == Lineup("aaa", "bbb", 50)
    assert standing.lineup("us") == Lineup("aaa")
    later = standing_after([*began, change("advanced", "bbb", "eu", "us", stage=1)])
    assert later.lineup("us") == Lineup("aaa", "bbb", 200)
    done = standing_after([*began, change("finished", "bbb", "eu", "us")])
    assert (done.lineup("eu").champion, done.lineup("uk").champion) == ("bbb", "aaa")


def test_each_rollback_goes_one_promotion_further_back() -> None:
    history = [change("promoted", "aaa"), change("promoted", "bbb", "eu"), change("promoted", "ccc")]
    assert champions_before(history) == {"*": "aaa", "eu": "bbb"}
    history.append(change("rolled_back", "aaa"))
    assert standing_after(history).lineup("eu").champion == "bbb"
    assert champions_before(history) == {"*": "aaa"}
    history += [change("rolled_back", "aaa"), change("rolled_back", "")]
    assert standing_after(history).champions == {}
    assert champions_before(history) is None


@pytest.mark.parametrize("share", [0, 1_000, -5])
def test_a_stage_leaves_somebody_to_compare_with(share: int) -> None:
    with pytest.raises(BadInput, match="stage"):
        Stage(share)
