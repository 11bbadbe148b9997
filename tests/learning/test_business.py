"""Outcomes describe; only a hold-out says what the score brings."""

import numpy as np
import pytest

from domain.instants import DAY
from learning.outcomes import NOT_STATED, Case, cost_per_qualified, groups_of, median_of, velocity
from learning.uplift import roi_of, uplift_of


def case(
    n: int,
    *,
    arm: str = "champion",
    won: bool = False,
    closed: bool = True,
    unit: str = "",
    band: str = "hot",
) -> Case:
    return Case(f"l{n}", unit or f"u{n}", "aaa", arm, band, n, 0, closed, n + 9 * DAY if won else None)


def arms(treated: int, held: int, rates: tuple[float, float], seed: int = 0) -> list[Case]:
    dice = np.random.default_rng(seed)
    made = [case(n, won=bool(dice.random() < rates[0])) for n in range(treated)]
    return made + [case(treated + n, arm="holdout", won=bool(dice.random() < rates[1])) for n in range(held)]


def test_without_a_hold_out_uplift_is_not_identified_however_much_hot_leads_win() -> None:
    made = [case(n, won=True) for n in range(200)] + [case(200 + n, band="cold") for n in range(200)]
    found = uplift_of(made)
    assert not found.identified
    assert found.document()["uplift"] == "not identified"
    assert "no hold-out" in found.words
    assert roi_of(found, value_of_a_win=1_000, spend=10) == found.words


def test_with_one_it_is_the_difference_with_an_interval_that_holds_what_is_true() -> None:
    inside = 0
    for seed in range(100):
        found = uplift_of(arms(600, 300, (0.20, 0.12), seed))
        assert found.low is not None
        assert found.high is not None
        inside += found.low <= 0.08 <= found.high
    assert inside >= 89


def test_too_small_a_hold_out_is_said_with_its_size() -> None:
    found = uplift_of(arms(600, 20, (0.2, 0.1)))
    assert not found.identified
    assert "20 closed accounts are held out" in found.words


def test_leads_of_one_account_widen_the_interval() -> None:
    apart = uplift_of(arms(400, 400, (0.2, 0.2)))
    together = [
        case(n, unit=f"u{n // 8}", arm="holdout" if (n // 8) % 2 else "champion", won=(n // 16) % 5 == 0)
        for n in range(800)
    ]
    found = uplift_of(together)
    assert (found.high or 0) - (found.low or 0) > (apart.high or 0) - (apart.low or 0)


def test_an_account_counts_where_it_was_first_whatever_came_later() -> None:
    first = [case(n, unit=f"u{n % 100}", arm="holdout" if n % 100 < 50 else "champion") for n in range(100)]
    later = [case(1_000 + n, unit=f"u{n}", won=True) for n in range(50)]
    found = uplift_of([*first, *later])
    assert (found.held_out.units, found.held_out.won) == (50, 50)


def test_rates_are_of_closed_cases_and_few_cases_give_none() -> None:
    made = [case(n, won=n < 10, closed=n < 40) for n in range(100)] + [
        case(200 + n, band="cold") for n in range(5)
    ]
    hot, cold = groups_of(made)
    assert (hot.cases, hot.closed, hot.won) == (100, 40, 10)
    assert hot.win_rate is not None
    assert hot.win_rate[0] == 0.25
    assert hot.win_rate[1] < 0.25 < hot.win_rate[2]
    assert cold.win_rate is None
    assert cold.document()["win_rate"] == "insufficient data"


def test_money_that_nobody_stated_is_not_made_up() -> None:
    assert cost_per_qualified(None, 10) == NOT_STATED
    assert cost_per_qualified(500.0, 10) == 50.0
    assert cost_per_qualified(500.0, 0) == "no lead qualified"
    found = uplift_of(arms(600, 300, (0.3, 0.1)))
    assert roi_of(found, value_of_a_win=None, spend=10) == NOT_STATED
    roi = roi_of(found, value_of_a_win=100, spend=600)
    assert isinstance(roi, dict)
    assert roi["low"] < roi["value"] < roi["high"]


def test_velocity_is_of_the_last_thirty_days_against_those_before() -> None:
    found = velocity([99 * DAY, 80 * DAY, 50 * DAY, 10 * DAY], 100 * DAY)
    assert (found.now, found.before) == (2, 1)
    assert found.document()["growth"] == 1.0


def test_a_median_comes_with_an_interval_by_order_statistics() -> None:
    assert median_of([1.0] * 19) is None
    found = median_of(list(map(float, range(101))))
    assert found is not None
    assert found[0] == 50
    assert found[1] == pytest.approx(40, abs=2)
    assert found[2] == pytest.approx(60, abs=2)
