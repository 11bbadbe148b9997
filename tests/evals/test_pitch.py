"""False pitches: the talks that were written for it, the whole desk that is asked, and what the gates see."""

import io
from collections import Counter

import pytest
from rich.console import Console

import app
from domain.handoff import Handoff, Step
from evals.cases import Trace
from evals.pitches import BLOCKED, BUYER, STATES, Scene, scenes
from evals.runs import Run
from evals.suites import pitch
from surfaces.cli import evals_pitch
from surfaces.cli.context import Cli


def test_the_talks_are_many_and_of_many_industries_and_registers() -> None:
    found = scenes()
    by_state = Counter(one.state for one in found)
    assert set(by_state) == set(STATES)
    assert sum(by_state.values()) - by_state[BUYER] >= 120
    assert len({one.turns for one in found if one.state != BUYER}) >= 120
    assert len({one.industry for one in found}) >= 10
    assert len({one.register for one in found}) >= 5
    buyers = {one.turns for one in found if one.state == BUYER}
    assert len(buyers & {one.turns for one in found if one.state == BLOCKED}) >= 10


def traced(state: str, number: int, step: Step) -> Trace:
    scene = Scene(f"{state}-{number}", state, "software", "curt", (("customer", "x"),))
    answer = Handoff(
        step, "buying", 900, (), None, None, (), bot_may_speak=False, tell_customer=None, tell_team=None,
        reasoner="local",
    )  # fmt: skip
    return pitch.trace_of(scene, answer, 0.01)


def failed(**handed: int) -> set[str]:
    """Gates that do not pass where so many of the 60 talks of a state are handed to sales."""
    wanted = {BUYER: 60, **handed}
    found = [
        traced(state, n, Step.HANDOFF if n < wanted.get(state, 0) else Step.ASK_PERSON)
        for state in STATES
        for n in range(60)
    ]
    document = Run(tuple(found), {}).document(draws=200)
    return {gate["name"] for gate in document["gates"] if gate["answer"] != "pass"}


def test_each_gate_sees_what_it_is_for() -> None:
    assert failed() == set()
    assert failed(angry=20) == {"false_pitch_rate"}
    assert failed(blocked=1) == {"blocked_pitch_rate"}
    assert failed(calm_buyer=0) == {"buyers_handed_over"}


def test_the_whole_desk_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "We would like to purchase fifty additional seats, please send a quotation."
    few = tuple(
        Scene(f"{state}-{n}", state, "software", "formal", (("customer", words),))
        for n, state in enumerate((BLOCKED, BUYER))
    )
    monkeypatch.setattr(evals_pitch, "scenes", lambda: few)
    quiet = Console(file=io.StringIO())
    tools = Cli(open=app.open_home, tools=app.Toolbox(), out=quiet, err=quiet)
    found = evals_pitch.pitch_run(tools, told=lambda _: None).traces
    assert [(one.output["decision"], one.output["why"]) for one in found] == [
        ("stay", "blocked"),
        ("handoff", "buying"),
    ]
