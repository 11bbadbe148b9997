"""What we wrote at a CRM comes back by every way it has, and starts nothing; what a person does beside it is heard."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from app import open_home
from domain.instants import MINUTE, SECOND
from domain.ports.home import Home
from tests.domain.items import NOW
from tests.surfaces.upstream_world import UpstreamWorld, asking, now
from tests.tools.crm.fake_salesforce import OUR_USER
from tests.tools.records.vendors import PERSON

WRITTEN = frozenset({"OwnerId", "Status", "Leadgraph_Points__c", "hs_lead_status", "hubspot_owner_id"})
"""Fields that the map names: somebody let our next step stand in a status."""
NAMED = {
    "salesforce": {"actors": frozenset({OUR_USER[:15]}), "written": WRITTEN},
    "hubspot": {"actors": frozenset({"77"}), "written": WRITTEN},
}
UNNAMED = {name: {"written": WRITTEN} for name in NAMED}
ROWS = (
    "OwnerId", "Status", "Title", "Email", "Company", "LastModifiedById", "SystemModstamp", "Leadgraph_Points__c",
)  # fmt: skip
US, SOMEBODY = "005000000000031AAA", "005000000000032AAA"
"""The owner that we set, and the one that a person set before."""
Tell = Callable[[UpstreamWorld, Mapping[str, Any], int], None]
"""Given the row as it is and a number of its own for the event."""


def outbound(world: UpstreamWorld, row: Mapping[str, Any], number: int) -> None:
    fields = "".join(f"<sf:{name}>{row[name]}</sf:{name}>" for name in ("Id", *ROWS) if name in row)
    world.tell(
        "salesforce",
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D1</OrganizationId>'
        f"<Notification><Id>04l{number}</Id>"
        '<sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"{fields}</sObject></Notification></notifications></e:Body></e:Envelope>",
    )


def flow(world: UpstreamWorld, row: Mapping[str, Any], _number: int) -> None:
    fields = {name: row[name] for name in ROWS if name in row}
    world.tell("salesforce", {"object": "Lead", "id": row["Id"], "fields": fields})


def unsigned(world: UpstreamWorld, row: Mapping[str, Any], number: int) -> None:
    """A flow that does not say who changed the record."""
    flow(world, {name: value for name, value in row.items() if name != "LastModifiedById"}, number)


def platform(world: UpstreamWorld, row: Mapping[str, Any], number: int) -> None:
    fields = {f"{name}__c": row[name] for name in ROWS[:5] if name in row}
    head = {
        "EventUuid": f"e-{number}",
        "CreatedDate": row["SystemModstamp"],
        "CreatedById": row["LastModifiedById"],
    }
    payload = {**head, "Object__c": "Lead", "RecordId__c": row["Id"], **fields}
    world.tell("salesforce", {"data": {"payload": payload, "event": {"replayId": number}}})


def change(world: UpstreamWorld, row: Mapping[str, Any], number: int, what: str = "UPDATE") -> None:
    ours = row["LastModifiedById"] == OUR_USER
    names = ("Status", "OwnerId") if ours else ("Title",)
    head = {
        "entityName": "Lead", "recordIds": [row["Id"]], "changeType": what, "transactionKey": f"t-{number}",
        "sequenceNumber": 1, "commitTimestamp": world.clock.now() // 1_000, "commitUser": row["LastModifiedById"],
        "changeOrigin": "com/salesforce/api/rest/59.0;client=leadgraph" if ours else "", "changedFields": names,
    }  # fmt: skip
    world.tell("salesforce", {"ChangeEventHeader": head, **{name: row[name] for name in names}})


def gap(world: UpstreamWorld, row: Mapping[str, Any], number: int) -> None:
    """An event that says too little, so the record is read; nothing tells that it is ours."""
    change(world, {**row, "LastModifiedById": PERSON}, number, "GAP_UPDATE")


def poll(world: UpstreamWorld, _row: Mapping[str, Any], _number: int) -> None:
    world.catch_up()


WAYS: Mapping[str, Tell] = {
    "outbound": outbound, "flow": flow, "unsigned flow": unsigned, "platform": platform, "change": change,
    "gap": gap, "poll": poll,
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, with a tenant for each test."""
    with open_home(home=tmp_path_factory.mktemp("loops") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.mark.parametrize("named", [True, False], ids=["actors", "no actors"])
@pytest.mark.parametrize("way", WAYS)
def test_our_writes_in_salesforce_come_back_and_start_nothing(home: Home, way: str, named: bool) -> None:
    """Without `webhook_actors` an owner may be heard of once: who set it is not known, and it may be a person."""
    world = asking(home, polls=("salesforce",) if way == "poll" else (), ours=NAMED if named else UNNAMED)
    org, tell = world.vendor("salesforce"), WAYS[way]
    about = {"Company": "Acme", "Email": "ann@acme.example", "OwnerId": SOMEBODY, "Status": "Open"}
    ref = org.person(NOW - MINUTE, Title="CTO", **about)
    key, row = f"salesforce:{ref}", org.rows["Lead"][ref]
    tell(world, row, 0)
    assert world.work() == 1
    before, rows, decided = world.signals(key), _acts(world), 0
    for number in (1, 2):
        world.pass_by(61)
        ours = {"Status": f"Call {number}", "OwnerId": US, "Leadgraph_Points__c": 70.0 + number}
        org.put(ref, world.clock.now() - SECOND, by=OUR_USER, **ours)
        tell(world, row, number)
        decided += world.work()
    heard = [one.kind.value for one in world.signals(key)[len(before) :]]
    unsure = way == "unsigned flow" or (not named and way in ("outbound", "flow", "platform"))
    thin = ["identity.identify"] * 2 if way == "gap" else []
    assert heard == (["crm.owner_change"] if unsure else thin)
    assert decided == len(heard)
    assert _acts(world) == rows
    world.pass_by(61)
    org.put(ref, world.clock.now() - SECOND, by=PERSON, Title="CEO")
    if way not in ("change", "gap"):
        org.put(
            ref, world.clock.now(), by=OUR_USER, Status="Call 4"
        )  # ours hides the person's, if it is believed
    tell(world, row, 9)
    assert world.work() == 1
    assert world.facts(key)["job_title"] == "CEO"


def _acts(world: UpstreamWorld) -> int:
    return now(world.home.reads.counts(world.home.tenant))["actions"]


@pytest.mark.parametrize("named", [True, False], ids=["actors", "no actors"])
@pytest.mark.parametrize("told", [outbound, flow, platform])
def test_a_lead_of_salesforce_that_we_made_is_nobody_new(home: Home, told: Tell, named: bool) -> None:
    world = asking(home, ours=NAMED if named else UNNAMED)
    org = world.vendor("salesforce")
    ref = org.person(NOW - MINUTE, by=OUR_USER, Company="Unknown", Leadgraph_Id__c="ld_1")
    told(world, org.rows["Lead"][ref], 1)
    assert world.work() == (0 if named else 1)


def test_a_merge_heard_as_a_deletion_joins_the_leads(home: Home) -> None:
    world = asking(home)
    org = world.vendor("salesforce")
    lost, kept = (org.person(NOW - MINUTE, Title="CTO", LastModifiedById=PERSON) for _ in range(2))
    for number, ref in enumerate((lost, kept)):
        flow(world, org.rows["Lead"][ref], number)
    world.work()
    world.pass_by(61)
    org.put(lost, world.clock.now(), IsDeleted=True, MasterRecordId=kept)
    change(world, org.rows["Lead"][lost], 5, "DELETE")
    world.work()
    assert world.lead(f"salesforce:{lost}") == world.lead(f"salesforce:{kept}")


CREATED = {"portalId": 62, "subscriptionType": "contact.creation", "changeSource": "INTEGRATION", "appId": 77}


@pytest.mark.parametrize("named", [True, False], ids=["actors", "no actors"])
@pytest.mark.parametrize("source", ["77", "app:77", ""])
def test_a_contact_of_hubspot_that_we_made_is_nobody_new(home: Home, source: str, named: bool) -> None:
    """Also where HubSpot does not say which integration made it: its record holds nothing but ours."""
    world = asking(home, ours=NAMED if named else UNNAMED)
    portal = world.vendor("hubspot")
    ours = {"leadgraph_id": "ld_1", "leadgraph_points": "71", "hs_lead_status": "Call"}
    ref = portal.add("contacts", {}).id
    for name, value in ours.items():
        portal.put(ref, name, value, NOW - MINUTE, app="x")
        portal.past[ref, name][0]["sourceId"] = source
    at = (NOW - MINUTE) // 1_000
    events = [{**CREATED, "sourceId": source, "eventId": 1, "objectId": int(ref), "occurredAt": at}]
    events += [
        {
            **events[0],
            "subscriptionType": "contact.propertyChange",
            "propertyName": name,
            "propertyValue": value,
        }
        for name, value in ours.items()
    ]
    world.tell("hubspot", events)
    assert world.work() == 0
    assert world.signals(f"hubspot:{ref}") == []


@pytest.mark.parametrize("named", [True, False], ids=["actors", "no actors"])
def test_a_contact_of_hubspot_that_another_integration_made_is_heard(home: Home, named: bool) -> None:
    world = asking(home, ours=NAMED if named else UNNAMED)
    portal = world.vendor("hubspot")
    ref = portal.person(NOW - MINUTE, jobtitle="CTO", email="ann@acme.example")
    at = (NOW - MINUTE) // 1_000
    world.tell(
        "hubspot", [{**CREATED, "sourceId": "78", "eventId": 1, "objectId": int(ref), "occurredAt": at}]
    )
    assert world.work() == 1
    assert world.facts(f"hubspot:{ref}") == {"job_title": "CTO"}
