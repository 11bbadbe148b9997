"""What every CRM promises, kept by those of vendors: the contract's own tests, as far as a vendor takes the step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.effect import Step, StepKind
from domain.errors import Refused
from domain.instants import Instant
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind, LeadKey
from tests.tools.crm import test_contract as contract
from tests.tools.crm.vendor_worlds import VENDORS, Account
from tests.tools.crm.worlds import LEAD, NOW, SCORE, SECOND, SUBJECT, TASK, TENANT, CrmWorld
from tools.marked import NEW
from tools.sent import mark_of
from tools.vendor import Call

test_an_answer_does_not_change_with_the_record = contract.test_an_answer_does_not_change_with_the_record
test_a_key_cannot_be_used_for_something_else = contract.test_a_key_cannot_be_used_for_something_else
test_a_resend_after_our_own_merge = contract.test_a_resend_after_our_own_merge_is_the_same_request
test_undo_restores_fields_and_owner = contract.test_undo_restores_fields_and_owner
test_undo_leaves_alone_what_a_person_changed = contract.test_undo_leaves_alone_what_a_person_changed_since
test_undo_closes_the_task_and_removes_the_note = contract.test_undo_closes_the_task_and_removes_the_note
test_undo_of_a_task_that_a_person_closed_says_so = contract.test_undo_of_a_task_that_a_person_closed_says_so
test_a_step_follows_a_merged_record = contract.test_a_step_follows_a_merged_record_to_the_survivor
test_what_never_happened_is_not_found = contract.test_what_never_happened_is_not_found
test_fifty_at_once_with_one_key_are_one_effect = contract.test_fifty_at_once_with_one_key_are_one_effect
test_fifty_at_once_for_a_new_lead = contract.test_fifty_at_once_for_a_new_lead_make_one_record
test_two_hundred_duplicate_deliveries = contract.test_two_hundred_duplicate_deliveries_are_one_effect

EVERY = [step for step in contract.EVERY if step.kind not in (
    StepKind.ENROL, StepKind.LEAVE, StepKind.HAND_OVER, StepKind.NOTIFY)]  # fmt: skip


@pytest.fixture(params=list(VENDORS))
def account(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Account]:
    """Each vendor in turn, empty; in the end nothing was asked that the vendor's contract does not allow."""
    account = VENDORS[request.param](tmp_path)
    yield account
    assert account.fake.broken == []


@pytest.fixture
def world(account: Account) -> CrmWorld:
    """The same, as the contract sees it."""
    return account.world()


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.kind.value)
async def test_the_same_key_again_changes_nothing_and_answers_as_before(world: CrmWorld, step: Step) -> None:
    await contract.test_the_same_key_again_changes_nothing_and_answers_as_before(world, step)


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


async def test_a_person_is_seen(world: CrmWorld) -> None:
    """To the millisecond, as vendors tell times."""
    await world.target.send(SCORE, SUBJECT, key="k1")
    world.people.touch(TENANT, LEAD, at=Instant(NOW + 5_000))
    world.people.forbid(TENANT, LEAD)
    seen = await world.target.look(SUBJECT)
    assert (seen.human_touch_at, seen.do_not_contact) == (NOW + 5_000, True)


async def test_a_task_of_another_lead_is_not_closed(world: CrmWorld) -> None:
    receipt = await world.target.send(TASK, SUBJECT, key="k1")
    await world.target.send(SCORE, SECOND, key="k2")
    with pytest.raises(Refused) as refused:
        await world.target.send(Step(StepKind.CLOSE_TASK, {"ref": receipt.ref}), SECOND, key="k3")
    assert refused.value.code == "gone"
    assert (await world.target.look(SUBJECT)).open_tasks == (receipt.ref,)


async def test_a_preview_shows_the_diff_and_the_request_and_changes_nothing(account: Account) -> None:
    target = account.target
    await target.send(Step(StepKind.SET_FIELDS, {"points": "71", "band": "warm"}), SUBJECT, key="k1")
    asked = len([one for one in account.wire.log if one.writes])
    changes = await target.preview([SCORE, TASK, Step(StepKind.ENROL, {"programme": "n"})], SUBJECT)
    assert (changes[0].field, changes[0].before, changes[0].after) == ("band", "warm", "hot")
    requests = [change.after for change in changes if change.field == "request"]
    assert len(requests) == 2
    assert '"hot"' in requests[0]
    assert (changes[-1].field, changes[-1].after) == ("refused", "invalid")
    assert len([one for one in account.wire.log if one.writes]) == asked


KNOWN = {
    "hubspot": [("hubspot:999999", "gone")],
    "salesforce": [
        ("salesforce:00Q999999999999AAA", "gone"), ("00Q999999999999", "gone"),
        ("salesforce:003000000000001AAA", "no_record"),
    ],
}  # fmt: skip
"""Ids of a vendor's records that are no contact or Lead (any more), and what they are refused as."""


@pytest.mark.parametrize(
    ("vendor", "known", "code"), [(vendor, *one) for vendor, some in KNOWN.items() for one in some]
)
async def test_a_lead_whom_the_vendor_knows_otherwise_gets_no_second_record(
    vendor: str, known: str, code: str, tmp_path: Path
) -> None:
    account = VENDORS[vendor](tmp_path)
    target, subject = account.target, Subject(TENANT, LEAD, (LeadKey(KeyKind.CRM_ID, known),))
    for number, step in enumerate(EVERY):
        with pytest.raises(Refused) as refused:
            await target.send(step, subject, key=f"k{number}")
        assert refused.value.code == code
    assert await target.look(subject) == Seen(gone=code == "gone")
    shown = [(change.field, change.after) for change in await target.preview(EVERY, subject)]
    assert shown == [("refused", code)] * len(EVERY)
    assert account.fake.counts()["records"] == 0
    assert not any(asked.writes for asked in account.wire.log)


async def test_a_lead_with_two_records_of_which_one_is_gone_keeps_the_other(account: Account) -> None:
    await account.target.send(SCORE, SECOND, key="k0")
    (ref,) = _places(account)
    gone, here = KNOWN[account.target.name][0][0], f"{account.target.name}:{ref}"
    keys = tuple(LeadKey(KeyKind.CRM_ID, one) for one in (gone, here))
    await account.target.send(SCORE, Subject(TENANT, LEAD, keys), key="k1")
    assert _places(account) == [ref]


def _places(account: Account) -> list[str]:
    fake = account.fake
    return list(fake.things["contacts"] if account.target.name == "hubspot" else fake.rows["Lead"])


async def test_the_preview_of_a_first_write_shows_all_that_is_then_sent(account: Account) -> None:
    """The record that is made first, once, and what is written into it; its id alone is not known yet."""
    steps = [SCORE, TASK]
    changes = await account.target.preview(steps, SUBJECT)
    assert not any(asked.writes for asked in account.wire.log)
    assert [change.field for change in changes].count("record") == 1
    assert {("band", "", "hot"), ("points", "", "71")} <= {
        (change.field, change.before, change.after) for change in changes
    }
    shown = [change.after for change in changes if change.field == "request"]
    for number, step in enumerate(steps):
        await account.target.send(step, SUBJECT, key=f"k{number}")
    (ref,) = _places(account)
    sent = [
        Call(asked.method, asked.path, asked.body).text().replace(f'"{ref}"', f'"{NEW}"')
        for asked in account.wire.log
        if asked.writes
    ]
    for number, request in enumerate(sent[1:]):
        sent[number + 1] = request.replace(mark_of(f"k{number}"), "mark")
    assert sent == shown
