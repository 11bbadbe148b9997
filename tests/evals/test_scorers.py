"""Scorers of behaviour see what must not be: each rule has a trace that breaks it."""

import pytest

from domain.errors import BadInput
from evals import marking
from evals.cases import Case, Trace
from evals.scorers import (
    Mark,
    adds_up,
    allowed_path,
    cited_exists,
    cited_was_read,
    decided_by_rules,
    effects_on_record,
    equal_features,
    no_forbidden_edge,
    pure,
    rests_on_cited,
    survives,
    unmoved,
)
from tests.evals.made_up import walk

AGENTS = ("ingestion", "intent", "scoring")
ACTED = (*AGENTS, "policy:verdict:act", "actuation:proposed", "run:route:act")
ASKED = (*AGENTS, "policy:verdict:ask", "actuation:proposed", "run:route:ask", "approval:opened")
SENT = ("deliver:attempt", "deliver:step:set_fields:done", "deliver:moved:done")


def value(mark: Mark | None) -> float:
    assert mark is not None
    return mark.value


def trace(**output: object) -> Trace:
    return Trace(
        case=Case(id="c", suite="rationale", dataset="tests", given={"rules": ["routing:a"]}), output=output
    )


@pytest.mark.parametrize(
    "steps",
    [
        (*ACTED, *SENT),
        (*AGENTS, "policy:verdict:nothing", "run:route:nothing"),
        (*AGENTS, "policy:verdict:hold", "run:route:hold"),
        ("ingestion:suppressed", "run:suppressed"),
        (*ASKED, "approval:released", *SENT),
        (*ACTED, *ACTED),
    ],
)
def test_the_ways_of_the_graph_are_allowed(steps: tuple[str, ...]) -> None:
    assert allowed_path(walk(*steps)).value == 1
    assert no_forbidden_edge(walk(*steps)).value == 1


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ((*AGENTS, "actuation:proposed"), "scoring > actuation without policy"),
        ((*AGENTS, "policy:verdict:nothing", "actuation:proposed"), "without a verdict to act or ask"),
        ((*AGENTS, "policy:verdict:hold", "actuation:proposed"), "without a verdict to act or ask"),
        (("ingestion", "scoring", "policy:verdict:act"), "without intent"),
        (("ingestion", "intent", "policy:verdict:act"), "without scoring"),
        (("ingestion:suppressed", "intent"), "suppressed > intent"),
        ((*AGENTS, "policy:verdict:act", "actuation:proposed", *SENT), "without a record of the run"),
        ((*ASKED, *SENT), "without an approval"),
        ((*ASKED, "approval:expired", *SENT), "without an approval"),
        ((*ACTED, *AGENTS, "actuation:proposed"), "scoring > actuation without policy"),
    ],
)
def test_forbidden_edges_are_seen(steps: tuple[str, ...], words: str) -> None:
    """Also in a second pass of a run whose first went right."""
    mark = no_forbidden_edge(walk(*steps))
    assert mark.value == 0
    assert words in mark.note


@pytest.mark.parametrize(
    "steps",
    [AGENTS, ("intent", "scoring", "policy"), (*AGENTS, "policy:verdict:act", "scoring"), ("policy",)],
)
def test_a_walk_that_leaves_an_agent_out_or_stops_early_is_not_allowed(steps: tuple[str, ...]) -> None:
    assert allowed_path(walk(*steps)).value == 0


def test_what_reaches_nobody_may_leave_while_a_person_is_asked() -> None:
    quiet = walk(*ASKED, *SENT)
    steps = tuple(s.model_copy(update={"detail": {**s.detail, "kind": "upsert_score"}}) for s in quiet.steps)
    assert no_forbidden_edge(quiet.model_copy(update={"steps": steps})).value == 1


def test_an_effect_without_a_begun_attempt_is_seen() -> None:
    good = effects_on_record(walk(*ACTED, *SENT))
    bad = effects_on_record(walk(*ACTED, *SENT[1:]))
    assert good is not None
    assert good.value == 1
    assert bad is not None
    assert bad.value == 0
    assert effects_on_record(walk(*ACTED)) is None


def test_an_impure_decision_is_seen() -> None:
    assert pure(trace(digest="a", digest_again="a")).value == 1
    mark = pure(trace(digest="a", digest_again="b", differing=["score"]))
    assert (mark.value, mark.note) == (0, "differs in score")


def test_a_verdict_names_rules_of_the_tables() -> None:
    assert value(decided_by_rules(trace(rules=["routing:a"]))) == 1
    assert value(decided_by_rules(trace(rules=["routing:b"]))) == 0
    assert value(decided_by_rules(trace(rules=[]))) == 0
    assert decided_by_rules(trace(rules=None)) is None


def test_citing_a_strangers_or_an_unread_signal_is_seen() -> None:
    part = {"name": "engagement.web", "refs": ["s:1", "s:2"], "rests": True}
    found = trace(cited=[part], own=["s:1", "s:2", "s:3"], read=["s:1"])
    exists, read = cited_exists(found), cited_was_read(found)
    assert exists is not None
    assert exists.value == 1
    assert read is not None
    assert read.value == 0
    assert "s:2 was not read" in read.note
    assert cited_exists(trace(cited=[])) is None


def test_a_reason_that_does_not_rest_on_its_signals_is_seen() -> None:
    parts = [
        {"name": name, "refs": ["s:1"], "rests": rests}
        for name, rests in (("a", True), ("b", False), ("c", None))
    ]
    mark = rests_on_cited(trace(cited=parts))
    assert mark is not None
    assert (mark.value, mark.note) == (0.5, "not on them: b")


def test_a_ledger_that_does_not_add_up_is_seen() -> None:
    assert value(adds_up(trace(points=3, ledger=[["a", 1_000_000], ["b", 2_000_000]]))) == 1
    assert value(adds_up(trace(points=3, ledger=[["a", 1_000_000]]))) == 0


def test_a_variant_that_moves_the_score_is_seen() -> None:
    found = trace(
        points=10, digest="x", variants={"late": {"digest": "y", "points": 12}, "shuffled": {"digest": "x"}}
    )
    late, shuffled = unmoved("late")(found), unmoved("shuffled")(found)
    assert late is not None
    assert (late.value, late.note) == (0, "10 became 12 points")
    assert shuffled is not None
    assert shuffled.value == 1
    assert unmoved("duplicated")(found) is None


def test_a_run_that_breaks_without_a_channel_is_seen() -> None:
    found = trace(variants={"without:web": {"problem": "Permanent"}, "without:crm": {}})
    mark = survives(found)
    assert mark is not None
    assert (mark.value, mark.note) == (0.5, "without:web: Permanent")


def test_differing_features_are_seen() -> None:
    assert equal_features(trace(different=["count.any.7d: 1 online, 2 offline"])).value == 0
    assert equal_features(trace(different=[])).value == 1


def test_one_broken_case_fails_the_gate_of_its_scorer_alone() -> None:
    good = [
        walk(*ACTED, *SENT).model_copy(update={"case": Case(id=f"r{i}", suite="trajectories", dataset="t")})
        for i in range(30)
    ]
    bad = walk(*AGENTS, "actuation:proposed")
    told = marking.score([*good, bad], {"source": "tests"}, draws=200)
    answers = {gate["name"]: gate["answer"] for gate in told["gates"]}
    assert answers == {"allowed_path": "fail", "no_forbidden_edge": "fail", "effects_on_record": "pass"}
    assert told["answer"] == "fail"
    assert "rn_1" in told["marks"]["no_forbidden_edge"]["examples"][0]
    assert told["marks"]["effects_on_record"]["n"] == 30


def test_a_scorer_without_a_case_passes_nothing() -> None:
    told = marking.score([walk(*ACTED)], {}, draws=200)
    assert {g["name"]: g["answer"] for g in told["gates"]}["effects_on_record"] == "inconclusive"


def test_traces_of_two_suites_are_not_marked_together() -> None:
    with pytest.raises(BadInput, match="rationale, trajectories"):
        marking.score([walk(*ACTED), trace(different=[])], {})
