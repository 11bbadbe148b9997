"""What a person fixed: the verdict's owner, the score's points; nothing else of what the agents remember."""

from dataclasses import replace
from functools import cache

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.policy import review
from agents.scoring import COOLING
from domain.band import step
from domain.decision import RunInput
from domain.instants import DAY, HOUR
from domain.kinds import Kind
from domain.lead import Band, BandState
from domain.override import Override, OverrideKind
from domain.policy import Verdict
from domain.ports.policy import Policy
from domain.score import MICRO_POINT
from domain.signal import Signal
from tests.agents.leads import CONFIG, NOW, days_ago, histories, run, run_of, says, scorer, signal
from tests.agents.policy_leads import MONDAY_NOON, ORDINARY, Case, any_case, kinds, rules
from tools.policy.load import load_policy

SAID = NOW - 2 * DAY
KEEN = (
    signal(Kind.IDENTIFY, NOW - DAY, "0", seniority="vp", buyer_role="champion", employees=300),
    signal(Kind.FORM, NOW - 2 * HOUR, "1", form="demo"),
    signal(Kind.PAGE_VIEW, NOW - HOUR, "2", page="/pricing"),
    says("How much is it for 300 people? We are ready to buy.", NOW, "4"),
)
"""A lead that wants to buy, and cools down if it falls silent."""


def points(value: int, until: int | None = None) -> Override:
    """Points that a person has fixed two days ago."""
    return Override("ov_1", OverrideKind.POINTS, str(value), SAID, until)


def owner(name: str, until: int | None = None) -> Override:
    """An owner that a person has fixed."""
    return Override("ov_2", OverrideKind.OWNER, name, MONDAY_NOON - DAY, until)


def but(given: RunInput, *overrides: Override) -> RunInput:
    """The same run, told of overrides."""
    return replace(given, overrides=overrides)


@cache
def policy() -> Policy:
    """The tables that ship."""
    return load_policy(CONFIG / "policies")


async def decided(case: Case, *overrides: Override) -> Verdict:
    """What policy decides under overrides."""
    return await review(
        but(case.given(), *overrides),
        features={**ORDINARY, **case.features},
        reading=case.reading(),
        score=case.score(),
        band=BandState(case.band, case.at, case.at - DAY),
        previous=BandState(case.previous, case.at - DAY, case.at - 2 * DAY),
        policy=policy(),
    )


@given(history=histories(), value=st.integers(1, 99))
@settings(max_examples=40)
async def test_the_score_shown_is_the_one_a_person_fixed_and_the_ledger_still_sums(
    history: tuple[Signal, ...], value: int
) -> None:
    plain = (await run(run_of(*history))).assessment
    assume(0 < plain.score.points < 100)
    told = (await run(but(run_of(*history), points(value)))).assessment
    score = told.score
    assert score.points == value
    assert score.ledger[:-1] == plain.score.ledger
    assert (score.ledger[-1].name, score.ledger[-1].micro) == (
        "override",
        (value - plain.score.points) * MICRO_POINT,
    )
    assert (score.fit, score.engagement, score.cold_start) == (plain.score.fit, plain.score.engagement, False)
    assert told.words[0] == f"A person set the points to {value}; baseline-v0 gives {plain.score.points}."


@given(history=histories(), value=st.integers(1, 99))
@settings(max_examples=40)
async def test_the_band_is_the_one_that_the_points_enter_and_hysteresis_remembers_nothing_of_it(
    history: tuple[Signal, ...], value: int
) -> None:
    plain = (await run(run_of(*history))).assessment
    assume(0 < plain.score.points < 100)
    told = await run(but(run_of(*history), points(value)))
    band = told.assessment.band
    assert band.band is step(Band.COLD, value, scorer().thresholds)
    assert 0 < band.since <= SAID or band.band is plain.band.band
    assert (band.settled, band.settled_since, band.folded_to, band.seen) == (
        plain.band.settled,
        plain.band.settled_since,
        plain.band.folded_to,
        plain.band.seen,
    )
    freed = (await run(run_of(lead=told.lead))).assessment
    assert (freed.score.points, freed.band.band) == (plain.score.points, plain.band.band)


async def test_fixed_points_do_not_cool_down_and_end_with_their_date() -> None:
    assert (await run(run_of(*KEEN))).assessment.next_due is not None
    for until in (None, NOW + 900 * DAY):
        due = (await run(but(run_of(*KEEN), points(90, until)))).assessment.next_due
        assert (due.due_at if due else None, due.reason if due else "override") == (until, "override")


async def test_a_lead_whose_owner_is_free_again_soon_is_woken_then_or_sooner() -> None:
    """Whatever comes first; the run that it wakes finds the other again."""
    cools = (await run(run_of(*KEEN))).assessment.next_due
    assert cools is not None
    for until, reason in ((cools.due_at - 1, "override"), (cools.due_at + 1, COOLING)):
        due = (await run(but(run_of(*KEEN), owner("bob", until)))).assessment.next_due
        assert due is not None
        assert (due.due_at, due.reason) == (min(until, cools.due_at), reason)


async def test_a_known_outcome_stands() -> None:
    """0 and 100 say what happened, not what somebody thinks."""
    for result, shown in (("won", 100), ("lost", 0)):
        sold = signal(Kind.OUTCOME, days_ago(1), "1", result=result)
        told = (await run(but(run_of(sold), points(60)))).assessment
        assert told.score.points == shown
        assert told.band.band is Band.COLD
        assert told.score.ledger[-1].name != "override"
        assert "that stands" in told.words[0]


@given(case=any_case, name=st.sampled_from(["ann", "bob", "cleo", "somebody_else", "nobody_known"]))
@settings(max_examples=40)
async def test_whatever_routing_says_the_owner_is_the_one_a_person_fixed(case: Case, name: str) -> None:
    verdict = await decided(case, owner(name))
    assert verdict.owner == name
    assert rules(verdict, "override") == ["owner"]
    for action in verdict.actions:
        assert action.params.get("owner") in (None, name)
    if "assign_owner" in kinds(verdict):
        assert case.owner != name, "a lead that is theirs already is not given to them again"
    assert verdict.due_reason != "capacity_free"


@given(case=any_case)
@settings(max_examples=40)
async def test_a_fixed_owner_moves_nothing_but_what_is_about_the_owner(case: Case) -> None:
    """What may be done at all is decided as before: what is added or dropped is the assignment, or waits for nobody."""
    plain, told = await decided(case), await decided(case, owner("zoe"))
    assume(plain.due_reason != "capacity_free" and "nobody_free" not in str(plain.rules))
    before, after = set(kinds(plain)), set(kinds(told))
    assert before ^ after <= {"assign_owner"}


async def test_a_fixed_owner_is_assigned_in_their_own_team_even_without_room() -> None:
    """A person's word goes beyond what routing may give to anybody."""
    full = tuple(replace(rep, load=rep.capacity) for rep in Case().reps)
    verdict = await decided(Case(reps=full), owner("cleo"))
    (assign,) = [action for action in verdict.actions if action.kind == "assign_owner"]
    assert assign.params == {"owner": "cleo", "team": "enterprise"}
    task = next(action for action in verdict.actions if action.kind == "create_task")
    assert task.params["owner"] == "cleo"


async def test_a_lead_with_another_owner_is_given_to_the_one_who_was_fixed() -> None:
    other = await decided(Case(owner="ann"), owner("bob"))
    same = await decided(Case(owner="bob"), owner("bob"))
    assert "assign_owner" in kinds(other)
    assert "assign_owner" not in kinds(same)
    assert "assign_owner" not in kinds(await decided(Case(owner="ann")))
