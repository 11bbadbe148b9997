"""What whoever looks from outside asks: pages, newest decisions, a history, audit rows; each of one tenant."""

import pytest

from domain.approval import ApprovalState
from domain.chain import link
from domain.ids import DecisionId, RunId
from tests.tools.contract.company import ADA, BOB, ENROL, SCORE, TASK, Company
from tests.tools.contract.stores import OTHER, TENANT, AnyStore, states


@pytest.fixture
async def company(store: AnyStore) -> Company:
    """A lead with two decisions, actions and a question; another with one."""
    company = Company(store)
    await company.decide(SCORE)
    company.later()
    await company.ask(TASK, ENROL)
    company.later()
    await company.ask(TASK, who=BOB)
    return company


async def test_leads_go_on_after_a_given_one(company: Company) -> None:
    """In the order of their ids."""
    first, second = [one.lead_id for one in await states(company.store)]
    reads = company.store.reads
    assert [one.lead_id async for some in reads.leads(TENANT, after=first) for one in some] == [second]
    assert [some async for some in reads.leads(TENANT, after=second)] == []


async def test_the_newest_decision_of_each_lead_is_found_at_once(company: Company) -> None:
    """Without the sealed input."""
    reads, leads = company.store.reads, [await company.lead(who) for who in (ADA, BOB)]
    found = await reads.latest_decisions(TENANT, leads)
    assert set(found) == set(leads)
    for lead, one in found.items():
        newest = await reads.latest_decision(TENANT, lead)
        assert newest is not None
        assert (one.decision_id, one.content, one.record) == (newest.decision_id, newest.content, None)
    assert await reads.latest_decisions(OTHER, leads) == {}
    assert await reads.latest_decisions(TENANT, []) == {}


async def test_a_history_tells_each_thing_once_newest_first_however_it_is_cut(company: Company) -> None:
    """Signals, decisions, actions and questions of one lead, and of no other."""
    reads, lead = company.store.reads, await company.lead()
    whole = await reads.happened(TENANT, lead)
    assert [one.place for one in whole] == sorted({one.place for one in whole}, reverse=True)
    assert (
        sorted(one.what for one in whole) == ["action"] * 3 + ["approval"] + ["decision"] * 2 + ["signal"] * 2
    )
    assert {one.state for one in whole if one.what == "approval"} == {"open"}
    assert {one.kind for one in whole if one.what == "action"} == {SCORE, TASK, ENROL}
    assert all((one.content is not None) == (one.what == "decision") for one in whole)
    for limit in (1, 3):
        cut, before = list(whole[:0]), None
        while some := await reads.happened(TENANT, lead, before=before, limit=limit):
            assert len(some) <= limit
            cut += some
            before = some[-1].place
        assert cut == list(whole)
    assert await reads.happened(OTHER, lead) == []


async def test_the_rows_of_a_run_come_as_they_are_stored_each_with_the_hash_before_it(
    company: Company,
) -> None:
    """So that anybody can check them."""
    newest = await company.store.reads.latest_decision(TENANT, await company.lead())
    assert newest is not None
    rows = await company.store.reads.audit_links(TENANT, newest.run_id)
    assert rows
    assert [row.seq for row in rows] == sorted(row.seq for row in rows)
    for row in rows:
        assert row.hash == link(row.prev, row.body)
        assert row.prev == row.before
    assert await company.store.reads.audit_links(OTHER, newest.run_id) == []
    assert await company.store.reads.audit_links(TENANT, RunId("rn_none")) == []


async def test_questions_come_page_by_page_the_oldest_first(company: Company) -> None:
    """In the states that were asked for."""
    approvals, states_ = company.store.approvals, [ApprovalState.OPEN]
    first, second = await approvals.page(TENANT, states=states_, after=None, limit=9)
    assert first.asked_at < second.asked_at
    after = (first.asked_at, first.approval_id)
    assert await approvals.page(TENANT, states=states_, after=None, limit=1) == [first]
    assert await approvals.page(TENANT, states=states_, after=after, limit=9) == [second]
    await company.vote(first)
    ended = await approvals.page(TENANT, states=[ApprovalState.APPROVED], after=None, limit=9)
    assert [one.approval_id for one in ended] == [first.approval_id]
    assert await approvals.page(OTHER, states=list(ApprovalState), after=None, limit=9) == []


async def test_the_actions_of_a_lead_come_newest_first(company: Company) -> None:
    """So many and no more."""
    outbox, lead = company.store.outbox, await company.lead()
    rows = await outbox.of_lead(TENANT, lead)
    assert [row.kind for row in rows][-1] is SCORE
    assert {row.kind for row in rows} == {SCORE, TASK, ENROL}
    assert await outbox.of_lead(TENANT, lead, limit=2) == rows[:2]
    assert await outbox.of_lead(OTHER, lead) == []
    assert await outbox.of_decision(TENANT, DecisionId("dc_none")) == []
