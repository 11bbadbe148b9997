"""Zendesk: what is handed over, noted and taken back; once each, and nothing of other people's is lost."""

import random
from collections import Counter, deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.action import ActionState
from domain.effect import Step, StepKind, StepReceipt, undo_of
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.instants import MINUTE, SECOND
from domain.ports.target import Subject
from domain.signal import KeyKind, LeadKey
from tests.agents import performing
from tests.agents.performing import LEAD_ID
from tests.tools.crm.test_vendor_faults import LOST, Tokens, until_over
from tests.tools.crm.vendor_worlds import LOCAL, Account
from tests.tools.crm.worlds import LEAD, NOW, TENANT, FixedClock
from tests.tools.desk.conftest import MAP, fixed_zendesk, zendesk_account
from tests.tools.desk.fake_zendesk import CUSTOMER, US, Ticket
from tests.tools.desk.test_chatwoot import MANY, NOTE, OVER, handoff
from tests.tools.test_limited_vendors import Crew
from tests.tools.vendor_limits import Window
from tests.tools.vendor_server import Asked, Fault, Wire, after, cut, instead, vanished
from tools.desk import zendesk
from tools.vendor import Api


def subject(number: int = 42) -> Subject:
    """The lead of one ticket."""
    return Subject(TENANT, LEAD, (LeadKey(KeyKind.CONVERSATION, f"zendesk:{number}"),))


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    """In the end nothing was asked that Zendesk does not allow."""
    account = zendesk_account(tmp_path)
    yield account
    assert account.fake.broken == []


def tickets(wire: Wire) -> zendesk.Tickets:
    """The account as it is read for a talk."""
    clock = FixedClock()
    api = Api(zendesk.MANNERS, LOCAL, fixed_zendesk, clock, setting="desk_token", transport=wire.transport())
    return zendesk.Tickets(api, MAP)


async def undo(account: Account, step: Step, receipt: StepReceipt, key: str = "u1") -> StepReceipt:
    """Take a step back."""
    back = undo_of(step, receipt)
    assert back is not None
    return await account.target.send(back, subject(), key=key)


async def test_a_ticket_is_handed_over_and_what_was_there_stays(account: Account) -> None:
    receipt = await account.target.send(OVER, subject(), key="k1")
    ticket = account.fake.tickets[42]
    assert (ticket.group, ticket.assignee, ticket.priority, ticket.status) == (7, 31, "high", "open")
    assert (ticket.tags, ticket.fields[7], ticket.fields[5002]) == (
        ["billing", "sales_handoff"],
        "pro",
        "emea",
    )
    assert (receipt.ref, receipt.before["status"], receipt.before["queue"]) == ("42", "new", "")
    assert await account.target.send(OVER, subject(), key="k1") == receipt
    assert len(account.fake.ledger) == 1


async def test_a_tag_that_somebody_adds_meanwhile_stays(account: Account) -> None:
    def meanwhile(fake: Any, asked: Asked) -> Any:
        fake.tickets[42].tags.append("vip")
        return fake.handle(asked)

    account.wire.plan = deque([None, meanwhile])
    await account.target.send(OVER, subject(), key="k1")
    assert account.fake.tickets[42].tags == ["billing", "vip", "sales_handoff"]


async def test_a_person_who_takes_the_ticket_in_between_wins_and_it_is_looked_at_again(
    account: Account,
) -> None:
    def meanwhile(fake: Any, asked: Asked) -> Any:
        fake.tickets[42].assignee = 32
        fake.tickets[42].changes += 1
        return fake.handle(asked)

    account.wire.plan = deque([meanwhile])
    with pytest.raises(Temporary):
        await account.target.send(OVER, subject(), key="k1")
    assert account.fake.tickets[42].assignee == 32
    assert account.fake.ledger == []
    assert (await account.target.look(subject())).owner == "r2"


async def test_handing_back_restores_all_but_what_a_person_changed_since(account: Account) -> None:
    receipt = await account.target.send(OVER, subject(), key="k1")
    account.fake.tickets[42].assignee = 32
    back = await undo(account, OVER, receipt)
    ticket = account.fake.tickets[42]
    assert (ticket.group, ticket.assignee, ticket.priority, ticket.tags) == (None, 32, None, ["billing"])
    assert (back.before["kept"], back.before["owner"]) == ("owner", "r2")


async def test_a_note_is_internal_and_only_our_own_notes_are_removed(account: Account) -> None:
    receipt = await account.target.send(NOTE, subject(), key="k1")
    assert len(account.fake.notes()) == 1
    assert (await undo(account, NOTE, receipt)).before["state"] == "there"
    assert account.fake.notes() == []
    assert "50" not in str(account.fake.tickets[42].comments)
    said = account.fake.say(42, "leadgraph:mine", author=32, public=False)
    with pytest.raises(Refused) as refused:
        await undo(account, NOTE, StepReceipt(f"42:{said['id']}"), "u2")
    assert refused.value.code == "gone"


async def test_a_person_who_writes_is_seen_and_neither_a_trigger_nor_we_are_one(account: Account) -> None:
    await account.target.send(NOTE, subject(), key="k1")
    account.fake.say(42, "We are closed", author=31, rule=True)
    assert (await account.target.look(subject())).human_touch_at is None
    account.fake.say(42, "I am Ann", author=31)
    account.fake.say(42, "Hi Ann", author=CUSTOMER)
    assert (await account.target.look(subject())).human_touch_at is not None


@pytest.mark.parametrize(("status", "code"), [("closed", "closed"), ("deleted", "gone")])
async def test_a_ticket_that_cannot_be_changed_any_more_is_refused(
    account: Account, status: str, code: str
) -> None:
    account.fake.tickets[42].status = status
    with pytest.raises(Refused) as refused:
        await account.target.send(OVER, subject(), key="k1")
    assert refused.value.code == code
    assert not any(asked.writes for asked in account.wire.log)


async def test_a_refusal_in_the_middle_leaves_nothing_behind(account: Account) -> None:
    account.wire.plan = deque([None, None, instead(422)])
    with pytest.raises(Refused):
        await account.target.send(OVER, subject(), key="k1")
    ticket = account.fake.tickets[42]
    assert (ticket.group, ticket.assignee, ticket.priority, ticket.tags) == (None, None, None, ["billing"])


async def test_two_hundred_lost_answers_are_two_hundred_effects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, seed = zendesk_account(tmp_path, tenant="t"), random.Random(9)
    for number in range(MANY):
        account.fake.tickets[number] = Ticket(number)
        account.fake.say(number, "And?", author=CUSTOMER)
        monkeypatch.setattr(performing, "KEYS", subject(number).keys)
        account.wire.plan = deque(seed.choices((*LOST, None, None), k=seed.randrange(1, 4)))
        assert await until_over(handoff(account, number), account) is ActionState.DONE
    assert Counter(account.ledger()) == {
        (f"{LEAD_ID}/handoff/{number}", StepKind.ADD_NOTE if number % 2 else StepKind.HAND_OVER): 1
        for number in range(MANY)
    }
    assert account.fake.broken == []


async def test_a_note_is_found_behind_more_comments_than_a_page_holds(account: Account) -> None:
    account.wire.plan = deque([cut])
    with pytest.raises(OutcomeUnknown):
        await account.target.send(NOTE, subject(), key="k1")
    for _ in range(250):
        account.fake.say(42, "And?", author=CUSTOMER)
    found = await account.target.find("k1")
    assert found is not None
    assert await account.target.send(NOTE, subject(), key="k1") == found
    assert len(account.fake.notes()) == 1


async def test_a_ticket_is_not_updated_more_often_than_zendesk_takes_by_all_workers_together(
    tmp_path: Path,
) -> None:
    """And only it waits; what writes nothing counts nothing."""
    crew = Crew("zendesk", tmp_path, None, {})
    crew.fake.tickets[43] = Ticket(43)
    for number in range(10):
        await crew.done(number)
    for worker in crew.accounts:
        for _ in range(5):
            await worker.target.preview([NOTE], subject())
        with pytest.raises(Throttled) as throttled:
            await worker.target.send(NOTE, subject(), key="late")
        assert (throttled.value.code, throttled.value.retry_after_s) == ("record", 30.0)
    await crew.done(10, 43)
    assert crew.at == NOW
    for number in range(11, 41):
        await crew.done(number)
    assert (crew.fake.refused, crew.at) == ([], NOW + 30 * 30 * SECOND)
    assert crew.ledger() == Counter({f"k{number}": 1 for number in range(41)})


async def test_a_ticket_that_has_had_enough_is_not_the_account(tmp_path: Path) -> None:
    """Others of our user used it up. Where requests of that kind, or all, are used up, it is the account."""
    crew = Crew("zendesk", tmp_path, None, {})
    first, second = (worker.target for worker in crew.accounts)
    crew.fake.tickets[43] = Ticket(43)
    crew.fake.windows["ticket 42"] = Window(30, 10 * MINUTE, deque([crew.at] * 30))
    for target in (first, second):
        with pytest.raises(Throttled) as throttled:
            await target.send(NOTE, subject(), key="k1")
        assert (throttled.value.code, throttled.value.retry_after_s) == ("record", 600.0)
    await first.send(NOTE, subject(43), key="k2")
    spent = {
        "ratelimit_remaining": "50",
        "zendesk_ratelimit_tickets_update": "total=100; remaining=0; resets=9",
    }
    crew.wire.plan = deque([instead(429, None, retry_after="9", **spent)])
    for target in (first, second):
        with pytest.raises(Throttled) as throttled:
            await target.send(NOTE, subject(43), key="k3")
        assert (throttled.value.code, throttled.value.retry_after_s) == ("throttled", 9.0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [(instead(403), Refused), (instead(302, location="http://127.0.0.1:2"), Refused), (instead(401), Unauthorized),
     (instead(409), Temporary), (instead(429, retry_after="7"), Throttled), (after(500), OutcomeUnknown),
     (cut, OutcomeUnknown), (vanished, OutcomeUnknown)],
)  # fmt: skip
async def test_what_an_answer_to_a_note_means(account: Account, fault: Fault, error: type[Exception]) -> None:
    account.wire.plan = deque([fault] * 2)
    with pytest.raises(error) as raised:
        await account.target.send(NOTE, subject(), key="k1")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"ratelimit_remaining": "0", "ratelimit_reset": "41"}, 41), ({"x_rate_limit_remaining": "0"}, 60)],
)
async def test_nothing_is_asked_once_no_request_is_left(
    account: Account, headers: dict[str, str], seconds: int
) -> None:
    shown = {"ticket": account.fake.tickets[42].shown()}
    account.wire.reads = deque([instead(200, shown, **headers)])
    with pytest.raises(Throttled) as throttled:
        await account.target.look(subject())
    assert throttled.value.retry_after_s == seconds
    assert len(account.wire.log) == 1


async def test_a_token_of_oauth_is_a_bearer_and_is_renewed_once(tmp_path: Path) -> None:
    tokens = Tokens("old", "older", "oldest")
    account = zendesk_account(tmp_path, renew=tokens)
    with pytest.raises(Unauthorized):
        await account.target.look(subject())
    assert [asked.headers["authorization"] for asked in account.wire.log] == ["Bearer old", "Bearer older"]


async def test_a_ticket_that_cannot_be_read_is_for_later(account: Account) -> None:
    for fault in (instead(200, {"ticket": {"id": 42}}), instead(200, []), instead(500), vanished):
        account.wire.reads = deque([fault])
        with pytest.raises(Temporary):
            await account.target.send(OVER, subject(), key="k1")
    assert account.fake.ledger == []


async def test_a_preview_shows_the_exact_requests_and_writes_nothing(account: Account) -> None:
    requests = [
        one.after for one in await account.target.preview([OVER], subject()) if one.field == "request"
    ]
    assert requests[1] == 'PUT /api/v2/tickets/42/tags {"tags":["sales_handoff"]}'
    assert '"safe_update":true' in requests[0]
    assert not any(asked.writes for asked in account.wire.log)


async def test_a_ticket_is_a_talk_without_what_is_internal(account: Account) -> None:
    await account.target.send(NOTE, subject(), key="k1")
    account.fake.say(42, "<p>We are <b>closed</b></p>", author=US)
    account.fake.say(42, "Hello, I am Ann", author=31)
    account.fake.page = 2
    talk = await tickets(account.wire).talk("zendesk:42")
    assert talk is not None
    assert [(one.role, one.text) for one in talk.messages] == [
        ("customer", "What does it cost?"), ("bot", "We are closed"), ("agent", "Hello, I am Ann"),
    ]  # fmt: skip
    assert (talk.conversation_id, talk.lead, talk.status) == ("zendesk:42", "zendesk:1", "open")
    account.fake.tickets[42].assignee = 31
    for status, told in (("open", "with_person"), ("solved", "closed")):
        account.fake.tickets[42].status = status
        talk = await tickets(account.wire).talk("zendesk:42")
        assert talk is not None
        assert talk.status == told
    assert await tickets(account.wire).talk("zendesk:7") is None
    assert await tickets(account.wire).talk("chatwoot:42") is None


async def test_what_the_account_lacks_is_named(account: Account) -> None:
    account.fake.page = 2
    del account.fake.titles["leadgraph_queue"]
    assert await account.check() == [
        "ticket fields: create the text field leadgraph_queue",
        "agents: rep r3 names agent 33, who is not there",
    ]
    with pytest.raises(Refused, match="leadgraph_queue"):
        await account.target.send(OVER, subject(), key="k1")
