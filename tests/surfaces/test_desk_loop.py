"""Following a desk: one decision for what a customer wrote, once in the desk, and a person who takes over wins."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.action import ActionState
from domain.errors import Temporary
from domain.handoff import Heard
from domain.instants import HOUR, MINUTE, SECOND
from tests.surfaces.desk_world import (
    ASKS,
    CALM,
    OTHER,
    SALES,
    SELLER,
    SUPPORT,
    VENDORS,
    DeskWorld,
    followed,
)
from tests.surfaces.talk_world import HEARD, SAID_AT, actions
from tests.tools.vendor_server import instead, vanished

EACH = [{"vendor": vendor} for vendor in VENDORS]


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, desk_config: Path) -> Iterator[DeskWorld]:
    with followed(tmp_path, config=desk_config, **getattr(request, "param", {})) as world:
        yield world
        assert world.fake.broken == []


@pytest.mark.parametrize("world", EACH, ids=VENDORS, indirect=True)
async def test_a_conversation_is_handed_over_once_however_often_it_is_delivered_and_the_bot_is_silent(
    world: DeskWorld,
) -> None:
    event = await world.says()
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)
    (note,) = world.fake.notes()
    assert "Buying interest 90 %" in note
    assert world.fake.told() == []  # nobody allowed us to speak to customers
    kept = await world.tell(event)
    assert (kept.accepted, kept.duplicates) == (0, 1)
    assert not (await world.decided()).busy
    await world.says("And is there SSO?")
    assert (await world.decided()).stay == 1
    await world.sent()
    assert (len(world.fake.notes()), world.fake.broken) == (1, [])
    assert [(code, detail["why"]) for code, detail in await world.rows()] == [
        ("handoff", "buying"),
        ("stay", "with_person"),
    ]


@pytest.mark.parametrize("world", EACH, ids=VENDORS, indirect=True)
async def test_when_sales_closes_it_and_the_customer_writes_again_support_has_it_back_and_the_bot_may_go_on(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    await world.sent()
    world.later(MINUTE)
    world.vendor.give(SELLER, says="It is 20 each.", at=world.seconds)
    world.vendor.say("Thank you, I want to buy", world.seconds + 1)
    world.later(MINUTE)
    world.vendor.give(SELLER, closed=True)
    await world.says("Bye")
    await world.decided()
    assert [detail["why"] for _, detail in await world.rows()] == ["buying", "with_person"]
    world.vendor.give(SELLER)  # as it is opened again by what the customer writes, under the same name
    held = next(iter((world.fake.tickets if hasattr(world.fake, "tickets") else world.fake.talks).values()))
    if hasattr(held, "status"):
        held.status = "pending"  # as Chatwoot opens it for its bot
    world.ears.heard, world.ears.texts = CALM, []
    await world.says("How do I reset my password?")
    assert (await world.decided()).stay == 1
    assert world.ears.texts == ["How do I reset my password?"]
    await world.sent()
    assert world.vendor.stands() == (SUPPORT, None)
    assert len(world.fake.notes()) == 2
    assert getattr(held, "status", "pending") == "pending"  # so that the bot goes on
    assert not {"sales-handoff", "66"} & set(held.tags if hasattr(held, "tags") else held.labels)
    await world.says("Hello?")
    await world.decided()
    await world.sent()
    assert (len(world.fake.notes()), world.fake.broken) == (2, [])


async def test_messages_in_a_row_make_one_decision(world: DeskWorld) -> None:
    for text in ("Hello", "I have a question", "What do 50 seats cost?"):
        await world.says(text)
        world.later(SECOND // 4)
    assert (await world.decided()).handoff == 1
    assert len(await world.rows()) == 1


async def test_a_person_who_takes_the_conversation_before_it_is_handed_over_keeps_it(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    world.vendor.give(OTHER)
    await world.sent()
    assert world.vendor.stands() == (None, OTHER)
    assert world.fake.notes() == []
    (row,) = await actions(world.home, ActionState.EXPIRED)
    assert row.reason == "owner_changed"


async def test_a_person_who_has_it_when_it_is_read_keeps_it(world: DeskWorld) -> None:
    world.vendor.give(OTHER)
    await world.says()
    assert (await world.decided()).stay == 1
    assert world.ears.texts == []
    assert await actions(world.home) == []


async def test_who_asks_for_a_person_is_put_to_support_once_and_sales_gets_no_task(world: DeskWorld) -> None:
    world.ears.heard = ASKS
    await world.says("Can I talk to a person?")
    assert (await world.decided()).ask_person == 1
    await world.says("Hello?")
    await world.decided()
    await world.sent()
    assert world.vendor.stands() == (SUPPORT, None)
    assert world.fake.talks[42].status == "open"
    (note,) = world.fake.notes()
    assert "A customer asks for a person" in note
    (row,) = await actions(world.home)
    assert [one.step.kind.value for one in row.steps] == ["hand_over", "add_note"]


async def test_an_ask_for_support_does_not_keep_a_later_handoff_from_sales(world: DeskWorld) -> None:
    world.ears.heard = ASKS
    await world.says("Can I talk to a person?")
    await world.decided()
    await world.sent()
    world.vendor.give(OTHER, closed=True)
    await world.says("Thanks")
    await world.decided()
    world.vendor.give(OTHER)
    world.ears.heard = HEARD
    await world.says()
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert [row.params["queue"] for row in await actions(world.home, ActionState.DONE)] == [
        "sales",
        "support",
    ]


@pytest.mark.parametrize("fault", [vanished, instead(503), instead(200, {"payload": "?"}), instead(429)])
async def test_a_desk_that_cannot_be_read_is_waited_out_and_nothing_is_decided(
    world: DeskWorld, fault: object
) -> None:
    await world.says()
    world.wire.reads = deque([fault])  # type: ignore[list-item]  # a fault
    assert (await world.decided()).put_off == 1
    assert await world.rows() == []
    world.later(2 * MINUTE)
    assert (await world.decided()).handoff == 1


async def test_what_was_read_and_not_decided_is_read_again(world: DeskWorld) -> None:
    await world.says()
    world.later(2 * SECOND)
    due = world.loop.desks.due
    (held,) = await due.take(world.home.tenant, limit=9, now=world.clock.now(), lease_us=MINUTE)
    assert (held.conversation, (await world.decided()).busy) == ("chatwoot:42", False)
    await world.says("One more thing")
    await due.settle(world.home.tenant, held, now=world.clock.now())
    assert (await world.decided()).handoff == 1
    assert await due.waiting(world.home.tenant) == 0


def test_a_kill_while_a_conversation_is_looked_at_leaves_it_due(tmp_path: Path, desk_config: Path) -> None:
    with followed(tmp_path, config=desk_config) as world:
        asyncio.run(world.says())
        world.later(2 * SECOND)
        world.loop.desk = _Killed()  # type: ignore[assignment]  # what is asked of it here
        with pytest.raises(Temporary):
            asyncio.run(world.loop.one_pass())
        at = world.clock.now() + 3 * MINUTE
    with followed(tmp_path, config=desk_config, at=at) as world:
        world.vendor.say("What do 50 seats cost?", world.seconds)
        assert asyncio.run(world.decided()).handoff == 1


class _Killed:
    async def follow(self, _: object, *, read_at: int) -> None:
        raise Temporary("here it ended")


@pytest.mark.parametrize("world", [{"desk_handoff": "dry"}], indirect=True)
async def test_a_dry_run_puts_on_record_what_would_be_done_and_does_nothing(world: DeskWorld) -> None:
    for text in ("What do 50 seats cost?", "And 60?"):
        await world.says(text)
        await world.decided()
    await world.sent()
    assert [(code, detail["dry"]) for code, detail in await world.rows()] == [("handoff", True)] * 2
    assert (await actions(world.home), world.fake.ledger) == ([], [])


@pytest.mark.parametrize("world", [{"at": SAID_AT + 12 * HOUR}], indirect=True)
async def test_at_night_the_team_reads_when_to_call_back_and_what_to_tell_the_customer(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    await world.sent()
    (note,) = world.fake.notes()
    assert "(callback)" in note
    assert "Tell the customer: Nobody is here right now. A colleague will get back to you from" in note
    assert world.fake.told() == []
    assert world.vendor.stands()[0] == SALES


async def test_an_angry_customer_is_put_to_support(world: DeskWorld) -> None:
    world.ears.heard = replace(HEARD, angry=0)
    await world.says("This is a disgrace, I would buy more if it worked")
    assert (await world.decided()).ask_person == 1
    await world.sent()
    assert world.vendor.stands() == (SUPPORT, None)


@pytest.mark.parametrize("heard", [CALM, HEARD], ids=["calm", "buying"])
async def test_a_conversation_that_is_gone_is_let_go(world: DeskWorld, heard: Heard) -> None:
    world.ears.heard = heard
    await world.says()
    world.fake.talks.clear()
    assert (await world.decided()).nothing == 1
    assert await world.loop.desks.due.waiting(world.home.tenant) == 0
