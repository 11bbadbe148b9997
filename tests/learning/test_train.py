"""From rows to a package: what it learns, what it refuses, and that it is the same every time."""

import sys
from functools import cache

import numpy as np
import polars as pl
import pytest

from domain.errors import ConfigError, NotEnough
from domain.model import LIMIT, MICRO_LOGIT, Additive, Trees
from learning import boosting_machine
from learning.calibrate import Seen, calibrated
from learning.described import bands_of, reliability_of
from learning.metrics import auc, ece_equal_mass
from learning.predict import additive, curve_at, log_odds, probabilities, probability
from learning.rows import Rows, split_by_account, split_in_time
from learning.shrink import shifts_of
from learning.train import MEASURED, Floor, Trained, train
from tests.learning.market import market


@cache
def learned(family: str = "logistic") -> Trained:
    """A package of the made-up market by one family."""
    return train(market(), families=("logistic",) if family == "logistic" else ("lightgbm",))


@pytest.mark.slow
def test_the_package_ranks_and_is_calibrated_on_later_leads() -> None:
    before, after = split_in_time(market(3_000, seed=5), 0.7)
    made = train(before, families=("logistic",))
    y, p = after.frame["label"].to_numpy(), probabilities(made.package, made.files, after.frame)
    assert auc(y, p) > 0.72
    assert ece_equal_mass(y, p) < 0.05
    assert abs(float(p.mean()) - float(y.mean())) < 0.03


@pytest.mark.slow
@pytest.mark.parametrize("family", ["logistic", "lightgbm"])
def test_the_same_rows_and_seed_give_the_same_package(family: str) -> None:
    rows = market()
    shuffled = rows.only(rows.frame.sample(fraction=1, shuffle=True, seed=3))
    again = train(shuffled, families=("logistic",) if family == "logistic" else ("lightgbm",))
    assert again.package == learned(family).package
    assert again.files == learned(family).files


@pytest.mark.slow
def test_other_rows_have_another_digest() -> None:
    rows = market()
    flipped = rows.frame.with_columns(
        pl.when(pl.col("lead_id") == "l5").then(1 - pl.col("label")).otherwise(pl.col("label")).alias("label")
    )
    assert (
        train(rows.only(flipped), families=("logistic",)).package.data_digest != learned().package.data_digest
    )


def test_below_the_floor_nothing_is_learnt_and_it_says_what_is_missing() -> None:
    few = market(150)
    with pytest.raises(NotEnough) as refused:
        train(few)
    assert refused.value.have == {"leads": 150, "won": few.won, "not won": 150 - few.won}
    assert refused.value.need == {"leads": 200, "won": 40, "not won": 40}
    assert "150 leads, needs 200" in str(refused.value)
    with pytest.raises(NotEnough):
        train(market(), floor=Floor(leads=200, won=1_000))


def test_nothing_is_learnt_where_nothing_is_left_to_measure_on() -> None:
    """The accounts that this very draw puts on the one side: none of them is on the other."""
    one_side, _ = split_by_account(market(days=7), 1 - MEASURED, 0)
    with pytest.raises(NotEnough, match="0 leads to measure on"):
        train(one_side, seed=0, families=("logistic",))


@pytest.mark.slow
def test_a_known_sign_makes_the_curve_monotone() -> None:
    """Chance says that prices hurt above some number; the sign says that they cannot."""
    rows = market()
    columns = tuple(
        c if c.name != "deal.amount" else type(c)(c.name, c.kind, 1, c.scale, c.definition)
        for c in rows.columns
    )
    signed = Rows(rows.frame, columns, rows.question, rows.order)
    model = train(signed, families=("logistic",)).package.model
    assert isinstance(model, Additive)
    for curve in model.curves:
        if curve.name == "deal.amount":
            assert list(curve.values) == sorted(curve.values)


def test_figures_come_from_leads_that_the_measured_package_had_not_seen() -> None:
    made = learned()
    split = made.report["split"]
    assert split["by"] == "time"
    assert split["measured"] == 240
    assert sum(one.cases for one in made.package.reliability) == 240
    assert sum(one.won for one in made.package.reliability) == split["measured_won"]
    value = made.package.metrics["auc"].value
    assert value is not None
    assert value > 0.65


def test_a_feature_that_says_nothing_is_left_out() -> None:
    model = learned().package.model
    assert isinstance(model, Additive)
    names = {curve.name for curve in model.curves} | {code.name for code in model.levels}
    assert {"decayed.web.form", "count.page.pricing.30d", "recency.web", "fact.seniority"} <= names


def test_an_unknown_level_counts_as_the_average_and_a_missing_one_as_learnt() -> None:
    model = learned().package.model
    assert isinstance(model, Additive)
    (seniority,) = (code for code in model.levels if code.name == "fact.seniority")
    assert seniority.at("nobody has this") == 0
    assert seniority.at(None) == seniority.missing != 0
    assert seniority.at("director") > 200_000


@pytest.mark.slow
def test_one_cohort_is_measured_on_other_accounts_and_the_card_says_so() -> None:
    made = train(market(900, days=5), families=("logistic",))
    assert made.report["split"]["by"] == "account"
    assert any("other accounts" in note for note in made.package.notes)
    assert "on other accounts" in made.files["card.md"].decode()


def test_the_rule_by_hand_stands_beside_the_families() -> None:
    def rule(frame: pl.DataFrame) -> np.typing.NDArray[np.int64]:
        return 10 * frame["count.page.pricing.30d"].to_numpy()

    compared = train(market(), families=("logistic",), rule=rule).package.compared
    assert compared["rule"]["log_loss"] > compared["logistic"]["log_loss"]


def test_the_card_names_what_a_reader_must_know() -> None:
    text = learned().files["card.md"].decode()
    for said in (
        "1,200 cases",
        "won within 10 days",
        "AUC",
        "Calibration",
        "Limits",
        "decayed.web.form",
        "Chosen: logistic",
    ):
        assert said in text


def test_trees_are_a_package_too() -> None:
    made = learned("lightgbm")
    assert isinstance(made.package.model, Trees)
    assert made.files["trees.txt"].startswith(b"tree")


def test_without_the_extra_the_boosting_machine_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "interpret.glassbox", None)
    with pytest.raises(ConfigError, match="extra `ebm`"):
        boosting_machine.fit(market(300), seed=0)


def test_a_boosting_machine_says_in_the_package_what_it_says_itself() -> None:
    pytest.importorskip("interpret", reason="needs interpret-core, the extra `ebm`")
    rows = market(600)
    machine = boosting_machine.fitted(rows, seed=0)
    itself = np.asarray(machine.predict_proba(boosting_machine.plain(rows)))[:, 1]
    told = probability(additive(boosting_machine.fit(rows, seed=0), rows.frame))
    assert np.abs(itself - told).max() < 0.001


def test_calibration_ascends_whatever_it_is_given() -> None:
    dice = np.random.default_rng(1)
    for slope in (-1.0, 0.2, 1.0, 3.0):
        odds = (dice.normal(0, 2, 800) * MICRO_LOGIT).astype(np.int64)
        y = (dice.random(800) < 1 / (1 + np.exp(-slope * odds / MICRO_LOGIT))).astype(np.float64)
        seen = Seen(odds, y, np.zeros(800, dtype=np.int64))
        curve = calibrated(seen, seen).curve
        values = curve_at(curve, np.arange(-LIMIT, LIMIT, MICRO_LOGIT // 4))
        assert (np.diff(values) >= 0).all()


def test_calibration_is_learnt_from_unseen_cases() -> None:
    """A model that is sure of what it was fitted on, and too sure of all else, is corrected by all else."""
    dice = np.random.default_rng(2)
    x = dice.normal(0, 1, 2_000)
    y = (dice.random(2_000) < 1 / (1 + np.exp(-x))).astype(np.float64)
    zero = np.zeros(2_000, dtype=np.int64)
    told = Seen((3 * x * MICRO_LOGIT).astype(np.int64), y, zero)
    fitted = Seen(((2 * y - 1) * 3 * MICRO_LOGIT).astype(np.int64), y, zero)
    curve = calibrated(told, fitted).curve
    assert abs(int(curve.at(3 * MICRO_LOGIT)) - MICRO_LOGIT) < 0.25 * MICRO_LOGIT


def test_the_level_of_one_period_is_not_carried_into_the_next() -> None:
    dice = np.random.default_rng(3)
    x, period = dice.normal(0, 1, 4_000), np.repeat([0, 1], 2_000)
    y = (dice.random(4_000) < 1 / (1 + np.exp(-(x + np.where(period, 1.0, -1.0))))).astype(np.float64)
    odds = (x * MICRO_LOGIT).astype(np.int64)
    fitted = Seen(
        odds, (dice.random(4_000) < 1 / (1 + np.exp(-x))).astype(np.float64), np.zeros(4_000, dtype=np.int64)
    )
    curve = calibrated(Seen(odds, y, period.astype(np.int64)), fitted).curve
    assert abs(curve.at(0)) < 0.15 * MICRO_LOGIT
    assert abs(curve.at(2 * MICRO_LOGIT) - 2 * MICRO_LOGIT) < 0.35 * MICRO_LOGIT


def test_with_few_cases_only_the_level_is_corrected() -> None:
    odds, y = np.zeros(60, dtype=np.int64), np.array([1.0] * 5 + [0.0] * 55)
    seen = Seen(odds, y, np.zeros(60, dtype=np.int64))
    found = calibrated(seen, seen)
    assert found.method == "level only: too few cases"
    assert found.curve.at(MICRO_LOGIT) - found.curve.at(0) == MICRO_LOGIT


def regions(rates: dict[str, tuple[int, int]]) -> dict[str, int]:
    """The shifts of regions of which so many of so many were won, for a model that says one in two of all."""
    told = [(name, int(n < won)) for name, (cases, won) in rates.items() for n in range(cases)]
    frame = pl.DataFrame(told, schema={"region": pl.String, "label": pl.Int8}, orient="row").with_columns(
        segment=pl.lit(None, dtype=pl.String), account=pl.lit(None, dtype=pl.String)
    )
    found = shifts_of(frame, np.zeros(frame.height, dtype=np.int64))
    return {name: shift for one in found if one.by == "lead.region" for name, shift in one.values.items()}


def test_a_region_is_drawn_to_its_parent_the_more_the_fewer_its_cases() -> None:
    found = regions({"large": (1_000, 700), "small": (10, 7), "low": (1_000, 300)})
    assert 0 < found["small"] < found["large"] < 0.9 * MICRO_LOGIT
    assert found["low"] < -0.6 * MICRO_LOGIT


def test_regions_that_differ_by_chance_only_get_no_shift() -> None:
    assert regions({"one": (200, 101), "two": (200, 99), "three": (200, 100)}) == {
        "one": 0,
        "three": 0,
        "two": 0,
    }


def test_bins_hold_every_later_lead_once_and_equal_scores_together() -> None:
    odds = np.array([5, 5, 5, 7, 7, 9] * 50, dtype=np.int64)
    y = np.array([0, 0, 1, 1, 0, 1] * 50, dtype=np.float64)
    bins = reliability_of(odds, y)
    assert sum(one.cases for one in bins) == 300
    assert sum(one.won for one in bins) == 150
    assert [one.low for one in bins] == sorted({one.low for one in bins})
    assert {one.low for one in bins[1:]} <= {5, 7, 9}


def test_hot_is_a_tenth_at_most_and_twice_the_base_rate_at_least() -> None:
    odds = np.linspace(-4, 1, 1_000) * MICRO_LOGIT
    points = np.array([100 / (1 + np.exp(-one / MICRO_LOGIT)) for one in odds])
    bands = bands_of(odds.astype(np.int64), 0.2)
    assert bands.enter_hot >= 40
    assert (points >= bands.enter_hot).mean() <= 0.11
    assert bands.leave_warm <= bands.enter_warm <= bands.leave_hot <= bands.enter_hot
    flat = bands_of(np.zeros(500, dtype=np.int64), 0.5)
    assert flat.enter_hot == 99


def test_a_row_of_many_is_told_as_one_alone() -> None:
    made, rows = learned("lightgbm"), market(200, seed=9)
    whole = log_odds(made.package, made.files, rows.frame)
    single = [int(log_odds(made.package, made.files, rows.frame.slice(n, 1))[0]) for n in range(0, 200, 20)]
    assert single == whole[::20].tolist()
