"""The suites about an endpoint that fails or lies: what the product does passes, and what it must not do fails."""

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

import app
from evals.cases import Trace
from evals.marking import score
from evals.runs import Run
from evals.suites.endpoint import CITATIONS, FAULTS
from surfaces.cli.context import Cli
from surfaces.cli.evals_endpoint import endpoint_run


def run_of(suite: str) -> Run:
    quiet = Console(file=io.StringIO())
    tools = Cli(open=app.open_home, tools=app.Toolbox(), out=quiet, err=quiet)
    return endpoint_run(tools, suite, limit=6, seed=3, told=lambda _: None)


def failing(run: Run, **output: Any) -> set[str]:
    """The gates that fail where the answers are `output` instead."""
    traces = [Trace(**{**one.model_dump(), "output": {**one.output, **output}}) for one in run.traces]
    return {gate["name"] for gate in score(traces, {})["gates"] if gate["answer"] == "fail"}


@pytest.mark.slow
def test_whatever_way_an_endpoint_fails_the_local_result_stands_flagged_until_it_is_back() -> None:
    run = run_of(FAULTS)
    assert {trace.case.slices["kind"] for trace in run.traces} == {
        "down", "deadline", "busy", "budget", "unusable", "refused",
    }  # fmt: skip
    assert run.document()["answer"] == "pass"
    assert failing(run, flags=[]) == {"fault_is_flagged"}
    assert failing(run, later=["degraded:model:down"]) == {"redone_when_back"}
    assert failing(run, twin={**run.traces[0].output["twin"], "points": -1}) == {"as_without"}


@pytest.mark.slow
def test_forged_evidence_is_dropped_counted_and_never_told() -> None:
    run = run_of(CITATIONS)
    assert run.document()["answer"] == "pass"
    assert run.traces[0].output["forged"] >= 4
    wrong = {"forged_kept": ["demo"], "dropped": 0, "true_kept": False, "number_told": True}
    marks = ["forged_counts_for_nothing", "forged_is_counted", "true_is_kept", "numbers_are_known"]
    assert failing(run, **wrong) == set(marks)
    assert replace(run).name == "citations-own"
