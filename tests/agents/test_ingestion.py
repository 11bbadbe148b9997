"""Ingestion: what may be used, in whatever order it came."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.ingestion import take_in
from domain.errors import Permanent
from domain.ids import AccountId
from domain.instants import DAY, HOUR
from domain.intake import Intake
from domain.kinds import Kind
from domain.lead import EVENT_CAP, AccountSnapshot, LeadState, PastAction
from domain.signal import Consent, Signal
from tests.agents.leads import LEAD, NOW, catalogue, days_ago, histories, run_of, signal


async def taken(*new: Signal, lead: LeadState = LEAD, as_of: int = NOW) -> Intake:
    return await take_in(run_of(*new, lead=lead, as_of=as_of), catalogue=catalogue())


def view(at: int, ref: str = "view") -> Signal:
    return signal(Kind.PAGE_VIEW, at, ref, page="/pricing")


def click(at: int, ref: str = "click") -> Signal:
    return signal(Kind.EMAIL_CLICKED, at, ref, link="x")


def consent(status: str, at: int, ref: str, purpose: str = "marketing") -> Signal:
    return signal(Kind.CONSENT, at, ref, status=status, purpose=purpose)


async def test_a_privacy_deletion_stops_everything_and_lets_go_of_what_was_known() -> None:
    before = (await taken(view(days_ago(1)))).lead
    intake = await taken(view(NOW, "2"), signal(Kind.PRIVACY_DELETE, NOW, "3"), lead=before)
    assert intake.suppressed
    assert intake.lead.suppressed
    assert intake.lead.events == ()
    assert intake.features == {}
    assert intake.superseded == ("s:2",)
    assert intake.lawful == "none"


async def test_a_suppressed_lead_takes_nothing_in() -> None:
    intake = await taken(view(NOW), lead=replace(LEAD, suppressed=True))
    assert intake.suppressed
    assert intake.lead.events == ()
    assert intake.superseded == ("s:view",)
    assert intake.accepted == ()


async def test_refused_marketing_takes_marketing_out_of_use_and_leaves_the_rest() -> None:
    intake = await taken(click(days_ago(3)), view(days_ago(2)), consent("denied", days_ago(1), "c"))
    assert intake.features["decayed.marketing.email_clicked"] == 0
    assert intake.features["count.page.pricing.7d"] == 1
    assert intake.lawful == "no_marketing"
    assert intake.flags == ("marketing_unused",)
    assert intake.features["consent"] == "denied"


async def test_what_happened_during_a_refusal_stays_out_for_good() -> None:
    intake = await taken(
        click(days_ago(5), "before"),
        consent("withdrawn", days_ago(4), "no"),
        click(days_ago(3), "during"),
        consent("granted", days_ago(2), "yes"),
        click(days_ago(1), "after"),
    )
    assert intake.features["count.marketing.email_clicked.30d"] == 2
    assert intake.lawful == "consent"


async def test_a_grant_that_a_source_states_by_default_lifts_no_explicit_refusal() -> None:
    refused = consent("denied", days_ago(2), "no", purpose="all")
    stated = signal(Kind.PAGE_VIEW, days_ago(1), "2", consent=Consent.GRANTED, page="/blog")
    intake = await taken(refused, stated)
    assert intake.lawful == "record_only"
    assert "consent_refused" in intake.flags


async def test_refused_marketing_is_told_as_a_refusal_even_after_a_grant_for_sales() -> None:
    intake = await taken(
        consent("denied", days_ago(2), "no"), consent("granted", days_ago(1), "yes", purpose="sales")
    )
    assert intake.features["consent"] == "denied"


@given(history=histories(), data=st.data())
async def test_order_batches_and_repetition_make_no_difference(
    history: tuple[Signal, ...], data: st.DataObject
) -> None:
    """I4, on everything that ingestion says."""
    at_once = await taken(*history)
    shuffled = data.draw(st.permutations([*history, *history[::2]]))
    lead = LEAD
    while shuffled:
        size = data.draw(st.integers(1, len(shuffled)))
        lead = (await taken(*shuffled[:size], lead=lead)).lead
        shuffled = shuffled[size:]
    again = await taken(lead=lead)
    assert again.features == at_once.features
    assert (again.lawful, again.flags) == (at_once.lawful, at_once.flags)
    assert again.lead == at_once.lead


async def test_what_lies_beyond_the_cap_is_superseded_and_said_so() -> None:
    full = [view(NOW - number * HOUR, f"{number}") for number in range(EVENT_CAP)]
    lead = (await taken(*full)).lead
    intake = await taken(view(NOW - 5_000 * HOUR, "old"), view(NOW - 1, "new"), lead=lead)
    assert intake.superseded == ("s:old",)
    assert [one.id for one in intake.accepted] == ["new"]
    assert "over_cap" in intake.flags
    assert len(intake.lead.events) == EVENT_CAP
    assert intake.lead.dropped == 2


async def test_an_outcome_closes_the_episode_and_reverting_opens_it_again() -> None:
    lost = signal(Kind.OUTCOME, days_ago(10), "lost", result="lost")
    back = signal(Kind.OUTCOME, days_ago(9), "back", result="reverted")
    assert (await taken(view(days_ago(20)))).lead.episode == 1
    assert (await taken(view(days_ago(20)), lost)).lead.episode == 2
    assert (await taken(view(days_ago(20)), lost, back)).lead.episode == 1


async def test_two_entries_about_one_outcome_are_one() -> None:
    first = signal(Kind.OUTCOME, days_ago(10), "1", result="won")
    entry = signal(Kind.ACTIVITY, days_ago(10) + HOUR, "2", type="call")
    second = signal(Kind.OUTCOME, days_ago(10) + 2 * HOUR, "3", result="won")
    assert (await taken(view(days_ago(11)), first, entry, second)).lead.episode == 2


async def test_a_new_sign_after_an_outcome_opens_an_episode_that_can_close_again() -> None:
    first = signal(Kind.OUTCOME, days_ago(30), "1", result="lost")
    second = signal(Kind.OUTCOME, days_ago(5), "2", result="won")
    assert (await taken(first, view(days_ago(20)), second)).lead.episode == 3


async def test_half_a_year_of_silence_closes_the_episode() -> None:
    assert (await taken(view(days_ago(179)))).lead.episode == 1
    assert (await taken(view(days_ago(180)))).lead.episode == 2
    assert (await taken(view(days_ago(400)), view(days_ago(2), "2"))).lead.episode == 2


async def test_the_number_of_the_episode_does_not_fall_when_events_fall_off() -> None:
    lead = replace(LEAD, episode=4, dropped=3)
    assert (await taken(view(NOW), lead=lead)).lead.episode == 4


async def test_the_crm_says_who_owns_the_lead() -> None:
    said = signal(Kind.OWNER_CHANGE, days_ago(3), "1", owner="ann")
    later = signal(Kind.IDENTIFY, days_ago(1), "2", owner="bob")
    assert (await taken(said)).lead.owner == "ann"
    assert (await taken(said, later)).lead.owner == "bob"
    assert (await taken(view(NOW), lead=replace(LEAD, owner="cleo"))).lead.owner == "cleo"


async def test_the_newer_of_our_assignment_and_the_crm_counts() -> None:
    assigned = replace(LEAD, owner="ann", actions=(PastAction("assign_owner", days_ago(2), 1),))
    before = signal(Kind.OWNER_CHANGE, days_ago(3), "1", owner="bob")
    after = signal(Kind.OWNER_CHANGE, days_ago(1), "2", owner="cleo")
    assert (await taken(before, lead=assigned)).lead.owner == "ann"
    assert (await taken(before, after, lead=assigned)).lead.owner == "cleo"


async def test_another_tenants_signal_never_enters_a_run() -> None:
    foreign = signal(Kind.PAGE_VIEW, page="/pricing", tenant="other")
    with pytest.raises(Permanent, match="another tenant"):
        await taken(foreign)
    with pytest.raises(Permanent, match="another tenant"):
        await take_in(run_of(recent=[foreign]), catalogue=catalogue())


async def test_features_of_the_account_stand_beside_those_of_the_lead() -> None:
    account = AccountSnapshot(AccountId("acme"), 1, NOW, {"account.members": 3, "plan": "x"})
    intake = await take_in(run_of(view(NOW), account=account), catalogue=catalogue())
    assert intake.features["account.members"] == 3
    assert intake.features["account.plan"] == "x"


async def test_a_signal_from_the_future_is_kept_flagged_and_not_counted_yet() -> None:
    intake = await taken(view(NOW + DAY))
    assert intake.flags == ("clock_ahead",)
    assert intake.features["count.page.pricing.7d"] == 0
    assert (await taken(lead=intake.lead, as_of=NOW + DAY)).features["count.page.pricing.7d"] == 1
    assert (await taken(view(NOW + 60_000_000))).flags == ()
