"""Comparing two runs: on the same cases, paired, and chance is not mistaken for progress."""

import pytest

from domain.errors import BadInput
from evals.cases import Trace
from evals.compare import compare
from evals.entrants import MAIN
from tests.evals.made_up import traces

OLD = traces()


def shifted(by: float) -> list[Trace]:
    """Each winner's probability a little higher."""
    return [
        t.model_copy(update={"output": {"probability": {
            **t.output["probability"], MAIN: min(0.999, t.output["probability"][MAIN] + by * (t.case.target == 1))}}})
        for t in OLD
    ]  # fmt: skip


def test_a_run_against_itself_is_no_different() -> None:
    told = compare(OLD, OLD[::-1], draws=200)
    assert told["answer"] == "pass"
    assert {one["words"] for one in told["differences"].values()} == {"no difference to be seen"}
    assert told["differences"]["auc"]["value"] == 0


def test_a_small_steady_gain_is_seen_because_the_comparison_is_paired() -> None:
    """Both intervals are wide; what the runs share cancels."""
    told = compare(shifted(0.02), OLD, draws=300)
    assert told["differences"]["auc"]["words"] == "better"
    assert told["paired"]
    assert told["clusters"] == 134


def test_a_loss_is_worse_whichever_way_the_figure_points() -> None:
    told = compare(traces(noise=3.0), OLD, draws=300)
    assert told["differences"]["auc"]["words"] == "worse"
    assert told["differences"]["log_loss"]["words"] == "worse"
    assert told["answer"] == "fail"


def test_too_few_cases_to_tell_is_no_pass_and_says_how_many_it_takes() -> None:
    """The noisier run may be as good within the margin, or not."""
    small = traces(n=300)
    told = compare(traces(noise=0.3, n=300), small, draws=300)
    assert told["answer"] == "inconclusive"
    assert told["enough"]["auc_non_inferior"] > 100


def test_other_cases_or_other_outcomes_are_not_compared() -> None:
    with pytest.raises(BadInput, match="share 401"):
        compare(OLD[1:], OLD)
    other = [
        OLD[0].model_copy(
            update={"case": OLD[0].case.model_copy(update={"target": 1 - int(OLD[0].case.target or 0)})}
        )
    ]
    with pytest.raises(BadInput, match="other outcomes"):
        compare([*other, *OLD[1:]], OLD)
