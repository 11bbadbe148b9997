"""What a vendor tells by its webhook and what is read there are one statement, whatever becomes of the record."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from app import open_home
from domain.instants import SECOND, Instant, iso
from domain.ports.home import Home
from domain.ports.upstream import Record
from domain.signal import KeyKind
from surfaces.catching_up import CatchingUp, noted
from tests.domain.items import NOW
from tests.surfaces.upstream_world import UpstreamWorld, asking, now
from tests.surfaces.webhooks.sending import LEAD

AT = NOW - 60 * SECOND
S = AT // SECOND
MS = AT // 1_000
FRACTION = iso(Instant(AT + 771_000))
"""The same moment, as a webhook of Chatwoot writes it."""
Tell = Callable[[UpstreamWorld], Any]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, with a tenant for each test."""
    with open_home(home=tmp_path_factory.mktemp("twice") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.fixture
def world(home: Home) -> UpstreamWorld:
    return asking(home)


def person(**more: Any) -> dict[str, Any]:
    return {"id": 907, "type": "contact", "email": None, **more}


def written(text: str = "What do seats cost?", **more: Any) -> dict[str, Any]:
    """A message of Chatwoot, by its webhook."""
    return {
        "event": "message_created", "id": 41, "content": text, "message_type": "incoming", "private": False,
        "created_at": FRACTION, "sender": person(**more),
        "conversation": {"id": 7, "meta": {"sender": person(**more)}},
    }  # fmt: skip


class Chatwoot:
    """A conversation whose customer tells an address; its message is deleted, its priority raised."""

    key = "chatwoot:7"
    record = ("conversation", "7", KeyKind.CONVERSATION)

    def __init__(self, world: UpstreamWorld) -> None:
        self.talk_of = world.vendor("chatwoot")
        self.talk_of.begin(7)
        self.talk = self.talk_of.talks[7]
        self.talk.messages.append({**written(), "created_at": S, "message_type": 0, "content_attributes": {}})

    def told(self) -> Iterator[Any]:
        sender = self.talk.messages[0]["sender"]
        yield written(**sender)
        yield {
            "event": "conversation_created", "id": 7, "priority": self.talk.priority, "created_at": S,
            "meta": {"sender": sender},
        }  # fmt: skip

    def changes(self) -> None:
        (message,) = self.talk.messages
        message["sender"] = person(email="ann@acme.example")
        message["content"], self.talk.priority = "This message was deleted", "urgent"


class HubSpot:
    """A contact whose title changes."""

    record = ("contact", "", KeyKind.CRM_ID)

    def __init__(self, world: UpstreamWorld) -> None:
        self.portal = world.vendor("hubspot")
        self.ref = self.portal.person(AT, jobtitle="CTO", lifecyclestage="lead", email="ann@acme.example")
        self.record = ("contact", self.ref, KeyKind.CRM_ID)
        self.key = f"hubspot:{self.ref}"

    def told(self) -> Iterator[Any]:
        for name in ("jobtitle", "lifecyclestage", "email"):
            (entry,) = self.portal.past[self.ref, name][-1:]
            yield [{
                "subscriptionType": "contact.propertyChange", "objectId": int(self.ref), "propertyName": name,
                "propertyValue": entry["value"], "occurredAt": MS, "changeSource": "CRM_UI", "eventId": 1,
            }]  # fmt: skip

    def changes(self) -> None:
        self.portal.put(self.ref, "jobtitle", "CEO", AT + 5 * SECOND)
        self.portal.put(self.ref, "hs_email_optout", "false", AT + 5 * SECOND)


class Salesforce:
    """A Lead whose stage and address change."""

    def __init__(self, world: UpstreamWorld) -> None:
        self.org = world.vendor("salesforce")
        self.ref = self.org.person(AT, Title="CTO", Status="Working")
        self.record = ("Lead", self.ref, KeyKind.CRM_ID)
        self.key = f"salesforce:{self.ref}"

    def told(self) -> Iterator[Any]:
        head = {**LEAD["ChangeEventHeader"], "recordIds": [self.ref], "commitTimestamp": MS}
        yield {**LEAD, "ChangeEventHeader": head}

    def changes(self) -> None:
        self.org.put(self.ref, AT + 5 * SECOND, Status="Open", Email="ann@acme.example")


class Intercom:
    """A conversation whose customer signs up; its first message is edited, and it is closed."""

    key = "intercom:88"
    record = ("conversation", "88", KeyKind.CONVERSATION)

    def __init__(self, world: UpstreamWorld) -> None:
        author = {"type": "lead", "id": "5ee3"}
        self.item: dict[str, Any] = {
            "id": "88", "state": "open", "created_at": S, "updated_at": S + 1,
            "contacts": {"contacts": [{"id": "5ee3"}]}, "source": {"id": "600", "body": "Hello", "author": author},
            "conversation_parts": {"conversation_parts": [
                {"id": "601", "part_type": "comment", "body": "Price?", "created_at": S + 1, "author": author},
            ]},
        }  # fmt: skip
        world.vendor("intercom").known["/conversations/88"] = self.item

    def told(self) -> Iterator[Any]:
        for topic in ("conversation.user.created", "conversation.user.replied"):
            yield {
                "topic": topic,
                "id": f"notif_{topic}",
                "created_at": S + 2,
                "data": {"item": dict(self.item)},
            }

    def changes(self) -> None:
        self.item |= {"state": "closed", "updated_at": S + 9}
        self.item["contacts"] = {
            "contacts": [{"id": "5ee3", "external_id": "u-9", "email": "ann@acme.example"}]
        }


class Zendesk:
    """A ticket whose requester proves an address, and whose priority is raised."""

    key = "zendesk:354"
    record = ("ticket", "354", KeyKind.CONVERSATION)

    def __init__(self, world: UpstreamWorld) -> None:
        self.user: dict[str, Any] = {"id": 77, "email": "ann@acme.example", "verified": False}
        self.ticket = {"id": 354, "requester_id": 77, "created_at": iso(Instant(AT)), "priority": "low"}
        world.vendor("zendesk").known |= {
            "/api/v2/tickets/show_many.json?ids=354": {"tickets": [self.ticket]},
            "/api/v2/users/show_many.json?ids=77": {"users": [self.user]},
        }

    def told(self) -> Iterator[Any]:
        detail = {"id": "354", "priority": str(self.ticket["priority"]).upper(), "requester_id": "77"}
        yield {
            "type": "zen:event-type:ticket.created", "account_id": 8, "id": "01HN", "event": {}, "detail": detail,
            "time": FRACTION,
        }  # fmt: skip

    def changes(self) -> None:
        self.user["verified"] = True


VENDORS: Mapping[str, Callable[[UpstreamWorld], Any]] = {
    "chatwoot": Chatwoot, "hubspot": HubSpot, "salesforce": Salesforce, "intercom": Intercom, "zendesk": Zendesk,
}  # fmt: skip


def read_back(world: UpstreamWorld, vendor: str, record: tuple[str, str, KeyKind]) -> None:
    """The record is asked for, as it stands now."""
    name, ref, kind = record
    world.pass_by(61)
    asked = Record(vendor, name, ref, world.clock.now(), AT - SECOND, kind)
    now(noted(world.home, [asked]))
    assert world.catch_up().records == 1


def counts(world: UpstreamWorld) -> Mapping[str, int]:
    return now(world.home.reads.counts(world.home.tenant))


@pytest.mark.parametrize("first", ["told", "read"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_told_and_read_in_either_order_is_one_statement(
    world: UpstreamWorld, vendor: str, first: str
) -> None:
    """And what is new of the record since is heard, once."""
    case = VENDORS[vendor](world)
    events = list(case.told())
    if first == "told":
        kept = [world.tell(vendor, event) for event in events]
        assert all(one.accepted for one in kept)
    else:
        read_back(world, vendor, case.record)
    case.changes()
    if first == "read":
        kept = [world.tell(vendor, event) for event in case.told()]
        assert all(one.quarantined == () for one in kept)
    read_back(world, vendor, case.record)
    heard = counts(world)["signals"]
    for _ in range(2):
        read_back(world, vendor, case.record)
    assert (counts(world)["signals"], counts(world)["quarantined"]) == (heard, 0)
    said = world.said(case.key)
    events_of = [
        str(payload) for kind, payload in said if kind in ("support.message", "support.ticket_opened")
    ]
    assert (
        len(events_of) == len(set(events_of)) == {"chatwoot": 2, "intercom": 2, "zendesk": 1}.get(vendor, 0)
    )
    known = {key.kind for one in world.signals(case.key) for key in one.keys}
    assert KeyKind.EMAIL in known or vendor == "intercom"


def test_an_address_that_becomes_known_in_a_talk_joins_its_customer(world: UpstreamWorld) -> None:
    case = Chatwoot(world)
    known = world.vendor("hubspot").person(AT, email="ann@acme.example")
    read_back(world, "hubspot", ("contact", known, KeyKind.CRM_ID))
    world.tell("chatwoot", written())
    case.changes()
    read_back(world, "chatwoot", case.record)
    lead, other = (
        now(world.home.reads.find_lead(world.home.tenant, key)) for key in (case.key, f"hubspot:{known}")
    )
    assert lead == other


def test_what_a_record_says_that_is_refused_is_refused_once(world: UpstreamWorld) -> None:
    """However often it is read; and something else that is refused is seen."""
    portal, catching = world.vendor("hubspot"), CatchingUp(world.home)
    ref = portal.person(AT, phone="n/a", jobtitle="CTO")
    held = []
    for phone in ("", "", "", "call me"):
        if phone:
            portal.put(ref, "phone", phone, AT + SECOND)
        world.pass_by(61)
        now(noted(world.home, [Record("hubspot", "contact", ref, world.clock.now())]))
        assert now(catching.turn()).records == 1
        held.append(counts(world)["quarantined"])
    assert held == [1, 1, 1, 2]


def test_a_sender_that_contradicts_itself_is_seen(world: UpstreamWorld) -> None:
    """The same message with other words is no repetition."""
    world.tell("chatwoot", written())
    again = world.tell("chatwoot", written(email="ann@acme.example"))
    other = world.tell("chatwoot", written("I never asked"))
    assert (again.duplicates, again.quarantined) == (1, ())
    assert [place for place, _ in other.quarantined] == [0]
    assert counts(world)["quarantined"] == 1
    assert [payload["text"] for _, payload in world.said("chatwoot:7")] == ["What do seats cost?"]
