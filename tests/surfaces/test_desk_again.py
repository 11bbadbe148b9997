"""After a handing over: a second wish, a failure, an undo, a way back. Nobody waits unheard, or is told twice."""

import asyncio
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.approval import VoteKind
from domain.effect import StepKind
from domain.handoff import Step
from domain.happening import EventType
from domain.instants import DAY, HOUR, MINUTE, SECOND
from domain.ports.outbox import OutboxRow
from surfaces.announcing import page
from surfaces.worker import Worker, deps_of
from tests.agents.test_handoff import BUYS, talk
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
from tests.surfaces.talk_world import HEARD, actions, desk, open_talks, sent
from tests.tools.desk.fake_chatwoot import Talk
from tests.tools.vendor_server import instead

EACH = [{"vendor": vendor} for vendor in VENDORS]
REFUSES = instead(422, {"error": "no"})


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, desk_config: Path) -> Iterator[DeskWorld]:
    with followed(tmp_path, config=desk_config, **getattr(request, "param", {})) as world:
        yield world
        assert world.fake.broken == []


async def handed(world: DeskWorld) -> None:
    """The customer wants to buy, and sales has the conversation."""
    await world.says()
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)
    world.later(MINUTE)


async def closed_by_sales(world: DeskWorld) -> None:
    """A day after sales closed it it is open again, under the same name."""
    world.vendor.give(SELLER, closed=True)
    await world.says("Bye")
    await world.decided()
    world.later(DAY)
    world.vendor.give(SELLER)


async def why(world: DeskWorld) -> list[str]:
    return [str(detail["why"]) for _, detail in await world.rows()]


async def ends(world: DeskWorld) -> list[tuple[str, str, str]]:
    """What became of the handings over, the oldest first: queue, state, reason."""
    rows = sorted(await actions(world.home), key=lambda row: row.at)
    return [(row.params["queue"], row.state.value, row.reason) for row in rows]


def kinds(row: OutboxRow) -> set[StepKind]:
    return {one.step.kind for one in row.steps}


async def elsewhere(world: DeskWorld, text: str = "We want to buy 50 more") -> dict[str, Any]:
    """The same customer writes in another conversation of Chatwoot's."""
    world.fake.talks.setdefault(43, Talk(43))
    sender = {"id": 1, "type": "contact"}
    said = world.fake.say(43, text, sender=sender, at=world.seconds)
    event = {
        "event": "message_created", "id": said["id"], "content": text, "message_type": "incoming",
        "private": False, "created_at": world.seconds, "account": {"id": 1}, "sender": {"id": 1},
        "conversation": {"id": 43, "meta": {"sender": {"id": 1}}},
    }  # fmt: skip
    await world.tell(event)
    return event


@pytest.mark.parametrize("world", EACH, ids=VENDORS, indirect=True)
async def test_a_person_who_closes_it_wins_and_each_later_wish_is_handed_over_once(world: DeskWorld) -> None:
    await world.says()
    await world.decided()
    world.later(MINUTE)
    world.vendor.give(closed=True)
    before = world.vendor.stands()
    await world.sent()
    await world.decided()
    assert (world.vendor.stands(), world.fake.notes()) == (before, [])
    world.later(DAY)
    world.vendor.give()  # as it is opened again by what the customer writes
    await world.says("We want 60 seats now")
    assert (await world.decided()).handoff == 1
    assert world.ears.texts[-1] == "We want 60 seats now"
    await world.sent()
    assert (world.vendor.stands(), len(world.fake.notes())) == ((SALES, SELLER), 1)
    await closed_by_sales(world)
    event = await world.says("We want to buy 50 more seats")
    assert (await world.decided()).handoff == 1
    await world.sent()
    await world.tell(event)
    await world.says("Hello?")
    assert (await world.decided()).handoff == 0
    await world.sent()
    assert (world.vendor.stands(), len(world.fake.notes())) == ((SALES, SELLER), 2)
    rows = await actions(world.home, ActionState.DONE)
    assert [kinds(row) >= {StepKind.CREATE_TASK, StepKind.NOTIFY} for row in rows] == [True, True]
    await closed_by_sales(world)
    await world.says("And 10 more")
    assert (await world.decided()).handoff == 1
    await closed_by_sales(world)  # it is read before anything is sent
    done, closed = ("sales", "done", ""), ("sales", "expired", "closed")
    assert await ends(world) == [closed, done, done, closed]


@pytest.mark.parametrize("world", EACH, ids=VENDORS, indirect=True)
async def test_what_the_desk_refuses_goes_to_support_though_the_customer_says_no_more(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    world.wire.plan = deque([REFUSES] * 6)
    await world.sent()
    world.wire.plan = deque()
    assert await ends(world) == [("sales", "failed", "invalid")]
    assert (await world.decided()).ask_person == 1
    await world.sent()
    assert (world.vendor.stands(), await why(world)) == ((SUPPORT, None), ["buying", "refused"])
    (note,) = world.fake.notes()
    assert "giving it to sales failed" in note
    await world.says("Hello?")
    assert (await world.decided()).stay == 1
    (refused,) = await actions(world.home, ActionState.FAILED)
    await world.home.outbox.retry(world.home.tenant, refused.action_id, by="ann", now=world.clock.now())
    await world.sent()
    assert (world.vendor.stands(), len(world.fake.notes())) == ((SUPPORT, None), 1)
    assert await ends(world) == [("sales", "expired", "talk"), ("support", "done", "")]


async def test_a_desk_that_refuses_all_is_tried_once_more_with_each_message_and_not_by_itself(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    world.wire.plan = deque([REFUSES] * 99)
    for _ in range(4):
        await world.sent()
        await world.decided()
    assert await ends(world) == [("sales", "failed", "invalid"), ("support", "failed", "invalid")]
    world.wire.plan = deque()
    world.later(DAY)
    await world.says("Is anybody there?")
    assert (await world.decided()).handoff == 1
    assert world.ears.texts[-2:] == ["What do 50 seats cost?", "Is anybody there?"]
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)


async def test_while_sales_has_the_customer_another_conversation_goes_to_the_same_person_who_is_told_once(
    world: DeskWorld,
) -> None:
    await handed(world)
    event = await elsewhere(world)
    assert (await world.decided()).handoff == 1
    await world.says("Sam?")
    assert (await world.decided()).stay == 1  # that Sam has this one keeps nothing from the other
    await world.sent()
    await world.tell(event)
    await elsewhere(world, "Hello?")
    await world.decided()
    await world.sent()
    second, first = await actions(world.home)
    assert (world.fake.talks[43].team, world.fake.talks[43].agent) == (SALES, SELLER)
    assert second.params["owner"] == first.params["owner"]
    assert kinds(second) == {StepKind.HAND_OVER, StepKind.ADD_NOTE}
    notes = [one["content"] for one in world.fake.talks[43].messages if one["private"]]
    assert len(notes) == 1
    assert "Sales has this customer already in the conversation chatwoot:42" in notes[0]
    await closed_by_sales(world)
    world.fake.talks[43].status = "resolved"
    await elsewhere(world, "Bye")
    await world.decided()
    world.fake.talks[43].status = "open"
    await elsewhere(world, "We want even more")
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert StepKind.CREATE_TASK in kinds((await actions(world.home))[0])


def test_two_conversations_of_one_customer_at_once_make_one_task_and_a_restart_none(
    tmp_path: Path, desk_config: Path
) -> None:
    with followed(tmp_path, config=desk_config) as world:
        asyncio.run(world.says())
        asyncio.run(elsewhere(world))
        assert asyncio.run(world.decided()).handoff == 2
        at, fake = world.clock.now() + MINUTE, world.fake
    with followed(tmp_path, config=desk_config, at=at) as world:
        world.fake.talks, world.fake.numbers = fake.talks, fake.numbers
        asyncio.run(world.sent())
        assert not asyncio.run(world.decided()).busy
        rows = asyncio.run(actions(world.home))
        assert sorted(StepKind.CREATE_TASK in kinds(row) for row in rows) == [False, True]
        assert [(one.team, one.agent) for one in world.fake.talks.values()] == [(SALES, SELLER)] * 2
        assert len(world.fake.notes()) == 2


async def test_a_conversation_that_is_the_bots_again_is_heard_though_nobody_told_us_that_it_was_closed(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    early, at = await world.loop.desks.conversations.talk("chatwoot:42"), world.clock.now()
    await world.sent()
    world.vendor.say("And is there SSO?", world.seconds)
    more = await world.loop.desks.conversations.talk("chatwoot:42")
    assert early is not None
    assert more is not None
    stale = early.model_copy(update={"messages": more.messages})
    answer = await world.loop.desk.follow(stale, read_at=at)
    assert answer is not None
    assert answer.why == "with_person"  # what was read before it was done does not give it back
    world.later(MINUTE)
    world.vendor.give(SELLER, says="It is 20 each.", at=world.seconds)
    conversation = world.fake.talks[42]
    conversation.status, conversation.team, conversation.agent = "pending", 0, 0
    world.later(DAY)
    world.ears.heard = ASKS
    await world.says("Can I talk to a person?")
    assert (await world.decided()).ask_person == 1
    assert world.ears.texts[1:] == ["Can I talk to a person?"]
    await world.sent()
    assert world.vendor.stands() == (SUPPORT, None)
    conversation.status, conversation.team = "pending", 0
    world.later(DAY)
    world.ears.heard = HEARD
    await world.says("We want to buy 50 more")
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert (world.vendor.stands(), len(world.fake.notes())) == ((SALES, SELLER), 3)


async def test_what_a_person_took_back_stays_back_and_the_next_message_is_read(world: DeskWorld) -> None:
    await handed(world)
    (row,) = await actions(world.home)
    await world.home.outbox.undo(world.home.tenant, row.action_id, by="ann", now=world.clock.now())
    await world.sent()
    assert (world.vendor.stands(), world.fake.notes()) == ((None, None), [])
    assert not (await world.decided()).busy
    world.ears.heard = CALM
    await world.says("How do I reset my password?")
    assert (await world.decided()).stay == 1
    await world.sent()
    assert (world.vendor.stands(), await why(world)) == ((None, None), ["buying", "no_interest"])
    world.ears.heard = HEARD
    await world.says("We want to buy 50 seats")
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)


async def test_a_person_who_took_it_first_and_gave_it_back_to_the_bot_keeps_nobody_from_being_heard(
    world: DeskWorld,
) -> None:
    await world.says()
    await world.decided()
    world.vendor.give(OTHER)
    await world.sent()
    assert await ends(world) == [("sales", "expired", "owner_changed")]
    assert not (await world.decided()).handoff
    conversation = world.fake.talks[42]
    conversation.status, conversation.agent = "pending", 0
    world.later(DAY)
    await world.says("We still want to buy")
    assert (await world.decided()).ask_person == 1
    await world.sent()
    assert world.vendor.stands() == (SUPPORT, None)


async def test_a_wish_while_the_first_handing_over_is_half_way_rides_on_it(world: DeskWorld) -> None:
    await world.says()
    await world.decided()
    world.wire.plan = deque([None, *[instead(503)] * 9])
    await world.sent()
    world.wire.plan = deque()
    world.vendor.give(closed=True)
    await world.says("Bye")
    await world.decided()
    world.fake.talks[42].status = "pending"
    await world.says("No, we do want to buy")
    assert (await world.decided()).handoff == 1
    world.later(HOUR)
    await world.sent()
    (row,) = await actions(world.home)
    assert (row.state, world.vendor.stands(), len(world.fake.notes())) == (
        ActionState.DONE,
        (SALES, SELLER),
        1,
    )


async def test_while_a_runs_handing_over_is_being_sent_the_conversation_waits_and_then_there_is_one(
    world: DeskWorld,
) -> None:
    await world.says("I would like to buy 50 seats, can you send me a quote?")
    home, now = world.home, world.clock.now
    await Worker(home, deps_of(home)).drain()
    (asked,) = await home.approvals.open(home.tenant)
    await home.approvals.vote(
        home.tenant, asked.approval_id, kind=VoteKind.APPROVE, by="rita", now=now(),
        proposal_hash=asked.proposal_hash, policy=home.policy.version,
    )  # fmt: skip
    while (
        taken := (await home.outbox.take(now=now(), limit=1, lease_us=SECOND))[0]
    ).row.kind is not ActionKind.HANDOFF:
        await home.outbox.finish(taken, Move.REFUSE, (), (), now=now())
    assert (await world.decided()).put_off == 1
    await world.sent()
    world.later(MINUTE)
    await world.decided()
    await world.sent()
    handed = [row for row in await actions(home) if row.kind is ActionKind.HANDOFF]
    assert ([row.state for row in handed], len(world.fake.notes())) == ([ActionState.DONE], 1)
    assert world.vendor.stands()[0] == SALES


def test_over_http_what_could_not_be_handed_over_brings_a_person_with_the_next_call(tmp_path: Path) -> None:
    one = talk(("customer", BUYS))
    with open_talks(tmp_path) as home:
        asyncio.run(desk(home).decide(one))
        (taken,) = asyncio.run(home.outbox.take(now=home.clock.now(), limit=1, lease_us=SECOND))
        end = home.outbox.finish(taken, Move.REFUSE, taken.row.steps, (), now=home.clock.now())
        assert asyncio.run(end)
        again = asyncio.run(desk(home).decide(one))
        assert (again.decision, again.why) == (Step.ASK_PERSON, "refused")
        assert asyncio.run(desk(home).decide(one)).why == "with_person"
        more = talk(("customer", BUYS), ("customer", "10 seats will do"), with_bot=True)
        answer = asyncio.run(desk(home).decide(more))
        assert (answer.decision, answer.already) == (Step.HANDOFF, False)


def test_what_others_are_told_names_only_what_is_sent_and_a_second_call_points_to_the_first(
    tmp_path: Path,
) -> None:
    """Over HTTP, where the desk that asks hands its conversation over by itself."""
    first = talk(("customer", BUYS), lead="crm_id:1")
    second = first.model_copy(update={"conversation_id": "c2"})
    with open_talks(tmp_path) as home:
        one = asyncio.run(desk(home).decide(first))
        two = asyncio.run(desk(home).decide(second))
        assert (two.action, two.already, two.route) == (one.action, True, one.route)
        told = asyncio.run(page(home, home.region, 0, types=frozenset({EventType.DECIDED}), limit=9)).events
        assert [list(event.data.actions) for event in told] == [["handoff"], []]  # type: ignore[attr-defined]  # of that type
        asyncio.run(sent(home))
        for done in (first, second):
            asyncio.run(desk(home).decide(done.model_copy(update={"status": "closed"})))
        again = talk(("customer", BUYS), ("customer", "We need 10 more now"), lead="crm_id:1")
        three = asyncio.run(desk(home).decide(again))
        assert (three.decision.value, three.already) == ("handoff", False)
        assert asyncio.run(sent(home)).done == 1
