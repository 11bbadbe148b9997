"""A person's word is bound to what was looked at, used once, and without it nothing leaves (I5)."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from domain.approval import Approval, ApprovalState, Terms, VoteKind, hash_of
from domain.errors import BadInput
from domain.ids import Region
from domain.instants import HOUR
from tests.tools.contract.company import ADA, BOB, ENROL, HANDOFF, SCORE, TASK, Company
from tests.tools.contract.stores import OTHER, POLICY, REGION, TENANT, AnyStore


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


async def refusal(company: Company, approval: Approval, by: str = "rita", **given: str) -> str:
    """The code with which a vote is refused."""
    with pytest.raises(BadInput) as refused:
        await company.vote(approval, by, VoteKind.APPROVE, **given)
    return refused.value.code


async def test_a_decision_asks_one_question_about_all_that_waits(company: Company) -> None:
    """Opened with the decision; what reaches nobody goes ahead."""
    await company.decide(SCORE)
    await company.send()
    rows = await company.decide(HANDOFF, ENROL, waiting=True)
    (approval,) = await company.store.approvals.open(TENANT)
    assert approval.action_ids == tuple(row.action_id for row in rows)
    assert approval.proposal_hash == hash_of(row.proposal_hash for row in rows)
    assert {row.approval_id for row in rows} == {approval.approval_id}
    assert approval.approval_id == f"ap_{rows[0].run_id.removeprefix('rn_')}"
    assert (approval.state, approval.policy, approval.terms) == (ApprovalState.OPEN, POLICY, Terms())
    assert approval.expires_at == company.now + 72 * HOUR
    assert await company.audit("approval") == ["opened"]
    assert not await company.take()


async def test_nothing_leaves_before_the_approval(company: Company) -> None:
    """After it, at once."""
    approval = await company.ask(TASK, ENROL)
    assert await company.store.outbox.next_due() is None
    assert not await company.take()
    after = await company.vote(approval)
    assert (after.state, after.decided_at) == (ApprovalState.APPROVED, company.now)
    assert [vote.by for vote in after.votes] == ["rita"]
    assert (await company.send()).kind is TASK
    assert (await company.send()).kind is ENROL
    assert await company.audit("approval") == ["opened", "approve", "released"]
    assert await company.store.approvals.get(TENANT, approval.approval_id) == after


async def test_of_two_hundred_approvals_of_one_proposal_one_counts(company: Company) -> None:
    """Fifty at a time, by four people: one releases it, all others are told that it was used (I5)."""
    approval = await company.ask(TASK)
    gate, codes, done = asyncio.Semaphore(50), Counter[str](), list[Approval]()

    async def one(number: int) -> None:
        async with gate:
            try:
                done.append(await company.vote(approval, f"p{number % 4}"))
            except BadInput as refused:
                codes[refused.code] += 1

    await asyncio.gather(*(one(number) for number in range(200)))
    assert [after.state for after in done] == [ApprovalState.APPROVED]
    assert codes.total() == 199
    assert set(codes) <= {"used", "twice"}
    assert (await company.audit("deliver")).count("moved:proposed") == 1
    assert [len(await company.take()) for _ in range(2)] == [1, 0]


async def test_one_rejection_rejects(company: Company) -> None:
    """For the whole episode."""
    approval = await company.ask(TASK, ENROL)
    after = await company.vote(approval, kind=VoteKind.REJECT)
    assert after.state is ApprovalState.REJECTED
    assert {state for _, state, _ in await company.states()} == {"rejected"}
    assert not await company.take()
    assert await company.decide(TASK, waiting=True) == []
    assert await refusal(company, approval) == "used"
    assert await company.audit("approval") == ["opened", "reject"]


async def test_an_approval_is_bound_to_what_was_looked_at(company: Company) -> None:
    """Another hash, another approval, another tenant: nothing is sent."""
    approval = await company.ask(TASK)
    assert await refusal(company, approval, proposal_hash="0" * 64) == "changed"
    assert await refusal(company, approval, by=" ") == "missing"
    assert await refusal(company, approval, comment="x" * 2_001) == "too_long"
    for tenant, name in ((OTHER, approval.approval_id), (TENANT, "ap_nobody")):
        with pytest.raises(BadInput, match="not known"):
            await company.store.approvals.vote(
                tenant,
                name,
                kind=VoteKind.APPROVE,
                proposal_hash=approval.proposal_hash,
                by="rita",
                policy=POLICY,
                now=company.now,
            )
    assert await company.store.approvals.get(TENANT, approval.approval_id) == approval
    assert not await company.take()


async def test_an_approval_under_other_tables_sends_nothing(company: Company) -> None:
    """The lead is decided anew under those in force; a no is a no under any."""
    approval = await company.ask(TASK)
    after = await company.vote(approval, policy="p2")
    assert (after.state, after.reason, after.votes) == (ApprovalState.REDECIDED, "policy", ())
    assert await company.states() == [("create_task", "expired", "policy")]
    assert await company.woken() == ["redo"]
    assert await company.audit("approval") == ["opened", "redecided"]
    again = await company.ask(TASK)
    assert (await company.vote(again, kind=VoteKind.REJECT, policy="p2")).state is ApprovalState.REJECTED


async def test_what_nobody_decides_in_time_is_never_sent(company: Company) -> None:
    """The lead is woken, and may be asked about again."""
    approval = await company.ask(TASK)
    company.now = approval.expires_at - 1
    assert await company.store.approvals.expire(now=company.now) == 0
    company.later(1)
    assert await company.store.approvals.expire(now=company.now) == 1
    assert await company.store.approvals.expire(now=company.now) == 0
    assert await company.states() == [("create_task", "expired", "expired")]
    assert await company.woken() == ["approval_expired"]
    assert await company.audit("approval") == ["opened", "expired"]
    assert (await company.ask(TASK)).state is ApprovalState.OPEN


async def test_a_word_that_comes_too_late_sends_nothing(company: Company) -> None:
    """Also when nothing has looked at the clock since."""
    approval = await company.ask(TASK)
    company.now = approval.expires_at
    assert await refusal(company, approval) == "used"
    assert (await company.states())[0][1] == "expired"
    assert await company.woken() == ["approval_expired"]


async def test_an_approval_is_found_by_whatever_it_is_about(company: Company) -> None:
    """Its decision and each of its actions."""
    approval = await company.ask(TASK, ENROL)
    for name in (approval.approval_id, approval.decision_id, *approval.action_ids):
        assert await company.store.approvals.get(TENANT, name) == approval
        assert await company.store.approvals.get(OTHER, name) is None
    assert await company.store.approvals.get(TENANT, "dc_nobody") is None


async def test_a_question_can_be_given_to_somebody_else(company: Company) -> None:
    """As long as it is open; no name gets into the log."""
    approval = await company.ask(TASK)
    approvals = company.store.approvals
    given = await approvals.assign(TENANT, approval.approval_id, to="omar", by="rita", now=company.now)
    assert given.assignee == "omar"
    assert await approvals.open(TENANT) == [given]
    await company.vote(approval, "omar", comment="Call her, she asked for omar")
    with pytest.raises(BadInput):
        await approvals.assign(TENANT, approval.approval_id, to="rita", by="omar", now=company.now)
    said = str(await company.store.reads.audit_rows(TENANT))
    assert "omar" not in said
    assert "rita" not in said
    (ended,) = await approvals.ended(TENANT)
    assert ended.votes[0].comment == "Call her, she asked for omar"


async def test_an_effect_that_is_open_is_not_asked_about_again(company: Company) -> None:
    """Neither while a person thinks nor afterwards."""
    await company.ask(TASK)
    assert await company.decide(TASK, waiting=True) == []
    both = await company.decide(TASK, ENROL, waiting=True)
    assert [row.kind for row in both] == [ENROL]
    assert [len(one.action_ids) for one in await company.store.approvals.open(TENANT)] == [1, 1]


async def test_lists_are_in_order(company: Company) -> None:
    """Open ones the oldest first, ended ones the newest first."""
    asked = []
    for who in (ADA, BOB):
        asked.append((await company.ask(TASK, who=who)).approval_id)
        company.later()
    approvals = company.store.approvals
    assert [one.approval_id for one in await approvals.open(TENANT)] == asked
    assert [one.approval_id for one in await approvals.open(TENANT, limit=1)] == asked[:1]
    assert await approvals.open(TENANT, region=REGION) == await approvals.open(TENANT)
    assert await approvals.open(TENANT, region=Region("elsewhere")) == []
    opened: dict[str, Any] = {"states": [ApprovalState.OPEN], "after": None, "limit": 9}
    assert len(await approvals.page(TENANT, **opened, region=REGION)) == len(asked)
    assert await approvals.page(TENANT, **opened, region=Region("elsewhere")) == []
    for approval in await approvals.open(TENANT):
        await company.vote(approval)
        company.later()
    assert [one.approval_id for one in await approvals.ended(TENANT)] == asked[::-1]
    assert [one.approval_id for one in await approvals.ended(TENANT, limit=1)] == asked[1:]
    assert await approvals.ended(TENANT, states=[ApprovalState.REJECTED]) == []
    assert await approvals.open(OTHER) == await approvals.ended(OTHER) == []


async def test_as_many_different_people_as_policy_asks(company: Company) -> None:
    """The same person typed otherwise is the same person."""
    company.terms = Terms(people=2, hours=1)
    approval = await company.ask(TASK)
    assert (approval.terms, approval.expires_at) == (company.terms, company.now + HOUR)
    first = await company.vote(approval, "Rita")
    assert first.state is ApprovalState.OPEN
    for same in ("Rita", "rita ", "RITA"):
        assert await refusal(company, approval, by=same) == "twice"
    assert not await company.take()
    assert (await company.vote(approval, "Omar")).state is ApprovalState.APPROVED
    assert await company.audit("approval") == ["opened", "approve", "approve", "released"]


async def test_who_has_approved_may_still_say_no(company: Company) -> None:
    """As long as others are missing."""
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    await company.vote(approval)
    after = await company.vote(approval, kind=VoteKind.REJECT)
    assert after.state is ApprovalState.REJECTED
    assert [vote.kind for vote in after.votes] == [VoteKind.APPROVE, VoteKind.REJECT]


async def test_a_privacy_deletion_ends_the_question(company: Company) -> None:
    """And nobody is woken."""
    approval = await company.ask(TASK)
    await company.forget()
    (ended,) = await company.store.approvals.ended(TENANT)
    assert (ended.state, ended.reason) == (ApprovalState.EXPIRED, "suppressed")
    assert await company.states() == [("create_task", "expired", "suppressed")]
    assert await refusal(company, approval) == "used"
    assert "approval_expired" not in await company.woken()
