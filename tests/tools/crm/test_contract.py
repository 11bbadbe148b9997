"""What every CRM promises: the twin in memory, the embedded one, and the same in a process of its own."""

import asyncio

import pytest

from domain.effect import Step, StepKind
from domain.errors import Refused
from domain.ports.target import Change, Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.worlds import (
    EMAIL,
    LEAD,
    NOW,
    OTHER,
    SCORE,
    SECOND,
    SECOND_LEAD,
    SUBJECT,
    TASK,
    TENANT,
    CrmWorld,
)

NOTE = Step(StepKind.ADD_NOTE, {"intent": "pricing"})
EVERY = (
    SCORE,
    Step(StepKind.SET_OWNER, {"owner": "r1", "team": "emea"}),
    TASK,
    NOTE,
    Step(StepKind.ENROL, {"programme": "nurture"}),
    Step(StepKind.LEAVE, {"programme": "all"}),
    Step(StepKind.HAND_OVER, {"queue": "emea", "priority": "high"}),
    Step(StepKind.NOTIFY, {"owner": "r1"}),
)


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.kind.value)
async def test_the_same_key_again_changes_nothing_and_answers_as_before(world: CrmWorld, step: Step) -> None:
    first = await world.target.send(step, SUBJECT, key="k1")
    before, counts = await world.target.look(SUBJECT), world.counts()
    assert await world.target.send(step, SUBJECT, key="k1") == first
    assert await world.target.find("k1") == first
    assert await world.target.look(SUBJECT) == before
    assert world.counts() == counts
    assert world.ledger() == [("k1", step.kind)]


async def test_an_answer_does_not_change_with_the_record(world: CrmWorld) -> None:
    """The receipt of a resend says what was there before the first time."""
    first = await world.target.send(SCORE, SUBJECT, key="k1")
    world.people.edit(TENANT, LEAD, "points", "12", at=NOW)
    assert await world.target.send(SCORE, SUBJECT, key="k1") == first
    assert (await world.target.look(SUBJECT)).fields["points"] == "12"


@pytest.mark.parametrize(
    ("other", "subject"),
    [
        (Step(SCORE.kind, {**SCORE.params, "points": "72"}), SUBJECT),
        (TASK, SUBJECT),
        (SCORE, Subject(OTHER, LEAD)),
    ],
)
async def test_a_key_cannot_be_used_for_something_else(
    world: CrmWorld, other: Step, subject: Subject
) -> None:
    await world.target.send(SCORE, SUBJECT, key="k1")
    with pytest.raises(Refused) as refused:
        await world.target.send(other, subject, key="k1")
    assert refused.value.code == "key_reused"
    assert world.ledger() == [("k1", StepKind.SET_FIELDS)]
    assert world.counts()["tasks"] == 0


async def test_a_resend_after_our_own_merge_is_the_same_request(world: CrmWorld) -> None:
    """The key stays when two leads become one; the lead's id does not."""
    first = await world.target.send(TASK, SUBJECT, key="k1")
    assert await world.target.send(TASK, Subject(TENANT, SECOND_LEAD, SUBJECT.keys), key="k1") == first
    assert world.counts()["tasks"] == 1


async def test_undo_restores_fields_and_owner(world: CrmWorld) -> None:
    owner = Step(StepKind.SET_OWNER, {"owner": "r2", "team": "apac"})
    await world.target.send(Step(StepKind.SET_FIELDS, {"points": "40"}), SUBJECT, key="k0")
    world.people.give(TENANT, LEAD, "r1", at=NOW)
    before = await world.target.look(SUBJECT)
    score_receipt = await world.target.send(SCORE, SUBJECT, key="k1")
    owner_receipt = await world.target.send(owner, SUBJECT, key="k2")
    assert (await world.target.look(SUBJECT)).fields == {"points": "71", "band": "hot"}
    await world.undo(owner, owner_receipt, "u2")
    await world.undo(SCORE, score_receipt, "u1")
    assert await world.target.look(SUBJECT) == before


async def test_undo_leaves_alone_what_a_person_changed_since(world: CrmWorld) -> None:
    owner = Step(StepKind.SET_OWNER, {"owner": "r2"})
    score_receipt = await world.target.send(SCORE, SUBJECT, key="k1")
    owner_receipt = await world.target.send(owner, SUBJECT, key="k2")
    world.people.edit(TENANT, LEAD, "points", "99", at=NOW)
    world.people.give(TENANT, LEAD, "r7", at=NOW)
    fields, owned = await world.undo(SCORE, score_receipt, "u1"), await world.undo(owner, owner_receipt, "u2")
    after = await world.target.look(SUBJECT)
    assert (after.fields, after.owner) == ({"points": "99"}, "r7")
    assert (fields.before["kept"], fields.before["points"]) == ("points", "99")
    assert (owned.before["kept"], owned.before["owner"]) == ("owner", "r7")


async def test_undo_closes_the_task_and_removes_the_note(world: CrmWorld) -> None:
    for number, step in enumerate((TASK, NOTE)):
        receipt = await world.target.send(step, SUBJECT, key=f"k{number}")
        await world.undo(step, receipt, f"u{number}")
    assert (await world.target.look(SUBJECT)).open_tasks == ()
    assert (world.counts()["tasks"], world.counts()["notes"]) == (0, 0)


async def test_undo_of_a_task_that_a_person_closed_says_so(world: CrmWorld) -> None:
    receipt = await world.target.send(TASK, SUBJECT, key="k1")
    world.people.close_task(receipt.ref)
    assert (await world.undo(TASK, receipt, "u1")).before["state"] == "closed"


async def test_undo_of_enrolling_leaves_only_what_was_new(world: CrmWorld) -> None:
    """A programme that a person had chosen before us stays."""
    await world.target.send(SCORE, SUBJECT, key="k0")
    world.people.enrol(TENANT, LEAD, "webinar")
    step = Step(StepKind.ENROL, {"programme": "nurture, webinar"})
    receipt = await world.target.send(step, SUBJECT, key="k1")
    assert (await world.target.look(SUBJECT)).programmes == ("nurture", "webinar")
    await world.undo(step, receipt, "u1")
    assert (await world.target.look(SUBJECT)).programmes == ("webinar",)


async def test_leaving_all_can_be_taken_back(world: CrmWorld) -> None:
    await world.target.send(Step(StepKind.ENROL, {"programme": "nurture, webinar"}), SUBJECT, key="k0")
    step = Step(StepKind.LEAVE, {"programme": "all"})
    receipt = await world.target.send(step, SUBJECT, key="k1")
    assert receipt.before["programmes"] == "nurture, webinar"
    assert (await world.target.look(SUBJECT)).programmes == ()
    await world.undo(step, receipt, "u1")
    assert (await world.target.look(SUBJECT)).programmes == ("nurture", "webinar")


async def test_leaving_nothing_is_done_and_can_be_taken_back(world: CrmWorld) -> None:
    step = Step(StepKind.LEAVE, {"programme": "all"})
    receipt = await world.target.send(step, SUBJECT, key="k1")
    assert receipt.before["programmes"] == ""
    await world.undo(step, receipt, "u1")
    assert (await world.target.look(SUBJECT)).programmes == ()


async def test_handing_back_restores_the_conversation_unless_it_was_routed_since(world: CrmWorld) -> None:
    subject = Subject(TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, "c9"),))
    first = Step(StepKind.HAND_OVER, {"queue": "emea", "priority": "high"})
    second = Step(StepKind.HAND_OVER, {"queue": "apac", "priority": "low"})
    await world.target.send(first, subject, key="k1")
    receipt = await world.target.send(second, subject, key="k2")
    assert (receipt.ref, receipt.before["queue"], receipt.before["priority"]) == ("c9", "emea", "high")
    world.people.route(TENANT, "c9", "vip")
    back = await world.undo(second, receipt, "u2", subject)
    assert (back.before["kept"], back.before["queue"]) == ("queue", "vip")
    third = await world.target.send(first, subject, key="k3")
    assert (third.before["queue"], third.before["priority"]) == ("vip", "high")


async def test_a_deleted_record_is_gone_and_is_not_made_anew(world: CrmWorld) -> None:
    receipt = await world.target.send(TASK, SUBJECT, key="k1")
    world.people.delete(TENANT, LEAD)
    seen = await world.target.look(SUBJECT)
    assert (seen.exists, seen.gone) == (False, True)
    for number, step in enumerate((*EVERY, Step(StepKind.CLOSE_TASK, {"ref": receipt.ref}))):
        with pytest.raises(Refused) as refused:
            await world.target.send(step, SUBJECT, key=f"d{number}")
        assert refused.value.code == "gone"
    assert [key for key, _ in world.ledger()] == ["k1"]
    assert world.counts()["records"] == 1


async def test_a_step_follows_a_merged_record_to_the_survivor(world: CrmWorld) -> None:
    await world.target.send(SCORE, SUBJECT, key="k1")
    task = await world.target.send(TASK, SUBJECT, key="k2")
    second = await world.target.send(Step(StepKind.SET_FIELDS, {"points": "5"}), SECOND, key="k3")
    world.people.merge(TENANT, LEAD, SECOND_LEAD)
    seen = await world.target.look(SUBJECT)
    assert (seen.exists, seen.merged_into, seen.fields) == (True, second.ref, {"points": "5"})
    assert seen.open_tasks == (task.ref,)
    receipt = await world.target.send(SCORE, SUBJECT, key="k4")
    assert (receipt.ref, receipt.before["merged_into"], receipt.before["points"]) == (
        second.ref,
        second.ref,
        "5",
    )
    assert (await world.target.look(SECOND)).fields == dict(SCORE.params)
    await world.undo(TASK, task, "u2")
    assert (await world.target.look(SECOND)).open_tasks == ()


async def test_a_record_that_was_there_before_us_is_found_by_a_key(world: CrmWorld) -> None:
    ref = world.people.create(TENANT, EMAIL)
    assert (await world.target.look(SUBJECT)).exists
    assert (await world.target.send(SCORE, SUBJECT, key="k1")).ref == ref
    assert world.counts()["records"] == 1


async def test_an_address_of_many_people_finds_nobody(world: CrmWorld) -> None:
    role = LeadKey(KeyKind.ROLE, "info")
    await world.target.send(SCORE, Subject(TENANT, LEAD, (role,)), key="k1")
    assert not (await world.target.look(Subject(TENANT, SECOND_LEAD, (role,)))).exists


async def test_no_tenant_sees_or_changes_the_record_of_another(world: CrmWorld) -> None:
    receipt = await world.target.send(TASK, SUBJECT, key="k1")
    foreign = Subject(OTHER, LEAD, SUBJECT.keys)
    assert not (await world.target.look(foreign)).exists
    with pytest.raises(Refused):
        await world.target.send(Step(StepKind.CLOSE_TASK, {"ref": receipt.ref}), foreign, key="k2")
    await world.target.send(SCORE, foreign, key="k3")
    with pytest.raises(Refused):
        await world.target.send(Step(StepKind.CLOSE_TASK, {"ref": receipt.ref}), foreign, key="k4")
    assert (await world.target.look(SUBJECT)).open_tasks == (receipt.ref,)


async def test_a_person_is_seen(world: CrmWorld) -> None:
    await world.target.send(SCORE, SUBJECT, key="k1")
    world.people.touch(TENANT, LEAD, at=NOW + 5)
    world.people.forbid(TENANT, LEAD)
    seen = await world.target.look(SUBJECT)
    assert (seen.human_touch_at, seen.do_not_contact) == (NOW + 5, True)


async def test_a_preview_names_every_write_and_changes_nothing(world: CrmWorld) -> None:
    """A value that is there already is no write; the second step sees what the first would have written."""
    await world.target.send(Step(StepKind.SET_FIELDS, {"points": "71", "band": "warm"}), SUBJECT, key="k1")
    before, counts, ledger = await world.target.look(SUBJECT), world.counts(), world.ledger()
    steps = [
        SCORE,
        Step(StepKind.SET_FIELDS, {"band": "cold"}),
        TASK,
        Step(StepKind.ENROL, {"programme": "n"}),
    ]
    assert list(await world.target.preview(steps, SUBJECT)) == [
        Change(StepKind.SET_FIELDS, "band", "warm", "hot"),
        Change(StepKind.SET_FIELDS, "band", "hot", "cold"),
        Change(StepKind.CREATE_TASK, "task", "", "intent: pricing; queue: emea"),
        Change(StepKind.ENROL, "programmes", "", "n"),
    ]
    assert (await world.target.look(SUBJECT), world.counts(), world.ledger()) == (before, counts, ledger)
    assert not (await world.target.look(SECOND)).exists
    assert await world.target.preview([TASK], SECOND)
    assert not (await world.target.look(SECOND)).exists


async def test_a_preview_shows_a_refusal(world: CrmWorld) -> None:
    await world.target.send(SCORE, SUBJECT, key="k1")
    world.people.delete(TENANT, LEAD)
    assert list(await world.target.preview([TASK], SUBJECT)) == [Change(TASK.kind, "refused", "", "gone")]


async def test_what_never_happened_is_not_found(world: CrmWorld) -> None:
    assert await world.target.find("k1") is None
    with pytest.raises(Refused):
        await world.target.send(Step(StepKind.ENROL, {}), SUBJECT, key="k1")
    assert await world.target.find("k1") is None
    assert (await world.target.look(SUBJECT)).exists is False


async def test_fifty_at_once_with_one_key_are_one_effect(world: CrmWorld) -> None:
    receipts = await asyncio.gather(*(world.target.send(TASK, SUBJECT, key="k1") for _ in range(50)))
    assert all(receipt == receipts[0] for receipt in receipts)
    assert world.ledger() == [("k1", StepKind.CREATE_TASK)]
    assert world.counts()["tasks"] == 1


async def test_fifty_at_once_for_a_new_lead_make_one_record(world: CrmWorld) -> None:
    await asyncio.gather(*(world.target.send(TASK, SUBJECT, key=f"k{number}") for number in range(50)))
    assert (world.counts()["records"], world.counts()["tasks"], len(world.ledger())) == (1, 50, 50)


async def test_two_hundred_duplicate_deliveries_are_one_effect(world: CrmWorld) -> None:
    for _ in range(200):
        await world.target.send(TASK, SUBJECT, key="k1")
    assert world.ledger() == [("k1", StepKind.CREATE_TASK)]
    assert world.counts()["tasks"] == 1
