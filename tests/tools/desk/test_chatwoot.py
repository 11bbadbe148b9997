"""Chatwoot: what is handed over, noted and taken back; once each, and nothing of other people's is lost."""

import random
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

import pytest

from domain.action import ActionKind, ActionState
from domain.effect import Step, StepKind, StepReceipt, undo_of
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.agents import performing
from tests.agents.performing import LEAD_ID
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.crm.test_vendor_faults import LOST, Tokens, until_over
from tests.tools.crm.vendor_worlds import Account
from tests.tools.crm.worlds import LEAD, TENANT
from tests.tools.desk.conftest import chatwoot_account
from tests.tools.vendor_server import Fault, after, cut, instead, vanished

SUBJECT = Subject(TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, "chatwoot:42"),))
OVER = Step(StepKind.HAND_OVER, {"owner": "r1", "priority": "high", "queue": "emea"})
NOTE = Step(StepKind.ADD_NOTE, {"note": "Wants 50 seats", "next_step": "call"})
MANY = 200


async def undo(account: Account, step: Step, receipt: StepReceipt, key: str = "u1") -> StepReceipt:
    """Take a step back."""
    back = undo_of(step, receipt)
    assert back is not None
    return await account.target.send(back, SUBJECT, key=key)


async def test_a_conversation_is_handed_over_and_what_was_there_stays(account: Account) -> None:
    receipt = await account.target.send(OVER, SUBJECT, key="k1")
    talk = account.fake.talks[42]
    assert (talk.team, talk.agent, talk.priority, talk.status) == (7, 31, "high", "open")
    assert talk.labels == ["billing", "sales-handoff"]
    assert talk.attributes["plan"] == "pro"
    assert talk.attributes["leadgraph_queue"] == "emea"
    assert (receipt.ref, receipt.before["status"], receipt.before["queue"]) == ("42", "pending", "")


async def test_handing_back_restores_all_but_what_a_person_changed_since(account: Account) -> None:
    receipt = await account.target.send(OVER, SUBJECT, key="k1")
    account.fake.talks[42].agent = 32
    back = await undo(account, OVER, receipt)
    talk = account.fake.talks[42]
    assert (talk.team, talk.agent, talk.priority, talk.status) == (0, 32, None, "pending")
    assert talk.labels == ["billing"]
    assert (back.before["kept"], back.before["owner"]) == ("owner", "r2")
    assert talk.attributes["plan"] == "pro"


async def test_two_queues_of_one_team_are_told_apart(account: Account) -> None:
    await account.target.send(OVER, SUBJECT, key="k1")
    step = replace(OVER, params={"queue": "sales"})
    receipt = await account.target.send(step, SUBJECT, key="k2")
    assert receipt.before["queue"] == "emea"


async def test_a_note_is_private_and_only_our_own_notes_are_removed(account: Account) -> None:
    receipt = await account.target.send(NOTE, SUBJECT, key="k1")
    assert len(account.fake.notes()) == 1
    assert (await undo(account, NOTE, receipt)).before["state"] == "there"
    assert account.fake.notes() == []
    said = account.fake.say(42, "Mine", private=True, sender={"id": 32, "type": "user"})
    with pytest.raises(Refused) as refused:
        await undo(account, NOTE, StepReceipt(f"42:{said['id']}"), "u2")
    assert refused.value.code == "gone"


async def test_a_person_who_writes_or_takes_over_is_seen_and_our_own_note_is_nobody(account: Account) -> None:
    await account.target.send(NOTE, SUBJECT, key="k1")
    assert (await account.target.look(SUBJECT)).human_touch_at is None
    account.fake.say(42, "Hello, I am Ann", sender={"id": 32, "type": "user"}, at=5)
    account.fake.talks[42].agent = 32
    seen = await account.target.look(SUBJECT)
    assert (seen.human_touch_at, seen.owner) == (5 * SECOND, "r2")


async def test_a_lead_without_a_conversation_or_with_a_deleted_one_is_refused(account: Account) -> None:
    nobody = Subject(
        TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, "intercom:42"), LeadKey(KeyKind.CONVERSATION, "42"))
    )
    assert not (await account.target.look(nobody)).exists
    with pytest.raises(Refused) as refused:
        await account.target.send(OVER, nobody, key="k1")
    assert refused.value.code == "no_record"
    del account.fake.talks[42]
    assert (await account.target.look(SUBJECT)).gone
    with pytest.raises(Refused) as refused:
        await account.target.send(OVER, SUBJECT, key="k1")
    assert refused.value.code == "gone"


async def test_a_refusal_in_the_middle_leaves_nothing_behind(account: Account) -> None:
    before = account.fake.talks[42].shown()
    account.wire.plan = deque([None, None, instead(422)])
    with pytest.raises(Refused):
        await account.target.send(OVER, SUBJECT, key="k1")
    assert account.fake.talks[42].shown() | {"messages": []} == before | {"messages": []}


async def test_an_outage_in_the_middle_is_unknown_and_the_next_try_knows_what_was_there_first(
    account: Account,
) -> None:
    account.wire.plan = deque([None, None, instead(429)])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(OVER, SUBJECT, key="k1")
    account.clock.at = account.clock.at + 3_700 * SECOND  # type: ignore[assignment]  # an instant
    assert await account.target.find("k1") is None
    receipt = await account.target.send(OVER, SUBJECT, key="k1")
    assert (receipt.before["queue"], receipt.before["owner"], receipt.before["priority"]) == ("", "", "")
    await undo(account, OVER, receipt)
    talk = account.fake.talks[42]
    assert (talk.team, talk.agent, talk.status, talk.labels) == (0, 0, "pending", ["billing"])


async def test_two_hundred_lost_answers_are_two_hundred_effects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a conversation in which others write meanwhile."""
    monkeypatch.setattr(performing, "KEYS", SUBJECT.keys)
    account, seed = chatwoot_account(tmp_path, tenant="t"), random.Random(9)
    for number in range(MANY):
        account.wire.plan = deque(seed.choices((*LOST, None, None), k=seed.randrange(1, 6)))
        account.fake.say(42, "And?", sender={"id": 1, "type": "contact"})
        assert await until_over(handoff(account, number), account) is ActionState.DONE
    assert Counter(account.ledger()) == {
        (f"{LEAD_ID}/handoff/{number}", StepKind.ADD_NOTE if number % 2 else StepKind.HAND_OVER): 1
        for number in range(MANY)
    }
    assert account.fake.broken == []


def handoff(account: Account, number: int) -> performing.Bench:
    """A handing over, or with an odd number a note, under a key of its own."""
    row = performing.action(ActionKind.HANDOFF, params={"queue": "emea", "owner": "r1", "note": "n"})
    kind = StepKind.ADD_NOTE if number % 2 else StepKind.HAND_OVER
    steps = tuple(
        replace(one, key=f"{LEAD_ID}/handoff/{number}") for one in row.steps if one.step.kind is kind
    )
    targets = dict.fromkeys(account.target.takes, account.target)
    return performing.Bench(replace(row, steps=steps), MemoryTarget(), targets=targets)


async def test_a_note_is_found_behind_more_messages_than_a_page_holds(account: Account) -> None:
    account.wire.plan = deque([cut])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(NOTE, SUBJECT, key="k1")
    for _ in range(250):
        account.fake.say(42, "And?", sender={"id": 1, "type": "contact"})
    found = await account.target.find("k1")
    assert found is not None
    assert await account.target.send(NOTE, SUBJECT, key="k1") == found
    assert len(account.fake.notes()) == 1
    assert await account.target.find("k2") is None


@pytest.mark.parametrize(
    ("fault", "error"),
    [(instead(400), Refused), (instead(403), Refused), (instead(302, location="http://127.0.0.1:2"), Refused),
     (instead(429, retry_after="7"), Throttled), (instead(401), Unauthorized), (after(500), OutcomeUnknown),
     (cut, OutcomeUnknown), (vanished, OutcomeUnknown)],
)  # fmt: skip
async def test_what_an_answer_to_a_note_means(account: Account, fault: Fault, error: type[Exception]) -> None:
    account.wire.plan = deque([fault] * 2)
    with pytest.raises(error) as raised:
        await account.target.send(NOTE, SUBJECT, key="k1")
    assert "secret" not in str(raised.value)
    if isinstance(raised.value, Throttled) and not isinstance(raised.value, Unauthorized):
        assert raised.value.retry_after_s == 7


async def test_a_token_is_renewed_once(tmp_path: Path) -> None:
    tokens = Tokens("old", "older", "oldest")
    account = chatwoot_account(tmp_path, renew=tokens)
    with pytest.raises(Unauthorized):
        await account.target.look(SUBJECT)
    assert (tokens.asked, len(account.wire.log)) == (2, 2)


async def test_a_conversation_that_cannot_be_read_is_for_later(account: Account) -> None:
    for fault in (instead(200, {"id": 42}), instead(200, []), instead(500), vanished):
        account.wire.reads = deque([fault])
        with pytest.raises(Temporary):
            await account.target.send(OVER, SUBJECT, key="k1")
    assert account.fake.ledger == []


async def test_a_preview_shows_the_diff_and_each_request(account: Account) -> None:
    account.fake.talks[42].priority = "high"
    changes = await account.target.preview([OVER, NOTE], SUBJECT)
    fields = [(one.field, one.before, one.after) for one in changes if one.field.startswith("conversation.")]
    assert ("conversation.queue", "", "emea") in fields
    assert not any(name == "conversation.priority" for name, _, _ in fields)
    requests = [one.after for one in changes if one.field == "request"]
    assert 'POST /api/v1/accounts/1/conversations/42/assignments {"team_id":7}' in requests
    assert account.fake.ledger == []
    assert not any(asked.writes for asked in account.wire.log)


@pytest.mark.usefixtures("judged")
async def test_every_request_and_answer_is_one_that_the_published_contract_allows(account: Account) -> None:
    for step in (OVER, NOTE):
        receipt = await account.target.send(step, SUBJECT, key=step.kind.value)
        await undo(account, step, receipt, f"u/{step.kind.value}")
    assert len(account.fake.ledger) == 4
    await account.target.look(SUBJECT)
    assert await account.check() == ["agents: rep r3 names agent 33, who is not there"]
