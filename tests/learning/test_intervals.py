"""Intervals that hold what 95 % promises, whatever hangs together."""

import numpy as np
import pytest

from learning import weighted
from learning.gates import (
    at_least,
    at_most,
    auc_difference_se,
    certain,
    needed,
    non_inferior,
    overall,
    selftest,
)
from learning.intervals import FEWEST, UNKNOWN, Interval, interval, intervals, mean, paired
from learning.weighted import WEIGHTED, Floats, Prepared
from tests.learning.simulated import world


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_so() -> None:
    made = world(1_000)
    one, again, other = (interval("auc", made.y, made.p, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other
    assert one.low == pytest.approx(other.low, abs=0.01)


def test_figures_taken_together_are_those_taken_alone() -> None:
    made = world(600)
    together = intervals(made.y, made.p, clusters=made.account, draws=200)
    assert together == {
        name: interval(name, made.y, made.p, clusters=made.account, draws=200) for name in WEIGHTED
    }


def test_leads_of_one_account_drawn_together_widen_the_interval() -> None:
    """Ten leads of an account that share their fate are worth less than ten leads."""
    made = world(1_500, leads_an_account=10)
    score = made.own + np.repeat(np.random.default_rng(5).normal(size=150) * 2, 10)
    alone, together = (interval("auc", made.y, score, clusters=c) for c in (None, made.account))
    assert alone.se is not None
    assert together.se is not None
    assert together.se > 1.3 * alone.se


def test_two_scores_are_compared_on_the_same_draws() -> None:
    """What both share cancels: a tiny but steady difference is seen though each interval is wide."""
    made = world(1_000)
    better = made.p + 0.02 * made.y
    seen = paired("auc", made.y, better, made.p)
    one = interval("auc", made.y, made.p)
    assert seen.low is not None
    assert one.se is not None
    assert seen.low > 0
    assert seen.se is not None
    assert seen.se < one.se / 3


def test_a_score_against_itself_differs_by_nothing() -> None:
    made = world(500)
    assert paired("auc", made.y, made.p, made.p) == Interval(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("won", [0, FEWEST - 1, 500 - FEWEST + 1, 500])
def test_too_few_winners_or_losers_give_no_figure(won: int) -> None:
    y = np.r_[np.ones(won), np.zeros(500 - won)]
    assert interval("auc", y, np.arange(500)) == UNKNOWN
    assert paired("auc", y, np.arange(500), np.zeros(500)) == UNKNOWN
    assert set(intervals(y, np.full(500, 0.5)).values()) == {UNKNOWN}
    assert UNKNOWN.words == "insufficient data"


def test_a_row_without_account_is_one_of_its_own() -> None:
    made = world(300)
    assert interval("auc", made.y, made.p, clusters=[None] * 300).se == pytest.approx(
        interval("auc", made.y, made.p, clusters=None).se or 0, rel=0.2
    )


def test_noise_in_the_calibration_error_does_not_shift_its_interval_upwards() -> None:
    """Of a score that says the truth: its error is 0, and nearly every interval comes close to that.

    The plain percentile interval of such a score lies over 0.015 as a rule.
    """
    seen = [interval("ece", made.y, made.p, draws=200) for made in (world(1_000, seed=s) for s in range(20))]
    assert sum((one.low or 0) < 0.01 for one in seen) >= 14
    assert all((one.low or 0) <= (one.value or 0) <= (one.high or 0) for one in seen)


def test_a_figure_that_most_draws_cannot_give_has_no_interval() -> None:
    def mostly_unknown(_: Floats, p: Floats) -> Prepared:
        return lambda w: np.where(w[:, 0] > 1, np.nan, w @ p)

    made = world(200)
    assert interval(mostly_unknown, made.y, made.p) == UNKNOWN


def test_a_mean_covers_the_truth_about_as_often_as_it_says() -> None:
    dice = np.random.default_rng(0)
    hits = 0
    for seed in range(100):
        seen = mean(dice.normal(size=200), draws=300, seed=seed)
        hits += (seen.low or 0) <= 0 <= (seen.high or 0)
    assert 88 <= hits <= 99
    assert mean([1.0] * (FEWEST - 1)) == UNKNOWN


def test_false_alarms_are_as_rare_as_stated() -> None:
    """A hundred and sixty pairs here; `leadgraph evals selftest` does five hundred."""
    seen = selftest(160, accounts=200, draws=300)
    assert 2 <= seen.false_alarms <= 15
    assert seen.passed_at_the_margin <= 10


def test_a_gate_has_three_answers_and_not_knowing_is_no_pass() -> None:
    def answer(low: float, high: float, metric: str = "auc") -> str:
        return non_inferior(Interval((low + high) / 2, low, high), margin=0.005, metric=metric).answer

    assert answer(-0.004, 0.01) == "pass"
    assert answer(-0.02, -0.006) == "fail"
    assert answer(-0.006, 0.02) == "inconclusive"
    assert non_inferior(UNKNOWN, margin=0.005).answer == "inconclusive"
    assert answer(-0.01, 0.004, "log_loss") == "pass"
    assert answer(0.006, 0.02, "log_loss") == "fail"


def test_bounds_are_held_against_the_whole_interval() -> None:
    seen = Interval(0.02, 0.01, 0.03)
    assert [at_most(seen, limit, name="ece").answer for limit in (0.03, 0.02, 0.009)] == [
        "pass", "inconclusive", "fail",
    ]  # fmt: skip
    assert [at_least(seen, limit, name="x").answer for limit in (0.01, 0.02, 0.04)] == [
        "pass", "inconclusive", "fail",
    ]  # fmt: skip
    assert at_most(UNKNOWN, 0.5, name="ece").answer == "inconclusive"


def test_one_broken_rule_fails_a_gate_without_exceptions() -> None:
    assert certain("purity", broken=0, of=10).answer == "pass"
    assert certain("purity", broken=1, of=10_000).answer == "fail"
    assert certain("purity", broken=0, of=0).answer == "inconclusive"
    gates = [certain("a", broken=0, of=1), certain("b", broken=0, of=0)]
    assert overall(gates) == "inconclusive"
    assert overall([*gates, certain("c", broken=1, of=1)]) == "fail"
    assert overall(gates[:1]) == "pass"
    assert overall([]) == "inconclusive"


def test_half_the_difference_needs_four_times_the_cases() -> None:
    assert needed(0.01, 1_000, 0.005) == pytest.approx(4 * needed(0.01, 1_000, 0.01), abs=4)
    assert needed(0.01, 1_000, 0.01) == pytest.approx(7_849, abs=1)


def test_the_formula_for_no_run_agrees_with_draws() -> None:
    """Hanley and McNeil's approximation is near the bootstrap's spread for one AUC (no correlation, over sqrt 2)."""
    made = world(2_000, seed=3)
    seen = interval(weighted.auc, made.y, made.p)
    assert seen.value is not None
    said = auc_difference_se(2_000, float(made.y.mean()), seen.value, correlation=0.0) / 2**0.5
    assert seen.se == pytest.approx(said, rel=0.2)
