"""Intercom: what is handed over, noted and taken back; once each, and nothing of other people's is lost."""

import random
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.action import ActionState
from domain.effect import Step, StepKind, StepReceipt, undo_of
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.instants import SECOND
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.agents import performing
from tests.agents.performing import LEAD_ID
from tests.tools.crm.test_vendor_faults import LOST, Tokens, until_over
from tests.tools.crm.vendor_worlds import Account
from tests.tools.crm.worlds import LEAD, TENANT
from tests.tools.desk.conftest import intercom_account
from tests.tools.desk.test_chatwoot import MANY, NOTE, OVER, handoff
from tests.tools.vendor_server import Fault, after, cut, instead, vanished

SUBJECT = Subject(TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, "intercom:42"),))
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """In the end nothing was asked that Intercom does not allow."""
    account = intercom_account(tmp_path)
    yield account
    assert account.fake.broken == []


async def undo(account: Account, step: Step, receipt: StepReceipt, key: str = "u1") -> StepReceipt:
    """Take a step back."""
    back = undo_of(step, receipt)
    assert back is not None
    return await account.target.send(back, SUBJECT, key=key)


async def test_a_conversation_is_handed_over_and_what_was_there_stays(account: Account) -> None:
    receipt = await account.target.send(OVER, SUBJECT, key="k1")
    talk = account.fake.talks["42"]
    assert (talk.team, talk.admin, talk.open, talk.tags) == (7, 31, True, ["55", "66"])
    assert talk.attributes == {
        "plan": "pro", "leadgraph_queue": "emea", "leadgraph_priority": "high",
        "leadgraph_marks": talk.attributes["leadgraph_marks"],
    }  # fmt: skip
    assert (receipt.ref, receipt.before["status"], receipt.before["queue"]) == ("42", "closed", "")
    assert await account.target.send(OVER, SUBJECT, key="k1") == receipt
    assert len(account.fake.ledger) == 1


async def test_handing_back_restores_all_but_what_a_person_changed_since(account: Account) -> None:
    receipt = await account.target.send(OVER, SUBJECT, key="k1")
    account.fake.talks["42"].admin = 32
    back = await undo(account, OVER, receipt)
    talk = account.fake.talks["42"]
    assert (talk.team, talk.admin, talk.open, talk.tags) == (None, 32, False, ["55"])
    assert (back.before["kept"], back.before["owner"]) == ("owner", "r2")


async def test_a_note_is_internal_and_only_our_own_notes_are_removed(account: Account) -> None:
    receipt = await account.target.send(NOTE, SUBJECT, key="k1")
    assert len(account.fake.notes()) == 1
    assert (await undo(account, NOTE, receipt)).before["state"] == "there"
    assert account.fake.notes() == []
    said = account.fake.say("42", "Mine", kind="note", author={"type": "admin", "id": "32"})
    with pytest.raises(Refused) as refused:
        await undo(account, NOTE, StepReceipt(f"42:{said['id']}"), "u2")
    assert refused.value.code == "gone"


async def test_a_person_who_writes_or_takes_over_is_seen_and_our_own_note_is_nobody(account: Account) -> None:
    await account.target.send(NOTE, SUBJECT, key="k1")
    account.fake.say("42", "I am a bot", author={"type": "bot", "id": "9"}, at=4)
    assert (await account.target.look(SUBJECT)).human_touch_at is None
    account.fake.say("42", "I am Ann", author={"type": "admin", "id": "32"}, at=5)
    account.fake.talks["42"].admin = 32
    seen = await account.target.look(SUBJECT)
    assert (seen.human_touch_at, seen.owner) == (5 * SECOND, "r2")


async def test_two_hundred_lost_answers_are_two_hundred_effects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performing, "KEYS", SUBJECT.keys)
    account, seed = intercom_account(tmp_path, tenant="t"), random.Random(9)
    account.fake.talks["42"].open = True
    for number in range(MANY):
        account.wire.plan = deque(seed.choices((*LOST, None, None), k=seed.randrange(1, 6)))
        assert await until_over(handoff(account, number), account) is ActionState.DONE
    assert Counter(account.ledger()) == {
        (f"{LEAD_ID}/handoff/{number}", StepKind.ADD_NOTE if number % 2 else StepKind.HAND_OVER): 1
        for number in range(MANY)
    }
    assert account.fake.broken == []


async def test_a_note_that_may_lie_behind_what_is_shown_is_not_said_to_be_missing(account: Account) -> None:
    account.wire.plan = deque([vanished])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(NOTE, SUBJECT, key="k1")
    assert await account.target.find("k1") is None
    for _ in range(510):
        account.fake.say("42", "And?", author={"type": "user", "id": "1"})
    with pytest.raises(Temporary):
        await account.target.find("k1")


@pytest.mark.parametrize(
    ("fault", "error"),
    [(instead(403), Refused), (instead(302, location="http://127.0.0.1:2"), Refused), (instead(401), Unauthorized),
     (after(500), OutcomeUnknown), (cut, OutcomeUnknown), (vanished, OutcomeUnknown)],
)  # fmt: skip
async def test_what_an_answer_to_a_note_means(account: Account, fault: Fault, error: type[Exception]) -> None:
    account.wire.plan = deque([fault] * 2)
    with pytest.raises(error) as raised:
        await account.target.send(NOTE, SUBJECT, key="k1")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"x_ratelimit_reset": "1700000007", "date": DATE}, 7), ({}, 10), ({"date": "x"}, 10)],
)
async def test_it_says_by_its_own_clock_when_to_come_back(
    account: Account, headers: dict[str, str], seconds: int
) -> None:
    account.wire.reads = deque([instead(429, {"type": "error.list"}, **headers)])
    for _ in range(2):
        with pytest.raises(Throttled) as throttled:
            await account.target.look(SUBJECT)
        assert throttled.value.retry_after_s == seconds
    assert len(account.wire.log) == 1


async def test_a_token_is_renewed_once(tmp_path: Path) -> None:
    tokens = Tokens("old", "older", "oldest")
    account = intercom_account(tmp_path, renew=tokens)
    with pytest.raises(Unauthorized):
        await account.target.look(SUBJECT)
    assert (tokens.asked, len(account.wire.log)) == (2, 2)


async def test_a_conversation_that_cannot_be_read_is_for_later(account: Account) -> None:
    for fault in (instead(200, {"id": "42"}), instead(200, []), instead(500), vanished):
        account.wire.reads = deque([fault])
        with pytest.raises(Temporary):
            await account.target.send(OVER, SUBJECT, key="k1")
    assert account.fake.ledger == []


@pytest.mark.usefixtures("judged")
async def test_every_request_and_answer_is_one_that_the_published_contract_allows(account: Account) -> None:
    for step in (OVER, NOTE):
        receipt = await account.target.send(step, SUBJECT, key=step.kind.value)
        await undo(account, step, receipt, f"u/{step.kind.value}")
    assert len(account.fake.ledger) == 4
    account.fake.tags.remove("66")
    assert await account.check() == [
        "tag names 66, which is not there",
        "rep r3 names 33, which is not there",
    ]
