"""Leads that become one, or two again: no effect doubled, none forgotten, no question left open."""

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.approval import ApprovalState
from domain.errors import BadInput
from domain.signal import LeadKey
from tests.tools.contract.company import ACE, ADA, ENROL, SCORE, TASK, Company
from tests.tools.contract.stores import LEASE, TENANT, AnyStore


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


async def two(company: Company, *kinds: ActionKind, loser: tuple[ActionKind, ...] | None = None) -> None:
    """Two leads, the first of which will stay, each with proposals of its own."""
    await company.decide(*kinds, who=ADA)
    company.later()
    await company.decide(*(kinds if loser is None else loser), who=ACE)
    company.later()


async def end(company: Company, who: LeadKey, move: Move) -> None:
    """Take what there is for a lead and end it by `move`; what is taken for others goes back."""
    lead = await company.lead(who)
    for taken in await company.take():
        if taken.row.lead_id == lead:
            await company.finish(taken, move, sent=move is not Move.PUT_BACK)
        else:
            await company.finish(taken, Move.PUT_BACK, sent=False)


async def test_unsent_actions_move_with_their_lead(company: Company) -> None:
    """To be sent once, for the lead that stays."""
    await two(company, loser=(ENROL,))
    (row,) = await company.store.outbox.rows(TENANT)
    await company.join(ADA, ACE)
    moved = await company.row(row.action_id)
    assert moved.lead_id == await company.lead(ADA) != row.lead_id
    assert moved.origin == row.lead_id
    assert moved.effect_key == f"{moved.lead_id}/enrol/1"
    assert await company.decide(ENROL) == []
    assert (await company.send()).action_id == row.action_id


async def test_of_two_unsent_actions_of_a_kind_one_is_sent(company: Company) -> None:
    """That of the lead that stays."""
    await two(company, TASK)
    await company.join(ADA, ACE)
    assert await company.states() == [("create_task", "proposed", ""), ("create_task", "expired", "merged")]
    await company.send()
    assert not await company.take()


@pytest.mark.parametrize("move", [Move.CONFIRM, Move.LOSE_TRACK, Move.REFUSE])
async def test_what_has_been_sent_still_keeps_its_effect_after_a_merge(company: Company, move: Move) -> None:
    """The joined lead is not sent a second one, whosever the first was."""
    await two(company, loser=(TASK,))
    await end(company, ACE, move)
    await company.join(ADA, ACE)
    assert await company.decide(TASK) == []
    assert not await company.take()


@pytest.mark.parametrize("move", [Move.CONFIRM, Move.LOSE_TRACK])
async def test_what_the_loser_has_in_the_target_stops_what_the_winner_has_not_sent(
    company: Company, move: Move
) -> None:
    """Else the joined lead would have two (I2)."""
    await two(company, TASK)
    await end(company, ACE, move)
    await company.join(ADA, ACE)
    assert (await company.states())[0] == ("create_task", "expired", "merged")
    assert not await company.take()
    assert await company.decide(TASK) == []


async def test_two_that_were_both_sent_stay_what_they_are(company: Company) -> None:
    """Neither is sent again; each can be taken back."""
    await two(company, TASK)
    for taken in await company.take():
        await company.finish(taken)
    await company.join(ADA, ACE)
    rows = await company.store.outbox.rows(TENANT)
    assert [row.state for row in rows] == [ActionState.DONE] * 2
    assert len({row.effect_key for row in rows}) == 1
    assert await company.decide(TASK) == []
    for row in rows:
        await company.store.outbox.undo(TENANT, row.action_id, by="rita", now=company.now)
    assert len(await company.take()) == 1, "of one lead one at a time"


async def test_an_action_on_its_way_ends_where_its_lead_went(company: Company) -> None:
    """Its holder finishes it under the keys it began with."""
    await two(company, loser=(TASK,))
    taken = await company.take_one()
    await company.join(ADA, ACE)
    done = await company.finish(taken)
    assert done.lead_id == await company.lead(ADA)
    assert [step.key for step in done.steps] == [step.key for step in taken.row.steps]


async def test_an_action_whose_effect_is_another_rows_by_now_is_not_sent_again(company: Company) -> None:
    """It was held when its lead was merged, and came back without anything sent."""
    await two(company, TASK)
    held = {taken.row.lead_id: taken for taken in await company.take()}
    loser = held[await company.lead(ACE)]
    await company.finish(held[await company.lead(ADA)])
    await company.join(ADA, ACE)
    await company.finish(loser, Move.PUT_BACK, sent=False)
    assert not await company.take()
    assert sorted(state for _, state, _ in await company.states()) == ["done", "expired"]


async def test_a_hold_lost_over_a_merge_keeps_its_keys(company: Company) -> None:
    """What may have been sent is asked for under the keys it was sent under."""
    await two(company, loser=(TASK,))
    lost = await company.take_one()
    await company.join(ADA, ACE)
    company.later(LEASE)
    again = await company.take_one()
    assert again.row.steps == lost.row.steps
    assert again.row.lead_id == again.lead.lead_id == await company.lead(ADA)
    assert set(again.keys) == {ADA, ACE}


async def test_a_question_about_a_merged_lead_is_decided_anew(company: Company) -> None:
    """The lead that stays is woken; nothing of what was asked is sent."""
    await company.decide(who=ADA)
    company.later()
    approval = await company.ask(TASK, ENROL, who=ACE)
    company.later()
    await company.join(ADA, ACE)
    (ended,) = await company.store.approvals.ended(TENANT)
    assert (ended.state, ended.reason) == (ApprovalState.REDECIDED, "merged")
    assert {state for _, state, _ in await company.states()} == {"expired"}
    with pytest.raises(BadInput):
        await company.vote(approval)
    assert await company.audit("approval") == ["opened", "redecided"]
    assert len(await company.woken()) == 1
    assert await company.decide(TASK)


async def test_a_question_about_the_lead_that_stays_stays_open(company: Company) -> None:
    """Learning that a visitor was this lead changes nothing of what was asked."""
    approval = await company.ask(TASK, who=ADA)
    company.later()
    await company.decide(ENROL, who=ACE)
    await company.join(ADA, ACE)
    assert (await company.vote(approval)).state is ApprovalState.APPROVED
    assert {taken.row.kind for taken in await company.take()} <= {TASK, ENROL}


async def test_a_question_about_what_the_other_lead_was_sent_is_decided_anew(company: Company) -> None:
    """All of it: half of what was looked at is not what was approved."""
    approval = await company.ask(TASK, ENROL, who=ADA)
    company.later()
    await company.decide(TASK, who=ACE)
    await company.send()
    await company.join(ADA, ACE)
    (ended,) = await company.store.approvals.ended(TENANT)
    assert (ended.approval_id, ended.state) == (approval.approval_id, ApprovalState.REDECIDED)
    assert sorted(state for _, state, _ in await company.states()) == ["done", "expired", "expired"]


async def test_a_merge_undone_gives_each_lead_its_effects_back(company: Company) -> None:
    """The one that stayed alone may be sent what the other had."""
    await two(company, loser=(TASK,))
    sent = await company.send()
    await company.join(ADA, ACE)
    company.later()
    await company.part(ADA, ACE)
    back = await company.row(sent.action_id)
    assert back.lead_id == sent.lead_id == await company.lead(ACE) != await company.lead(ADA)
    assert await company.decide(TASK, who=ACE) == []
    assert await company.decide(TASK, who=ADA)


async def test_scores_of_two_leads_do_not_stop_each_other(company: Company) -> None:
    """A score that was written keeps nobody out; of two unsent ones the winner's is written."""
    await two(company, SCORE)
    await end(company, ACE, Move.CONFIRM)
    await company.join(ADA, ACE)
    assert (await company.send()).lead_id == await company.lead(ADA)
    assert await company.decide(SCORE)
