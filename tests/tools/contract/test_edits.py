"""A person may change a proposal: what goes out is what that person approved, under a hash of its own (I5)."""

import asyncio
from typing import Any

import pytest

from domain.action import ActionState, proposal_hash
from domain.approval import Approval, ApprovalState, Terms, VoteKind, hash_of
from domain.edit import Edit
from domain.errors import BadInput
from domain.instants import MINUTE
from domain.label import Label, LabelKind, Provenance
from tests.tools.contract.company import ADA, ENROL, HANDOFF, TASK, Company
from tests.tools.contract.stores import OTHER, POLICY, TENANT, AnyStore

OWNER = Edit({"owner": "rep_2"})


def repr_of(value: object) -> str:
    """A name that does not depend on the order of a set."""
    return str((dict(value.values), sorted(value.drop))) if isinstance(value, Edit) else str(value)


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


async def edit(
    company: Company, approval: Approval, change: Edit, by: str = "rita", **given: Any
) -> Approval:
    """Change what was looked at unless `given` says otherwise."""
    said = {"proposal_hash": approval.proposal_hash, "policy": POLICY, **given}
    return await company.store.approvals.edit(
        TENANT, approval.approval_id, edit=change, by=by, now=company.now, **said
    )


async def refusal(company: Company, approval: Approval, change: Edit = OWNER, **given: Any) -> str:
    with pytest.raises(BadInput) as refused:
        await edit(company, approval, change, **given)
    return refused.value.code


async def edits(company: Company) -> list[Label]:
    return [one for one in await company.store.feedback.labels(TENANT) if one.kind is LabelKind.EDIT]


async def test_what_goes_out_is_what_the_person_wrote_under_a_hash_of_its_own(company: Company) -> None:
    """The old question is closed as edited, its actions never go out."""
    approval = await company.ask(TASK)
    after = await edit(company, approval, Edit({"owner": "rep_2", "title": "Call  Ada "}))
    assert (after.state, after.proposal_hash != approval.proposal_hash) == (ApprovalState.APPROVED, True)
    assert [(vote.by, vote.kind) for vote in after.votes] == [("rita", VoteKind.APPROVE)]
    sent = await company.send()
    assert sent.params == {"queue": "inbound", "owner": "rep_2", "title": "Call Ada"}
    assert sent.proposal_hash == proposal_hash(TASK, sent.origin, sent.params, sent.episode)
    assert after.proposal_hash == hash_of([sent.proposal_hash])
    assert await company.states() == [("create_task", "expired", "edited"), ("create_task", "done", "")]
    assert not await company.take()
    before = await company.store.approvals.get(TENANT, approval.approval_id)
    assert before is not None
    assert (before.state, before.votes) == (ApprovalState.EDITED, ())
    assert await company.store.approvals.get(TENANT, approval.decision_id) == after
    assert after.edited is not None
    assert (after.edited.origin, after.edited.by) == (approval.approval_id, "rita")
    assert await company.audit("approval") == ["opened", "edited", "opened", "approve", "released"]


async def test_the_edited_form_keeps_the_time_and_the_terms_of_the_question(company: Company) -> None:
    """Where two people are needed, the edit is the first word."""
    company.terms = Terms(people=2, hours=5)
    approval = await company.ask(TASK)
    assigned = await company.store.approvals.assign(
        TENANT, approval.approval_id, to="omar", by="rita", now=company.now
    )
    company.later(MINUTE)
    after = await edit(company, assigned, OWNER)
    assert (after.state, after.terms, after.asked_at) == (
        ApprovalState.OPEN,
        approval.terms,
        approval.asked_at,
    )
    assert (after.expires_at, after.assignee) == (approval.expires_at, "omar")
    assert not await company.take()
    assert await company.store.approvals.open(TENANT) == [after]
    for who, code in (("Rita", "twice"), ("omar", None)):
        if code:
            with pytest.raises(BadInput, match="approved already"):
                await company.vote(after, who)
        else:
            assert (await company.vote(after, who)).state is ApprovalState.APPROVED
    assert (await company.send()).params["owner"] == "rep_2"


async def test_who_has_approved_the_old_form_has_not_approved_the_new_one(company: Company) -> None:
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    await company.vote(approval, "omar")
    after = await edit(company, approval, OWNER, "rita")
    assert (after.state, [vote.by for vote in after.votes]) == (ApprovalState.OPEN, ["rita"])
    assert (await company.vote(after, "omar")).state is ApprovalState.APPROVED


async def test_of_people_who_edit_one_question_at_once_one_wins_and_the_others_are_told(
    company: Company,
) -> None:
    approval = await company.ask(TASK)
    results = await asyncio.gather(
        *(edit(company, approval, Edit({"owner": f"rep_{n}"}), f"p{n}") for n in range(8)),
        return_exceptions=True,
    )
    (won,) = [one for one in results if isinstance(one, Approval)]
    told = [one for one in results if isinstance(one, BadInput)]
    assert {one.code for one in told} == {"used"}
    assert len(told) == 7
    assert all(won.approval_id in one.remedy for one in told)
    assert (await company.send()).params["owner"] == f"rep_{won.votes[0].by[1:]}"
    assert not await company.take()


async def test_an_edit_is_bound_to_what_was_looked_at(company: Company) -> None:
    """Another hash, another tenant, no name, too late: nothing changes."""
    approval = await company.ask(TASK)
    assert await refusal(company, approval, proposal_hash="0" * 64) == "changed"
    assert await refusal(company, approval, by=" ") == "missing"
    assert await refusal(company, approval, comment="x" * 2_001) == "too_long"
    with pytest.raises(BadInput, match="not known"):
        await company.store.approvals.edit(
            OTHER, approval.approval_id, edit=OWNER, by="rita", now=company.now,
            proposal_hash=approval.proposal_hash, policy=POLICY,
        )  # fmt: skip
    assert await company.store.approvals.get(TENANT, approval.approval_id) == approval
    company.now = approval.expires_at
    assert await refusal(company, approval) == "used"
    assert not await company.take()


async def test_an_edit_under_other_tables_sends_nothing(company: Company) -> None:
    approval = await company.ask(TASK)
    after = await edit(company, approval, OWNER, policy="p2")
    assert (after.state, after.reason, after.approval_id) == (
        ApprovalState.REDECIDED, "policy", approval.approval_id,
    )  # fmt: skip
    assert not await company.take()


async def test_an_action_that_was_dropped_never_goes_out_and_is_not_proposed_again(company: Company) -> None:
    approval = await company.ask(TASK, ENROL)
    after = await edit(company, approval, Edit(drop=frozenset({"enrol", "create_task.add_note"})))
    assert len(after.action_ids) == 1
    sent = await company.send()
    assert [one.step.kind.value for one in sent.steps] == ["create_task"]
    assert not await company.take()
    assert ("enrol", "rejected", "dropped") in await company.states()
    assert await company.decide(TASK, ENROL, waiting=True) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        (Edit({"points": "99"}), "points", "invalid"),
        (Edit({"programme": "nurture"}), "programme", "invalid"),
        (Edit({"title": " \n "}), "title", "invalid"),
        (Edit({"title": "x" * 501}), "title", "invalid"),
        (Edit({"note": "ring\x07"}), "note", "invalid"),
        (Edit({"due": "soon"}), "due", "invalid"),
        (Edit({"due": "20260401"}), "due", "invalid"),
        (Edit({"due": "2026-03-01"}), "due", "invalid"),
        (Edit({"queue": "inbound"}), "edit", "same"),
        (Edit(), "edit", "same"),
        (Edit(drop=frozenset({"enrol"})), "drop", "invalid"),
        (Edit(drop=frozenset({"create_task.notify"})), "drop", "invalid"),
        (Edit(drop=frozenset({"create_task"})), "drop", "nothing_left"),
        (Edit(drop=frozenset({"create_task.create_task", "create_task.add_note"})), "drop", "nothing_left"),
    ],
    ids=repr_of,
)
async def test_a_value_that_makes_no_sense_is_refused_by_name_and_the_question_stays(
    company: Company, change: Edit, field: str, code: str
) -> None:
    approval = await company.ask(TASK)
    with pytest.raises(BadInput) as refused:
        await edit(company, approval, change)
    assert (refused.value.field, refused.value.code) == (field, code)
    assert await company.store.approvals.open(TENANT) == [approval]
    assert {state for _, state, _ in await company.states()} == {"waiting"}


async def test_a_day_from_today_on_is_a_day_on_which_it_may_be_due(company: Company) -> None:
    approval = await company.ask(TASK)
    await edit(company, approval, Edit({"due": "2026-03-02"}))
    assert (await company.send()).params["due"] == "2026-03-02"


async def test_what_was_changed_is_a_label_that_says_by_whom_and_repeats_no_free_text(
    company: Company,
) -> None:
    approval = await company.ask(HANDOFF, ENROL)
    change = Edit({"owner": "rep_2", "note": "She asked for Omar"}, frozenset({"enrol"}))
    after = await edit(company, approval, change, comment="wrong team")
    labels = {one.value: (one.before, one.after) for one in await edits(company)}
    assert labels == {
        "enrol": ("proposed", "dropped"),
        "handoff.note": ("", ""),
        "handoff.owner": ("", "rep_2"),
    }
    for one in await edits(company):
        assert (one.by, one.provenance, one.decision_id) == ("rita", Provenance.EDIT, approval.decision_id)
        assert (one.lead_id, one.known_at) == (await company.lead(ADA), company.now)
    until = await company.store.feedback.labels(TENANT, until=company.now)
    assert not [one for one in until if one.kind is LabelKind.EDIT]
    said = str(await company.store.reads.audit_rows(TENANT))
    assert "handoff.owner" in said
    for word in ("rita", "Omar", "rep_2", "wrong team"):
        assert word not in said
    assert after.votes[0].comment == "wrong team"


async def test_an_edited_question_can_be_edited_again(company: Company) -> None:
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    second = await edit(company, approval, OWNER, "rita")
    third = await edit(company, second, Edit({"owner": "rep_3"}), "omar")
    assert len({approval.approval_id, second.approval_id, third.approval_id}) == 3
    assert (await company.vote(third, "rita")).state is ApprovalState.APPROVED
    assert (await company.send()).params["owner"] == "rep_3"
    assert [(one.before, one.after) for one in await edits(company)] == [("", "rep_2"), ("rep_2", "rep_3")]
    assert not await company.take()


async def test_an_edited_form_that_nobody_else_approves_is_never_sent(company: Company) -> None:
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    after = await edit(company, approval, OWNER)
    company.now = after.expires_at
    assert await company.store.approvals.expire(now=company.now) == 1
    assert [state for _, state, _ in await company.states()] == ["expired", "expired"]
    assert await company.woken() == ["approval_expired"]
    assert (await company.ask(TASK)).state is ApprovalState.OPEN


async def test_a_privacy_deletion_ends_an_edited_question_and_takes_its_labels(company: Company) -> None:
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    after = await edit(company, approval, OWNER)
    await company.forget()
    (ended, _) = await company.store.approvals.ended(TENANT)
    assert (ended.approval_id, ended.reason) == (after.approval_id, "suppressed")
    assert await edits(company) == []
    assert not await company.take()


async def test_the_first_look_of_each_person_is_kept(company: Company) -> None:
    """As long as the question is open, and over an edit; once the same person typed otherwise."""
    company.terms = Terms(people=2)
    approval = await company.ask(TASK)
    approvals, asked = company.store.approvals, company.now
    for by in ("Rita", "rita ", "omar", "RITA"):
        await approvals.shown(TENANT, approval.approval_id, by=by, now=company.now)
        company.later(MINUTE)
    (one,) = await approvals.open(TENANT)
    looked = [("rita", asked), ("omar", asked + 2 * MINUTE)]
    assert [(look.by, look.at) for look in one.shown] == looked
    after = await edit(company, approval, OWNER)
    assert [(look.by, look.at) for look in after.shown] == looked
    await approvals.shown(TENANT, approval.approval_id, by="zoe", now=company.now)
    before = await approvals.get(TENANT, approval.approval_id)
    assert before is not None
    assert [look.by for look in before.shown] == ["rita", "omar"]
    for tenant, by in ((OTHER, "rita"), (TENANT, " ")):
        with pytest.raises(BadInput):
            await approvals.shown(tenant, approval.approval_id, by=by, now=company.now)
    assert {row.state for row in await company.store.outbox.of_decision(TENANT, approval.decision_id)} == {
        ActionState.EXPIRED, ActionState.WAITING,
    }  # fmt: skip
