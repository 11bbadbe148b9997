"""Scoring: the score with its reasons, the band in any order, and cooling down by itself."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.scoring import AHEAD, COOLING
from domain.band import lateness
from domain.ids import AccountId
from domain.instants import DAY, HOUR
from domain.kinds import Kind
from domain.lead import AccountSnapshot, Band, BandState, LeadState
from domain.score import MICRO_POINT
from domain.signal import Signal
from tests.agents.leads import LEAD, NOW, Ran, days_ago, histories, run, run_of, says, scorer, signal


def keen(at: int = NOW) -> list[Signal]:
    """A lead that wants to buy."""
    return [
        signal(Kind.IDENTIFY, at - DAY, "0", seniority="vp", buyer_role="champion", employees=300),
        signal(Kind.FORM, at - 2 * HOUR, "1", form="demo"),
        signal(Kind.PAGE_VIEW, at - HOUR, "2", page="/pricing"),
        signal(Kind.PAGE_VIEW, at - HOUR, "3", page="/contact"),
        says("How much is it for 300 people? We are ready to buy.", at, "4"),
    ]


async def asked(lead: LeadState, as_of: int, *, afresh: bool = False) -> Ran:
    """The answer without anything new; `afresh` folds the band from the first event."""
    return await run(run_of(lead=replace(lead, band=BandState()) if afresh else lead, as_of=as_of))


async def test_a_lead_that_wants_to_buy_is_hot_and_the_score_says_why() -> None:
    assessment = (await run(run_of(*keen()))).assessment
    score = assessment.score
    assert assessment.band.band is Band.HOT
    assert sum(part.micro for part in score.ledger) == score.points * MICRO_POINT
    reasons = {part.name: part for part in score.ledger}
    assert reasons["engagement.web.form"].signals == ("s:1",)
    assert reasons["intent.purchase"].signals == ("s:4", "s:3")
    assert reasons["fit.seniority"].signals == ("s:0",)
    assert str(score.points) in assessment.words[0]


async def test_a_lead_of_which_nothing_is_known_is_cold_and_says_so() -> None:
    assessment = (await run(run_of())).assessment
    assert assessment.band.band is Band.COLD
    assert assessment.score.cold_start
    assert assessment.score.confidence == 0
    assert assessment.next_due is None
    assert any("Too few signals" in sentence for sentence in assessment.words)


async def test_a_hot_lead_that_falls_silent_cools_down_by_itself_step_by_step() -> None:
    ran = await run(run_of(*keen()))
    seen = [ran.assessment.band.band]
    now = int(NOW)
    while ran.assessment.next_due is not None:
        due = ran.assessment.next_due
        assert due.reason == COOLING
        assert due.due_at > now
        early = await asked(ran.lead, due.due_at - lateness((due.due_at - now) // HOUR) * HOUR)
        assert early.assessment.band.band is seen[-1]
        now = due.due_at
        ran = await asked(ran.lead, now)
        seen.append(ran.assessment.band.band)
    assert seen == [Band.HOT, Band.WARM, Band.COLD]
    assert now - NOW < 120 * DAY


@given(history=histories())
@settings(max_examples=40)
async def test_whoever_is_silent_for_half_a_year_is_cold(history: tuple[Signal, ...]) -> None:
    lead = (await run(run_of(*history))).lead
    assert (await asked(lead, NOW + 181 * DAY)).assessment.band.band is Band.COLD


@given(history=histories(), data=st.data())
@settings(max_examples=80, deadline=None)
async def test_any_order_and_batching_gives_the_same_score_and_band(
    history: tuple[Signal, ...], data: st.DataObject
) -> None:
    """I4, through three agents: batches come late, doubled, and at whatever time."""
    at_once = await run(run_of(*history))
    shuffled = data.draw(st.permutations([*history, *history[::3]]))
    lead, as_of = LEAD, NOW - 370 * DAY
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        as_of += data.draw(st.integers(0, NOW - as_of))
        lead = (await run(run_of(*shuffled[:size], lead=lead, as_of=as_of))).lead
        shuffled = shuffled[size:]
    then = await asked(lead, NOW)
    assert then.intake.features == at_once.intake.features
    assert then.reading.confidences == at_once.reading.confidences
    assert then.assessment.score == at_once.assessment.score
    assert then.assessment.band.band is at_once.assessment.band.band
    fresh = await asked(lead, NOW, afresh=True)
    assert fresh.assessment.band.settled is then.assessment.band.settled
    assert fresh.assessment.score == at_once.assessment.score


async def test_the_company_moves_the_score_of_the_day_and_not_what_the_fold_remembers() -> None:
    active = AccountSnapshot(
        AccountId("acme"), 1, NOW, {"account.decayed.engagement": 40_000_000, "account.members.active.30d": 5}
    )
    alone = await run(run_of(*keen()))
    together = await run(run_of(*keen(), account=active))
    assert together.assessment.score.points > alone.assessment.score.points
    assert together.assessment.band.settled is alone.assessment.band.settled
    assert together.assessment.next_due is not None
    assert alone.assessment.next_due is not None
    assert together.assessment.next_due.due_at > alone.assessment.next_due.due_at


async def test_refused_marketing_does_not_score_at_the_time_of_the_refusal_or_after() -> None:
    webinars = [signal(Kind.WEBINAR, days_ago(3), f"{i}", webinar="product") for i in range(6)]
    refused = signal(Kind.CONSENT, days_ago(1), "no", status="denied", purpose="marketing")
    names = {part.name for part in (await run(run_of(*webinars))).assessment.score.ledger}
    assert "engagement.marketing.webinar" in names
    after = {part.name for part in (await run(run_of(*webinars, refused))).assessment.score.ledger}
    assert "engagement.marketing.webinar" not in after
    assert "intent.demo" not in after
    assert "against.consent" in after


@pytest.mark.parametrize(("result", "points"), [("won", 100), ("lost", 0)])
async def test_a_known_outcome_is_the_whole_score_and_nothing_is_left_to_do(result: str, points: int) -> None:
    closed = signal(Kind.OUTCOME, NOW, "9", result=result)
    assessment = (await run(run_of(*keen(NOW - HOUR), closed))).assessment
    assert assessment.score.points == points
    assert [part.name for part in assessment.score.ledger] == ["outcome"]
    assert assessment.band.band is Band.COLD
    assert assessment.next_due is None


async def test_a_signal_dated_ahead_wakes_the_lead_when_its_time_comes() -> None:
    ahead = signal(Kind.FORM, NOW + 3 * HOUR, "9", form="demo")
    ran = await run(run_of(*keen(), ahead))
    assert ran.assessment.next_due is not None
    assert (ran.assessment.next_due.reason, ran.assessment.next_due.due_at) == (AHEAD, NOW + 3 * HOUR)
    then = await asked(ran.lead, NOW + 3 * HOUR)
    assert then.assessment.score.points > ran.assessment.score.points


async def test_the_same_scorer_draws_the_bands_for_everyone() -> None:
    limits = scorer().thresholds
    assert limits.leave_warm < limits.enter_warm <= limits.leave_hot < limits.enter_hot
