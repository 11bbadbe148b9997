"""What we write at a vendor comes back as its webhook: nothing is taken in, so nothing is decided anew."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.action import ActionKind
from domain.effect import Step, StepKind
from domain.ports.target import Subject
from surfaces.worker import Worker, deps_of
from tests.surfaces.desk_world import DeskWorld, configuration, followed
from tests.surfaces.talk_world import actions
from tests.surfaces.webhooks.house import housed
from tests.surfaces.webhooks.sending import as_json
from tests.tools.crm.vendor_worlds import VENDORS as CRMS
from tests.tools.crm.vendor_worlds import Account
from tests.tools.crm.worlds import LEAD, TENANT
from tests.tools.desk import fake_chatwoot, fake_intercom, fake_zendesk

Event = Mapping[str, Any]
WRITES = (
    Step(StepKind.SET_FIELDS, {"points": "72", "band": "hot"}),
    Step(StepKind.SET_OWNER, {"owner": "r1", "team": "emea"}),
    Step(StepKind.CREATE_TASK, {"title": "Call", "owner": "r1", "queue": "emea"}),
)


def hubspot(account: Account) -> Sequence[Any]:
    """Each property that is set now, as HubSpot tells of it: a creation and one event a property."""
    shape = {"portalId": 62, "appId": 5, "occurredAt": 1709286300000, "attemptNumber": 0, "sourceId": "5"}
    return [
        [
            {
                **shape, "eventId": n, "subscriptionType": "contact.propertyChange", "objectId": int(one.id),
                "changeSource": "INTEGRATION", "propertyName": name, "propertyValue": value,
            }
            for one in account.fake.things["contacts"].values()
            for n, (name, value) in enumerate(one.values.items())
        ]
    ]  # fmt: skip


def salesforce(account: Account) -> Sequence[Any]:
    """A change event for each request that wrote, under the client that the request named."""
    return [
        {
            "ChangeEventHeader": {
                "entityName": "Lead", "recordIds": ["00Q1"], "changeType": "UPDATE", "transactionKey": f"t-{n}",
                "changeOrigin": f"com/salesforce/api/rest/66.0;{asked.headers['sforce-call-options']}",
                "sequenceNumber": 1, "commitTimestamp": 1709286300000, "commitUser": "0059",
            },
            "Status": "Working", "OwnerId": "005X",
        }
        for n, asked in enumerate(one for one in account.wire.log if one.writes)
    ]  # fmt: skip


ECHOES: Mapping[str, Callable[[Account], Sequence[Any]]] = {"hubspot": hubspot, "salesforce": salesforce}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("vendor", CRMS)
def test_our_write_in_a_crm_comes_back_and_nothing_is_taken_in(
    vendor: str, tmp_path: Path, named: bool
) -> None:
    account = CRMS[vendor](tmp_path)
    for n, step in enumerate(WRITES):
        asyncio.run(account.target.send(step, Subject(TENANT, LEAD), key=f"k{n}"))
    events = ECHOES[vendor](account)
    assert events
    with housed(tmp_path, webhook_actors={"hubspot": "5"} if named else {}) as house:
        for event in events:
            headers = {"authorization": "Bearer token-that-we-issued-1"} if vendor == "salesforce" else {}
            answer = house.send(vendor, as_json(event), headers=headers)
            assert answer.status_code == 202
            found = answer.json()
            assert (found["accepted"], found["quarantined"], found["thin"]) == (0, [], 0)
            assert found["ignored"]["echo"] > 0
        assert house.stored() == 0


def chatwoot_desk(world: DeskWorld) -> Iterator[Event]:
    talk = world.fake.talks[42]
    shape = {"account": {"id": 1}, "conversation": {"id": 42, "meta": {"sender": {"id": 1}}}}
    for one in talk.messages:
        if one["private"] or one["sender"].get("id") == fake_chatwoot.US:
            yield {**shape, **one, "event": "message_created", "message_type": "outgoing"}
    marks = {"custom_attributes": {"previous_value": {}, "current_value": talk.attributes}}
    every: Sequence[Sequence[Event]] = ([marks], [{"team_id": {}}, {"assignee_id": {}}], [{"label_list": {}}])
    for changes in every:
        yield {"event": "conversation_updated", "id": 42, "account": {"id": 1}, "changed_attributes": changes}
    yield {"event": "conversation_status_changed", "id": 42, "status": talk.status, "account": {"id": 1}}


def intercom_desk(world: DeskWorld) -> Iterator[Event]:
    talk, us = world.fake.talks["42"], {"type": "admin", "id": fake_intercom.US}
    topics = {"note": "noted", "assignment": "assigned", "comment": "replied", "close": "closed"}
    for part in talk.parts:
        if part["author"] == us:
            parts = {"conversation_parts": [{"created_at": 1, **part}]}
            item = {"id": "42", "contacts": {"contacts": [{"id": "1"}]}, "conversation_parts": parts}
            topic = f"conversation.admin.{topics.get(part['part_type'], part['part_type'])}"
            yield {"topic": topic, "id": part["id"], "data": {"item": item}}


def zendesk_desk(world: DeskWorld) -> Iterator[Event]:
    detail = {"id": "42", "requester_id": "1", "actor_id": str(fake_zendesk.US)}
    note = {"body": "a note", "is_public": False, "author": {"id": str(fake_zendesk.US), "is_staff": True}}
    events: Mapping[str, Event] = {
        "comment_added": {"comment": note},
        "comment_added ": {"comment": {**note, "body": world.fake.told()[0], "is_public": True}},
        "tags_changed": {"tags_added": ["sales_handoff"]},
        "group_assignment_changed": {"current": "7", "previous": None},
        "agent_assignment_changed": {"current": "31", "previous": None},
        "priority_changed": {"current": "HIGH", "previous": None},
        "status_changed": {"current": "SOLVED", "previous": "NEW"},
        "custom_field_changed": {"field": {"id": 5001}, "current": "marks", "previous": None},
    }
    for n, (what, event) in enumerate(events.items()):
        yield {
            "type": f"zen:event-type:ticket.{what.strip()}", "id": f"echo-{n}", "account_id": 8,
            "time": "2026-03-02T10:01:00Z", "detail": detail, "event": event,
        }  # fmt: skip


DESKS: Mapping[str, Callable[[DeskWorld], Iterator[Event]]] = {
    "chatwoot": chatwoot_desk,
    "intercom": intercom_desk,
    "zendesk": zendesk_desk,
}


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DeskWorld]:
    config = configuration(tmp_path / "config")
    with followed(tmp_path, request.param, config=config, desk_tell_customer=True) as world:
        yield world


@pytest.mark.parametrize("world", DESKS, indirect=True)
async def test_our_handing_over_and_back_in_a_desk_comes_back_and_no_new_decision_is_made(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    await world.sent()
    ledger = list(world.fake.ledger)
    assert (len(ledger), len(world.fake.told())) == (2, 1)
    name = world.loop.desks.conversations.name
    events = list(DESKS[name](world))
    assert len(events) > 2
    for event in events:
        assert await world.tell(event) == (await world.tell(event))
        assert (await world.tell(event)).accepted == 0
    assert await world.loop.desks.due.waiting(world.home.tenant) == 0
    assert not (await world.decided()).busy
    await world.sent()
    assert (len(await world.rows()), world.fake.ledger, len(world.fake.told())) == (1, ledger, 1)

    (handoff,) = [row for row in await actions(world.home) if row.kind is ActionKind.HANDOFF]
    await world.home.outbox.undo(world.home.tenant, handoff.action_id, by="ann", now=world.clock.now())
    await world.sent()
    assert len(world.fake.ledger) > len(ledger)
    ledger = list(world.fake.ledger)
    for event in [*DESKS[name](world), *([OUR_CLOSING] if name == "intercom" else [])]:
        assert (await world.tell(event)).accepted == 0
    assert not (await world.decided()).busy
    await world.sent()
    assert (len(await world.rows()), world.fake.ledger) == (1, ledger)
    await _unknown_to_us(world, [*events, *DESKS[name](world)])
    assert world.fake.ledger == ledger


async def _unknown_to_us(world: DeskWorld, events: Sequence[Event]) -> None:
    """Without `webhook_actors` our words are an agent's and our closing is anybody's: nothing follows of it."""
    world.vendor.us = "nobody"
    await Worker(world.home, deps_of(world.home)).drain()
    await world.sent()
    before = await actions(world.home)
    for event in events:
        await world.tell(event)
    tally = await world.decided()
    assert (tally.handoff, tally.ask_person) == (0, 0)
    await Worker(world.home, deps_of(world.home)).drain()
    assert [row.action_id for row in await actions(world.home)] == [row.action_id for row in before]
    await world.sent()


OUR_CLOSING: Event = {
    "topic": "conversation.admin.closed",
    "data": {"item": {
        "id": "42", "updated_at": 1709286300, "contacts": {"contacts": [{"id": "1"}]},
        "conversation_parts": {"conversation_parts": [
            {"id": "9", "part_type": "close", "author": {"type": "admin", "id": fake_intercom.US}},
        ]},
    }},
}  # fmt: skip
