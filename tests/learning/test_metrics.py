"""Figures of merit: as defined, independent of the order of the rows, and equal to those of others."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from domain.errors import BadInput
from learning import metrics
from learning.weighted import WEIGHTED
from tests.learning.simulated import world


@pytest.mark.parametrize("digits", [15, 2, 1])
def test_figures_are_those_of_scikit_learn_with_and_without_ties(digits: int) -> None:
    made = world(2_000)
    p = np.clip(np.round(made.p, digits), 0.001, 0.999)
    ours = [f(made.y, p) for f in (metrics.auc, metrics.pr_auc, metrics.brier, metrics.log_loss)]
    others: list[Any] = [roc_auc_score, average_precision_score, brier_score_loss, log_loss]
    assert ours == pytest.approx([f(made.y, p) for f in others], abs=1e-9)


def test_slope_is_that_of_a_regression_on_the_log_odds() -> None:
    made = world(2_000)
    logit = 2.5 * np.log(made.p / (1 - made.p))
    other = LogisticRegression(C=1e9, tol=1e-9).fit(logit[:, None], made.y).coef_[0, 0]
    assert metrics.calibration_slope(made.y, 1 / (1 + np.exp(-logit))) == pytest.approx(other, abs=1e-4)


@pytest.mark.parametrize("name", sorted(WEIGHTED))
def test_order_of_the_rows_does_not_matter_even_among_ties(name: str) -> None:
    made = world(500)
    p = np.round(made.p, 1).clip(0.05, 0.95)
    mixed = np.random.default_rng(1).permutation(500)
    one = metrics.figure(WEIGHTED[name], made.y, p)
    assert metrics.figure(WEIGHTED[name], made.y[mixed], p[mixed]) == pytest.approx(one, abs=1e-12)


@pytest.mark.parametrize("name", sorted(WEIGHTED))
def test_a_weight_of_two_is_the_row_written_twice(name: str) -> None:
    made = world(200)
    times = np.random.default_rng(1).integers(0, 4, 200)
    weighted = WEIGHTED[name](made.y, made.p)(times[None, :].astype(np.float64))[0]
    written = metrics.figure(WEIGHTED[name], np.repeat(made.y, times), np.repeat(made.p, times))
    assert weighted == pytest.approx(written, abs=1e-6)


def test_the_parts_of_the_brier_score_add_up_to_it() -> None:
    made = world(3_000)
    parts = metrics.brier_parts(made.y, made.p)
    total = parts.reliability - parts.resolution + parts.uncertainty + parts.within
    assert total == pytest.approx(metrics.brier(made.y, made.p))
    assert parts.reliability < 0.002
    assert parts.uncertainty == pytest.approx(made.y.mean() * (1 - made.y.mean()))


def test_a_score_that_says_too_much_is_seen_in_slope_and_calibration_error() -> None:
    made = world(5_000)
    loud = 1 / (1 + (made.p / (1 - made.p)) ** -2)
    assert metrics.calibration_slope(made.y, loud) == pytest.approx(0.5, abs=0.05)
    assert metrics.ece_equal_mass(made.y, loud) > 3 * metrics.ece_equal_mass(made.y, made.p)


def test_a_score_with_one_value_for_all_lifts_nothing() -> None:
    y = world(1_000).y
    same = np.full(1_000, 0.3)
    assert metrics.auc(y, same) == 0.5
    assert metrics.lift_at(y, same) == pytest.approx(1.0)
    assert metrics.recall_at(y, same, 0.2) == pytest.approx(0.2)
    assert metrics.pr_auc(y, same) == pytest.approx(y.mean())


def test_profit_counts_those_worth_their_work_and_no_others() -> None:
    y, p = [1, 0, 0, 1], [0.5, 0.4, 0.1, 0.05]
    assert metrics.expected_profit(y, p, gain=10, cost=2) == pytest.approx((10 - 2 - 2) / 4)
    assert metrics.flagged_share(y, p, 0.2) == 0.5
    assert metrics.wins_caught(y, p, 0.2) == 0.5


def test_bins_hold_every_case_once() -> None:
    made = world(1_234)
    bins = metrics.reliability(made.y, np.round(made.p, 1))
    assert sum(cell.n for cell in bins) == 1_234
    assert [cell.said for cell in bins] == sorted(cell.said for cell in bins)


@pytest.mark.parametrize(
    ("y", "p", "word"),
    [([1, 0], [0.5], "shape"), ([2, 0], [0.5, 0.5], "0 and 1"), ([1, 0], [float("nan"), 1], "NaN")],
)
def test_what_cannot_be_judged_is_refused_by_name(y: list[int], p: list[float], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        metrics.auc(y, p)
