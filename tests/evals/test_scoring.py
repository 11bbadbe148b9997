"""The scoring suite: same rows for all, honest splits, figures from the traces alone."""

import numpy as np
import pytest

from domain.errors import BadInput
from evals.entrants import MAIN, RULE
from evals.figures import lift_curve
from evals.suites import calibration, scoring
from learning import metrics
from learning.intervals import Interval
from tests.evals.made_up import entrants, halves, table, traces

MADE = traces()
ABOUT = {"split": "two thirds", "gates": {"margin": 0.02, "ece": 0.2}, "leaks": [], "notes": ["a note"]}


def test_nobody_is_judged_by_what_was_learnt_of_his_own_account() -> None:
    with pytest.raises(BadInput, match="is in both parts"):
        scoring.run(halves(table(300)), entrants())


def test_all_entrants_judge_the_same_rows_once_each() -> None:
    judged = scoring.judged(MADE)
    assert len(MADE) == 402
    assert {len(said) for said in judged.said.values()} == {402}
    assert len({trace.case.id for trace in MADE}) == 402
    assert all(0 < p < 1 for p in judged.said[MAIN])


def test_the_document_has_what_others_read() -> None:
    told = scoring.score(MADE, ABOUT, draws=200)
    assert {"dataset", "split", "n", "base_rate", "metrics", "baselines", "leaks"} <= told.keys()
    assert {"auc", "pr_auc", "brier", "log_loss", "ece", "lift_at_10"} <= told["metrics"].keys()
    assert set(told["baselines"]) == {"naive_bayes", "logistic"}
    assert told["metrics"]["auc"]["low"] < told["metrics"]["auc"]["value"] < told["metrics"]["auc"]["high"]
    assert sum(cell["n"] for cell in told["reliability"]) == told["n"] == 402
    assert [month["month"] for month in told["by_month"]] == ["2026-02", "2026-03"]


def test_figures_are_those_of_the_traces() -> None:
    told = scoring.score(MADE, ABOUT, draws=200)
    y = [t.case.target == 1 for t in MADE]
    p = [t.output["probability"][MAIN] for t in MADE]
    assert told["metrics"]["auc"]["value"] == pytest.approx(metrics.auc(np.array(y, float), p), abs=1e-6)
    assert told["metrics"]["ece"]["value"] == pytest.approx(
        metrics.ece_equal_mass(np.array(y, float), p), abs=1e-6
    )


def test_the_order_of_the_traces_does_not_matter_to_any_figure() -> None:
    one = scoring.score(MADE, ABOUT, draws=200)
    other = scoring.score(MADE[::-1], ABOUT, draws=200)
    for name, seen in one["metrics"].items():
        assert other["metrics"][name]["value"] == pytest.approx(seen["value"], abs=1e-6)


def test_a_score_as_good_as_the_best_baseline_passes_and_a_spoilt_one_fails() -> None:
    """The stand-in is the logistic baseline itself; noise spoils it."""
    good = scoring.score(MADE, ABOUT, draws=300)
    assert good["answer"] == "pass"
    bad = scoring.score(traces(noise=3.0), ABOUT, draws=300)
    assert bad["answer"] == "fail"
    assert bad["gates"][0]["name"].startswith("auc_non_inferior_to_")


def test_few_cases_pass_nothing() -> None:
    told = scoring.score(traces(n=90), ABOUT, draws=200)
    assert told["answer"] == "inconclusive"
    assert told["metrics"]["auc"]["value"] is None


def test_a_slice_with_few_cases_says_so_instead_of_a_figure() -> None:
    shy = [
        t.model_copy(update={"case": t.case.model_copy(update={"slices": {"segment": "rare"}})})
        for t in MADE[:30]
    ]
    told = scoring.score([*shy, *MADE[30:]], ABOUT, draws=200)["slices"]["segment"]
    assert told["rare"] == {"n": 30, "won": told["rare"]["won"], "words": "insufficient data"}
    assert told["small"]["auc"]["value"] is not None


def test_a_slice_that_does_not_apply_is_not_told() -> None:
    assert "reasoner" not in scoring.score(MADE, ABOUT, draws=200)["slices"]


def test_points_only_rank() -> None:
    """No probability is read into the points of a rule."""
    pointed = [
        t.model_copy(
            update={"output": {"points": {RULE: float(i % 100)}, "probability": t.output["probability"]}}
        )
        for i, t in enumerate(MADE)
    ]
    told = scoring.score(pointed, ABOUT, draws=200)["baselines"][RULE]
    assert set(told) == {"auc", "pr_auc", "lift_at_10"}


def test_beating_the_rule_needs_an_interval_that_excludes_nothing_to_choose() -> None:
    found = scoring.judged(MADE)
    for low, answer in ((0.01, "pass"), (-0.01, "inconclusive")):
        gates = scoring.gates_of({"beats_rule": 0.0}, found, {RULE: {"auc": Interval(0.02, low, 0.03)}}, {})
        assert [gate.answer for gate in gates] == [answer]


def test_the_cost_matrix_says_who_is_worth_the_work() -> None:
    told = scoring.score(MADE, {**ABOUT, "costs": {"gain": 4, "cost": 1}}, draws=200)
    assert told["costs"]["flagged_from"] == 0.25
    assert told["metrics"]["expected_profit"]["value"] >= told["metrics"]["profit_of_working_all"]["value"]


def test_the_lift_curve_rises_to_all_wins() -> None:
    found = scoring.judged(MADE)
    curve = lift_curve(found.y, found.said[MAIN])
    assert curve[-1] == [1.0, 1.0]
    assert [y for _, y in curve] == sorted(y for _, y in curve)


@pytest.mark.parametrize("broken", [{"probability": {}}, {"probability": {MAIN: "high"}}, {}])
def test_a_trace_without_an_answer_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(BadInput, match="lack an answer"):
        scoring.judged([*MADE[:5], MADE[5].model_copy(update={"output": broken})])
    with pytest.raises(BadInput, match="there are none"):
        scoring.judged([])


def test_calibration_asks_only_whether_probabilities_hold() -> None:
    told = calibration.score(MADE, {"gates": {"ece": 0.2}}, draws=200)
    assert [gate["name"] for gate in told["gates"]] == ["ece", "slope_not_too_loud", "slope_not_too_timid"]
    loud = [
        t.model_copy(
            update={
                "output": {"probability": {MAIN: 0.999 if t.output["probability"][MAIN] > 0.3 else 0.001}}
            }
        )
        for t in MADE
    ]
    assert calibration.score(loud, {}, draws=200)["answer"] == "fail"
