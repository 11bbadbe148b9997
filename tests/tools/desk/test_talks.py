"""Conversations as talks: who said what, where it stands, and what a hostile desk can make of it."""

from collections.abc import Callable
from typing import Any

import pytest

from domain.errors import Temporary
from domain.ports.desks import Conversations
from tests.tools.crm.vendor_worlds import LOCAL
from tests.tools.crm.worlds import FixedClock
from tests.tools.desk.conftest import MAP, fixed, fixed_intercom
from tests.tools.desk.fake_chatwoot import FakeChatwoot
from tests.tools.desk.fake_intercom import US, FakeIntercom
from tests.tools.vendor_server import Asked, Said, Wire
from tools.desk import chatwoot, intercom
from tools.desk.chatwoot import ChatwootTalks
from tools.desk.intercom_talks import IntercomTalks
from tools.vendor import Api


def chatwoot_talks(fake: Any) -> Conversations:
    api = Api(
        chatwoot.MANNERS, LOCAL, fixed, FixedClock(), setting="desk_token", transport=Wire(fake).transport()
    )
    return ChatwootTalks(api, MAP, account=1)


def intercom_talks(fake: Any) -> Conversations:
    transport = Wire(fake).transport()
    api = Api(
        intercom.MANNERS, LOCAL, fixed_intercom, FixedClock(), setting="desk_token", transport=transport
    )
    return IntercomTalks(api, MAP, admin=int(US))


async def test_a_chatwoot_conversation_of_several_pages_is_read_whole_without_notes() -> None:
    fake = FakeChatwoot()
    for n in range(30):
        fake.say(42, f"question {n}", sender={"id": 1, "type": "contact"}, at=1_700_000_000 + n)
        fake.say(42, "a note", private=True, sender={"id": 31, "type": "user"})
    fake.say(42, "I am a bot", sender={"id": 3, "type": "agent_bot"}, at=1_700_000_100)
    fake.say(42, "Ann here", sender={"id": 31, "type": "user"}, at=1_700_000_200)
    fake.talks[42].messages[0]["content_attributes"]["deleted"] = True
    talk = await chatwoot_talks(fake).talk("chatwoot:42")
    assert talk is not None
    assert [one.role for one in talk.messages] == ["customer"] * 30 + ["bot", "agent"]
    assert [one.text for one in talk.messages[:2]] == ["", "question 1"]
    assert (talk.lead, talk.status, talk.person) == ("crm_id:chatwoot:1", "open", None)


@pytest.mark.parametrize(
    ("status", "agent", "stands"),
    [
        ("pending", 0, "open"),
        ("open", 0, "open"),
        ("open", 31, "with_person"),
        ("snoozed", 31, "with_person"),
        ("resolved", 31, "closed"),
        ("resolved", 0, "closed"),
    ],
)
async def test_where_a_chatwoot_conversation_stands(status: str, agent: int, stands: str) -> None:
    fake = FakeChatwoot()
    fake.say(42, "Hello", sender={"id": 1, "type": "contact"})
    fake.talks[42].status, fake.talks[42].agent = status, agent
    talk = await chatwoot_talks(fake).talk("chatwoot:42")
    assert talk is not None
    assert (talk.status, talk.person) == (stands, "r1" if agent else None)
    assert talk.with_bot is (status == "pending" or not agent)
    fake.talks[42].team = 7
    talk = await chatwoot_talks(fake).talk("chatwoot:42")
    assert talk is not None
    assert talk.with_bot is (status == "pending")  # a team's people answer there


async def test_an_intercom_conversation_is_its_first_message_and_its_public_parts_as_text() -> None:
    fake = FakeIntercom()
    fake.say("42", "<p>What is <b>SSO</b>?</p>", author={"type": "lead", "id": "1"}, at=10)
    fake.say("42", "<p>a note</p>", kind="note", author={"type": "admin", "id": "31"}, at=11)
    fake.say("42", "<p>I look</p>", author={"type": "bot", "id": "3"}, at=12)
    fake.say("42", "<p>We write</p>", author={"type": "admin", "id": US}, at=13)
    fake.say("42", "<p>Ann here</p>", author={"type": "admin", "id": "31"}, at=14)
    fake.say("42", None, kind="assignment", author={"type": "admin", "id": "31"}, at=15)  # type: ignore[arg-type]  # a part without words
    fake.talks["42"].open, fake.talks["42"].admin = True, 31
    talk = await intercom_talks(fake).talk("intercom:42")
    assert talk is not None
    assert [(one.role, one.text) for one in talk.messages] == [
        ("customer", "What is SSO?"), ("bot", "I look"), ("bot", "We write"), ("agent", "Ann here"),
    ]  # fmt: skip
    assert (talk.status, talk.person) == ("with_person", "r1")
    fake.talks["42"].admin = int(US)
    again = await intercom_talks(fake).talk("intercom:42")
    assert again is not None
    assert (again.status, again.with_bot) == ("open", True)
    fake.talks["42"].team = 7
    teams = await intercom_talks(fake).talk("intercom:42")
    assert teams is not None
    assert teams.with_bot is False


class Hostile:
    """A desk that answers everything with one body."""

    def __init__(self, body: Any) -> None:
        self.body, self.asked = body, 0

    def handle(self, _: Asked) -> Said:
        self.asked += 1
        return Said(200, self.body)


MESSAGE = {"id": 5, "message_type": 0, "private": False, "content": "x" * 50_000, "created_at": 1}
GIVEN = {"id": "1", "body": "x" * 50_000, "author": {"type": "user"}, "created_at": 1}
OPEN = {"status": "open", "meta": {"assignee": [], "sender": 7}}


@pytest.mark.parametrize("talks", [chatwoot_talks, intercom_talks])
@pytest.mark.parametrize(
    "body",
    [
        None, [], "?", 7, {}, {**OPEN, "payload": [{"id": True}]}, {**OPEN, "payload": {"id": 1}},
        {**OPEN, "payload": [{**MESSAGE, "created_at": 1e300}]},
        {"conversation_parts": {"conversation_parts": [{**GIVEN, "id": "a b"}]}},
        {"conversation_parts": {"conversation_parts": [{**GIVEN, "created_at": "soon"}]}},
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_an_outage_and_no_talk(
    talks: Callable[[Any], Conversations], body: Any
) -> None:
    vendor = talks(Hostile(body))
    try:
        talk = await vendor.talk(f"{vendor.name}:42")
    except Temporary:
        return
    assert talk is None


async def test_endless_pages_and_long_texts_are_bounded() -> None:
    hostile = Hostile({**OPEN, "id": 9, "payload": [MESSAGE]})
    talk = await chatwoot_talks(hostile).talk("chatwoot:42")
    assert talk is not None
    assert ([len(one.text) for one in talk.messages], hostile.asked) == ([20_000], 4)
    shown = {"conversation_parts": {"conversation_parts": [{**GIVEN, "id": str(n)} for n in range(60)]}}
    long = await intercom_talks(Hostile({"contacts": [], **shown})).talk("intercom:42")
    assert long is not None
    assert {len(one.text) for one in long.messages} == {20_000}


@pytest.mark.parametrize("name", ["42", "chatwoot:../42", "intercom:", "zendesk:42", "chatwoot:42/messages"])
async def test_a_conversation_of_another_desk_is_not_asked_for(name: str) -> None:
    hostile = Hostile({})
    assert await chatwoot_talks(hostile).talk(name) is None
    assert await intercom_talks(hostile).talk(name) is None
    assert hostile.asked == 0
