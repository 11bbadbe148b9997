"""Thin payloads are read back before a run, for a bounded time; what a vendor tells counts once."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app import open_home
from domain.errors import Temporary
from domain.instants import MINUTE, SECOND
from domain.ports.home import Home
from tests.domain.items import NOW
from tests.surfaces.upstream_world import UpstreamWorld, asking
from tests.tools.vendor_server import instead, vanished

AT = NOW - MINUTE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, with a tenant for each test."""
    with open_home(home=tmp_path_factory.mktemp("asking") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.fixture
def world(home: Home) -> UpstreamWorld:
    return asking(home)


def creation(ref: str, at: int = AT, **more: Any) -> dict[str, Any]:
    """HubSpot tells that a contact is there, and nothing else."""
    return {
        "eventId": 1, "subscriptionId": 2, "portalId": 62, "occurredAt": at // 1_000,
        "subscriptionType": "contact.creation", "objectId": int(ref), **more,
    }  # fmt: skip


def stage(ref: str, value: str, at: int) -> dict[str, Any]:
    """HubSpot tells of a change."""
    more = {"propertyName": "lifecyclestage", "propertyValue": value, "changeSource": "CRM_UI"}
    return creation(ref, at, subscriptionType="contact.propertyChange", **more)


def test_a_thin_payload_is_completed_before_its_lead_is_decided_about(world: UpstreamWorld) -> None:
    ref = world.vendor("hubspot").person(
        AT, jobtitle="CTO", email="ann@acme.example", lifecyclestage="lead", numemployees="250"
    )
    world.tell("hubspot", [creation(ref)])
    assert world.run_leads() == 0, "its record is still to be read"
    assert world.work() == 1
    assert world.facts(f"hubspot:{ref}") == {
        "job_title": "CTO", "employees": 250, "stage": "lead", "object": "lifecycle",
    }  # fmt: skip
    assert world.flags(f"hubspot:{ref}") == ["cold_start"]
    keys = {key.kind.value for one in world.signals(f"hubspot:{ref}") for key in one.keys}
    assert keys == {"crm_id", "email_hash"}


def test_a_vendor_that_is_down_delays_a_lead_for_a_bounded_time_only(world: UpstreamWorld) -> None:
    """The decision says that it was made without; it is made anew when the record has been read."""
    ref = world.vendor("hubspot").person(AT, jobtitle="CTO")
    key, wire = f"hubspot:{ref}", world.wires["hubspot"]
    wire.reads.extend([vanished] * 2)
    world.tell("hubspot", [creation(ref)])
    assert world.work() == 0
    world.pass_by(3)
    assert world.work() == 1
    assert "degraded:unread_hubspot" in world.flags(key)
    wire.reads.clear()
    world.pass_by(30)
    assert world.work() == 1
    assert "degraded:unread_hubspot" not in world.flags(key)
    assert world.facts(key)["job_title"] == "CTO"
    assert world.work() == 0


def test_many_events_of_one_record_are_one_read(world: UpstreamWorld) -> None:
    """Also those that arrive late, of what the read has shown already."""
    ref = world.vendor("hubspot").person(AT, jobtitle="CTO")
    hidden: dict[str, Any] = {
        "subscriptionType": "contact.propertyChange", "propertyName": "x", "isSensitive": True,
    }  # fmt: skip
    world.tell("hubspot", [creation(ref), *(creation(ref, AT + n * SECOND, **hidden) for n in range(20))])
    world.work()
    world.tell("hubspot", [creation(ref, AT + 30 * SECOND, eventId=5, **hidden)])
    world.work()
    assert len(world.wires["hubspot"].log) == 1


def test_what_was_told_and_what_is_read_count_once(world: UpstreamWorld) -> None:
    """In either order, and also where the webhook comes once more."""
    portal = world.vendor("hubspot")
    first, second = portal.person(AT, lifecyclestage="lead"), portal.person(AT, lifecyclestage="customer")
    world.tell("hubspot", [stage(first, "lead", AT), creation(first)])
    world.tell("hubspot", [creation(second)])
    world.work()
    for _ in range(2):
        world.tell("hubspot", [stage(second, "customer", AT)])
        world.work()
    for ref in (first, second):
        assert [kind for kind, _ in world.said(f"hubspot:{ref}")].count("crm.stage_change") == 1


def test_what_we_wrote_ourselves_is_no_news(world: UpstreamWorld) -> None:
    """HubSpot says who changed a property, Salesforce who changed the record last."""
    portal, org = world.vendor("hubspot"), world.vendor("salesforce")
    ref, lead = portal.person(AT, jobtitle="CTO"), org.person(AT, Title="CTO", Status="Open", Company="Acme")
    gap: dict[str, Any] = {"ChangeEventHeader": {
        "entityName": "Lead", "recordIds": [lead], "changeType": "GAP_UPDATE", "transactionKey": "t",
        "sequenceNumber": 1, "commitTimestamp": AT // 1_000,
    }}  # fmt: skip
    world.tell("hubspot", [creation(ref)])
    world.tell("salesforce", gap)
    world.work()
    before = world.said(f"hubspot:{ref}"), world.said(f"salesforce:{lead}")
    portal.put(ref, "hubspot_owner_id", "901", NOW + SECOND, app="77")
    org.put(lead, NOW + SECOND, by="005000000000999AAA", OwnerId="005000000000003AAA")
    world.pass_by(20)
    world.tell("hubspot", [creation(ref, NOW + 10 * SECOND)])
    gap["ChangeEventHeader"] |= {"sequenceNumber": 2, "commitTimestamp": (NOW + 10 * SECOND) // 1_000}
    world.tell("salesforce", gap)
    world.work()
    news = [
        [kind for kind, payload in world.said(key)[len(was) :] if payload]
        for key, was in zip((f"hubspot:{ref}", f"salesforce:{lead}"), before, strict=True)
    ]
    assert news == [[], []]


def test_merged_and_deleted_records_are_followed(world: UpstreamWorld) -> None:
    portal, org = world.vendor("hubspot"), world.vendor("salesforce")
    lost, kept, gone = (portal.person(AT, jobtitle=title) for title in ("CTO", "CEO", "CFO"))
    world.tell("hubspot", [creation(lost), creation(kept), creation(gone)])
    portal.join(lost, kept)
    portal.things["contacts"][gone].archived = True
    old, new = org.person(AT, Title="CTO"), org.person(AT, Title="CTO")
    org.put(old, AT, IsDeleted=True, MasterRecordId=new)
    world.tell(
        "salesforce", {"object": "Lead", "id": old, "SystemModstamp": "2024-03-01T09:59:00Z", "fields": {}}
    )
    world.work()
    assert world.signals(f"hubspot:{lost}") == world.signals(f"hubspot:{kept}") != []
    assert ("crm.stage_change", {"stage": "deleted", "object": "contact"}) in world.said(f"hubspot:{gone}")
    assert "crm.merge" in [kind for kind, _ in world.said(f"salesforce:{new}")]


def test_a_company_or_deal_is_told_of_its_contacts(world: UpstreamWorld) -> None:
    portal = world.vendor("hubspot")
    ref = portal.person(AT, jobtitle="CTO")
    company, deal = portal.add("companies", {}).id, portal.add("deals", {}).id
    portal.put(company, "domain", "acme.example", AT)
    portal.put(company, "numberofemployees", "900", AT)
    portal.put(deal, "dealstage", "contractsent", AT)
    portal.links |= {company: [ref], deal: [ref]}
    change: dict[str, Any] = {"propertyName": "x", "propertyValue": "y"}
    world.tell("hubspot", [creation(company, subscriptionType="company.creation"),
                           creation(deal, subscriptionType="deal.propertyChange", **change)])  # fmt: skip
    world.work()
    assert world.facts(f"hubspot:{ref}") == {"employees": 900, "stage": "contractsent", "object": "deal"}
    assert {one.account for one in world.signals(f"hubspot:{ref}")} == {None, "acme.example"}


def test_a_record_that_we_may_not_see_holds_nobody_up(world: UpstreamWorld) -> None:
    """Refused once is not asked for again and again; the other records of the batch are read."""
    portal = world.vendor("hubspot")
    hidden, seen = portal.person(AT), portal.person(AT, jobtitle="CTO")
    refused = instead(403, {"category": "MISSING_SCOPES"})
    world.wires["hubspot"].reads.extend([refused, refused, None])
    world.tell("hubspot", [creation(hidden), creation(seen, AT + SECOND)])
    world.work()
    assert world.facts(f"hubspot:{seen}")["job_title"] == "CTO"
    assert world.flags(f"hubspot:{hidden}") == ["cold_start"]
    asked = len(world.wires["hubspot"].log)
    world.pass_by(3_600)
    world.catch_up()
    assert len(world.wires["hubspot"].log) == asked == 3


def test_who_dies_between_reading_and_keeping_leaves_the_record_to_be_read(world: UpstreamWorld) -> None:
    ref = world.vendor("hubspot").person(AT, jobtitle="CTO")
    world.tell("hubspot", [creation(ref)])

    class Dying:
        async def accept(self, *_: object, **__: object) -> None:
            raise Killed

    with pytest.raises(Killed):
        world.catch_up(replace(world.home, inbox=Dying()))  # type: ignore[arg-type]  # it takes nothing
    assert world.catch_up().records == 0, "the dead one still holds it"
    world.pass_by(130)
    world.work()
    assert world.said(f"hubspot:{ref}").count(("identity.identify", {"job_title": "CTO"})) == 1


class Killed(BaseException):
    """The process is gone."""


def test_a_vendor_is_not_asked_before_it_wants_to_be(world: UpstreamWorld) -> None:
    """However often it says so; and it says nothing of the others."""
    ref, lead = (
        world.vendor("hubspot").person(AT, jobtitle="CTO"),
        world.vendor("salesforce").person(AT, Title="CTO"),
    )
    wire = world.wires["hubspot"]
    slow = instead(429, {"policyName": "DAILY"}, retry_after="60")
    wire.reads.extend([slow] * 8)
    world.tell("hubspot", [creation(ref)])
    world.tell("salesforce", {"object": "Lead", "id": lead, "fields": {"Title": "CTO"}})
    for minutes in range(1, 9):
        world.catch_up()
        world.pass_by(30)
        world.catch_up()
        assert len(wire.log) == minutes
        world.pass_by(31)
    world.work()
    assert world.facts(f"hubspot:{ref}")["job_title"] == "CTO"
    assert len(world.wires["salesforce"].log) == 2, "a token and a query"


HOSTILE = [
    [], {}, "text", 7, {"results": None}, {"results": [7, None, {"id": {}}]}, {"records": "x"}, {"payload": {"a": 1}},
    {"results": [{"id": "1001", "properties": [1], "propertiesWithHistory": 3, "updatedAt": 5}]},
    {"results": [{"id": "1001", "properties": {"jobtitle": "x" * 300_000, "email": {"a": []}}}]},
    {"records": [{"Id": "00Q000000000000AAA", "SystemModstamp": [], "Email": {"deep": [[[[]]]]}, "Status": 1e300}]},
    {"id": 42, "meta": 3, "messages": "x", "created_at": "never", "payload": [{"id": 1, "content": {}, "sender": []}]},
]  # fmt: skip


@pytest.mark.parametrize("vendor", ["hubspot", "salesforce", "chatwoot"])
def test_an_answer_that_makes_no_sense_stops_nothing(world: UpstreamWorld, vendor: str) -> None:
    """Whatever is in it: no worker dies of it, and the record is there to be read when the vendor is well again."""
    wire = world.wires[vendor]
    if vendor == "chatwoot":
        ref = "7"
        world.vendor(vendor).begin(7)
        world.vendor(vendor).write(7, "Hello?", AT)
    else:
        ref = world.vendor(vendor).person(AT, **{"jobtitle" if vendor == "hubspot" else "Title": "CTO"})
    key = f"{vendor}:{ref}"

    def asked_for(number: int) -> None:
        if vendor == "hubspot":
            world.tell(vendor, [creation(ref, world.clock.now(), eventId=number)])
        elif vendor == "salesforce":
            world.tell(vendor, {"object": "Lead", "id": ref, "fields": {"Rating": str(number)}})
        else:
            world.tell(
                vendor, {"event": "conversation_created", "id": 7, "created_at": AT // SECOND + 660 * number}
            )

    for number, body in enumerate(HOSTILE):
        wire.reads.extend([None] * (vendor == "salesforce" and number == 0))  # the token
        wire.reads.extend([instead(200, body)] * 4)
        asked_for(number)
        for _ in range(3):
            world.catch_up()
        wire.reads.clear()
        world.pass_by(700)
    asked_for(len(HOSTILE))
    world.work()
    assert ("job_title", "CTO") in world.facts(key).items() or world.said(key)[-1][1].get("text") == "Hello?"
    assert ("crm.stage_change", "deleted") not in [
        (kind, payload.get("stage")) for kind, payload in world.said(key)
    ]


async def test_the_store_being_away_is_no_fault_of_the_vendor(world: UpstreamWorld) -> None:
    """It is said upwards, where outages of the store are waited out."""
    from surfaces.catching_up import CatchingUp

    class Away:
        async def due(self, *_: object, **__: object) -> None:
            raise Temporary("away")

    assert world.home.upstream is not None
    upstream = replace(world.home.upstream, todos=Away())  # type: ignore[arg-type]  # only what is asked first
    with pytest.raises(Temporary):
        await CatchingUp(replace(world.home, upstream=upstream)).turn()
