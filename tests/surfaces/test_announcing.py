"""Outgoing events: in order, at least once under one id, nothing lost or made up by a kill, each region apart."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jsonschema
import orjson
import pytest
from fastapi.testclient import TestClient

from domain.happening import MODELS, EventType, Happening, events_of, schema_id, schema_of, types_from
from domain.ids import Region
from domain.instants import DAY, HOUR, MINUTE, Instant
from domain.ports.events import Answer, Events, Subscription, SubscriptionState
from domain.ports.home import Home
from surfaces.announcing import Announcer, events_in, page
from surfaces.api.events import events_router
from surfaces.cli.worker import work
from surfaces.door import take
from tests.agents.test_handoff import BUYS, talk
from tests.crash.hot import hot_lead
from tests.surfaces.api.calling import app_of, who
from tests.surfaces.cli.acting_world import World
from tests.surfaces.talk_world import desk, open_talks
from tools.diagnosis import diagnose
from tools.settings import find_settings

US = Region("us")
ALL = frozenset(EventType)


class Receiver:
    """Takes messages, and answers what it is told, else yes."""

    def __init__(self, *answers: str) -> None:
        self.got: list[tuple[str, bytes]] = []
        self.answers = list(answers)
        self.after: Any = None

    async def checked(self, url: str) -> str:
        return url

    def secret(self, _: Subscription) -> str:
        return ""

    async def post(self, _to: Subscription, message_id: str, body: bytes) -> Answer:
        self.got.append((message_id, body))
        if self.after is not None:
            await self.after()
        code, _, wait = (self.answers.pop(0) if self.answers else "ok").partition(" ")
        return Answer(code, float(wait or 0))

    @property
    def ids(self) -> list[str]:
        return [name for name, _ in self.got]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Three leads whose deals wait for a person."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEADGRAPH_MEMORY", "off")
        world = World(tmp_path_factory.mktemp("events"), None)  # type: ignore[arg-type]  # nothing is printed
        world.works(*enumerate(one for n in range(3) for one in hot_lead(120_000, f"lead-{n}")))
        return world


@pytest.fixture(scope="module")
def home(world: World) -> Iterator[Home]:
    with world.home() as home:
        yield home


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


class Told:
    """A subscription of its own to everything, and an announcer that tells it."""

    def __init__(self, home: Home, receiver: Receiver) -> None:
        found = events_in(home)
        self.home = replace(home, events=Events(found.feed, found.subscriptions, receiver))
        self.subscriptions = found.subscriptions

    async def begin(self, types: frozenset[EventType] = ALL, region: Region = US) -> Subscription:
        for one in await self.subscriptions.all(self.home.tenant):  # of other tests
            if one.state is not SubscriptionState.ENDED:
                await self.subscriptions.end(self.home.tenant, one.subscription_id, "test")
        return await self.subscriptions.make(
            self.home.tenant, region, url="https://example.com/", types=types, position=0, now=0
        )

    async def now(self, one: Subscription) -> Subscription:
        found = await self.subscriptions.all(self.home.tenant)
        return next(each for each in found if each.subscription_id == one.subscription_id)

    async def drain(self) -> None:
        await Announcer(self.home).drain()

    def later(self, us: int) -> None:
        clock: Any = self.home.clock
        clock.advance(Instant(clock.now() + us))


@pytest.fixture
def told(home: Home, receiver: Receiver) -> Told:
    return Told(home, receiver)


async def _all(home: Home, region: Region = US, types: frozenset[EventType] = ALL) -> list[dict[str, Any]]:
    found = await page(home, region, 0, types=types, limit=500)
    return [event.document(home.tenant, region) for event in found.events]


async def test_what_is_committed_is_told_in_order_and_by_its_schema(home: Home) -> None:
    """Each lead: a score, its first intent, a decision, a question; no address, name or word of anybody in it."""
    told = await _all(home)
    kinds = [one["type"] for one in told]
    assert {EventType(kind) for kind in kinds} == ALL
    assert kinds.count(EventType.ASKED) == 3
    assert [one["sequence"] for one in told] == sorted({one["sequence"] for one in told})
    assert len({one["id"] for one in told}) == len(told)
    for one in told:
        assert one["specversion"] == "1.0"
        assert one["dataschema"] == schema_id(EventType(one["type"]))
        jsonschema.validate(one["data"], schema_of(EventType(one["type"])), jsonschema.Draft202012Validator)
    open_now = await home.approvals.open(home.tenant)
    asked = {
        one["data"]["approval"]: one["data"]["proposal_hash"]
        for one in told
        if one["type"] == EventType.ASKED
    }
    assert asked == {one.approval_id: one.proposal_hash for one in open_now}
    scores = [one["data"]["points"] for one in told if one["type"] == EventType.SCORED]
    assert all(0 <= points <= 100 for points in scores)
    assert "lead-0" not in orjson.dumps(told).decode()


async def test_a_replay_tells_the_same_under_the_same_ids(told: Told, receiver: Receiver) -> None:
    """To the byte, and a subscription to some types gets those alone."""
    one = await told.begin()
    await told.drain()
    first = list(receiver.got)
    await told.subscriptions.restart(told.home.tenant, one.subscription_id, 0)
    await told.drain()
    assert receiver.got == first * 2
    assert receiver.ids == [each["id"] for each in await _all(told.home)] * 2
    receiver.got.clear()
    await told.begin(types_from("approval.requested"))
    await told.drain()
    assert [name.rpartition(".")[2] for name in receiver.ids] == ["requested"] * 3


async def test_a_message_that_did_not_arrive_comes_again_before_any_later_one(
    told: Told, receiver: Receiver
) -> None:
    """A lost answer, a 500, a redirect and a 429 alike: nothing overtakes, and a wait asked for is kept."""
    expected = [each["id"] for each in await _all(told.home)]
    receiver.answers = ["ok", "unreachable", "status_500", "redirect", "status_429 3600"]
    one = await told.begin()
    await told.drain()
    assert receiver.ids == expected[:2]
    await told.drain()
    assert receiver.ids == expected[:2]  # its wait is not over
    for _ in range(3):
        told.later(10 * MINUTE)
        await told.drain()
    told.later(50 * MINUTE)
    await told.drain()
    stood = await told.now(one)
    assert (stood.reason, stood.tries) == ("status_429", 4)
    told.later(HOUR)
    await told.drain()
    assert receiver.ids == [expected[0], *[expected[1]] * 5, *expected[2:]]
    assert ((await told.now(one)).reason, (await told.now(one)).tries) == ("", 0)


async def test_a_kill_between_sending_and_noting_sends_the_same_once_more(
    told: Told, receiver: Receiver
) -> None:
    """The cursor had not moved; until the lease is over nobody else sends."""
    expected = [each["id"] for each in await _all(told.home)]
    one = await told.begin()

    async def killed() -> None:
        if len(receiver.got) == 3:
            raise asyncio.CancelledError

    receiver.after = killed
    with pytest.raises(asyncio.CancelledError):
        await told.drain()
    before = await told.now(one)
    await told.drain()
    assert receiver.ids == expected[:3]
    told.later(2 * MINUTE)
    await told.drain()
    assert receiver.ids == [*expected[:3], *expected[2:]]
    assert before.position < (await told.now(one)).position


async def test_an_announcer_that_lost_its_lease_moves_nothing(told: Told, receiver: Receiver) -> None:
    """A person has asked for a replay while a message was under way."""
    one = await told.begin()

    async def replayed() -> None:
        receiver.after = None
        await told.subscriptions.restart(told.home.tenant, one.subscription_id, 0)

    receiver.after = replayed
    await Announcer(told.home).one_pass()
    assert ((await told.now(one)).position, len(receiver.got)) == (0, 1)
    await told.drain()
    assert receiver.ids[1:] == [each["id"] for each in await _all(told.home)]


async def test_who_is_gone_is_told_no_more_and_who_is_dead_for_days_is_paused(
    told: Told, receiver: Receiver
) -> None:
    """The first for good, the second until a person resumes it; nothing was skipped."""
    receiver.answers = ["gone"]
    one = await told.begin()
    await told.drain()
    ended = await told.now(one)
    told.later(DAY)
    await told.drain()
    assert (ended.state, ended.reason, len(receiver.got)) == (SubscriptionState.ENDED, "gone", 1)

    receiver.got.clear()
    receiver.answers = ["unreachable"] * 3
    one = await told.begin()
    await told.drain()
    for _ in range(3):
        told.later(3 * DAY)
        await told.drain()
    assert ((await told.now(one)).state, len(receiver.got)) == (SubscriptionState.PAUSED, 3)
    await told.subscriptions.restart(told.home.tenant, one.subscription_id, (await told.now(one)).position)
    await told.drain()
    assert receiver.ids[3:] == [each["id"] for each in await _all(told.home)]


async def test_another_region_is_told_nothing_of_it(told: Told, receiver: Receiver) -> None:
    """Neither by a subscription nor by a question."""
    await told.begin(region=Region("eu"))
    await told.drain()
    assert (receiver.got, await _all(told.home, Region("eu"))) == ([], [])


def test_a_decision_of_an_older_form_tells_nothing_and_stops_nobody() -> None:
    """As does one that is gone."""
    assert events_of(Happening(1, "dc_1", 0, b'{"score": null}')) == ()
    assert events_of(Happening(1, "dc_1", 0)) == ()


def test_a_decision_about_a_talk_is_told_without_its_words(tmp_path: Path) -> None:
    """Of the API's talks; not of a dry run. It is an event like another: by its schema, under one id."""
    with open_talks(tmp_path) as home:
        answer = asyncio.run(desk(home).decide(talk(("customer", BUYS))))
        again = asyncio.run(desk(home).decide(talk(("customer", BUYS), ("agent", "I am Ann."))))
        found = asyncio.run(_all(home, home.region))
        assert asyncio.run(_all(home, home.region)) == found
        lead = asyncio.run(home.reads.find_lead(home.tenant, "conversation_id:c1"))
    told = [one["data"] for one in found if one["data"].get("reason") == "handoff"]
    for one in found:
        jsonschema.validate(one["data"], schema_of(EventType(one["type"])), jsonschema.Draft202012Validator)
    assert [(one["verdict"], one["actions"]) for one in told] == [("act", ["handoff"]), ("nothing", [])]
    assert [one["decision"] for one in told] == [f"{answer.run_id}_1", f"{again.run_id}_2"]
    assert {one["lead"] for one in told} == {lead}
    assert BUYS not in orjson.dumps(found).decode()


def test_a_worker_that_ends_has_told_what_was_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also what came of its own last run; a receiver that does not answer holds it up no longer than one try."""
    receiver = Receiver("unreachable")
    world = World(tmp_path, capsys)
    world.records("events", "subscribe", "https://8.8.8.8/hook", "--region", "us")
    with world.home() as home:
        asyncio.run(take(home, list(enumerate(hot_lead(120_000)))))
        found = events_in(home)
        told = replace(home, events=Events(found.feed, found.subscriptions, receiver))
        asyncio.run(work(told, once=True))
        first = len(receiver.got)
        cast(Any, home.clock).advance(Instant(home.clock.now() + HOUR))
        asyncio.run(work(told, once=True))
        expected = [one["id"] for one in asyncio.run(_all(home))]
    assert first == 1
    assert receiver.ids == [expected[0], *expected]


def test_events_are_read_page_by_page_over_http(home: Home) -> None:
    """What comes after a position, once each, for who may read; what is asked wrongly is named."""
    with TestClient(app_of(home, events_router)) as client:
        client.headers.update(who("ann", "viewer"))
        found, after = [], 0
        while True:
            answer = client.get("/v1/events", params={"after": after, "limit": 2}).json()
            found += answer["events"]
            after = answer["next"]
            if not answer["more"] and not answer["events"]:
                break
        assert found == asyncio.run(_all(home))
        other = client.get("/v1/events", headers=who("eve", "viewer", "eu")).json()
        statuses = [
            client.get("/v1/events", headers=who("eve", "sender")).status_code,
            client.get("/v1/events", params={"types": "lead.sold"}).status_code,
            client.get("/v1/events", params={"after": -1}).status_code,
            client.get("/v1/events/schemas/none.v1").status_code,
        ]
        schemas = {kind: client.get(f"/v1/events/schemas/{kind.value}").json() for kind in MODELS}
    assert other["events"] == []
    assert statuses == [403, 422, 422, 404]
    assert schemas == {kind: schema_of(kind) for kind in MODELS}


def test_a_subscription_is_made_shown_and_ended_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its secret is shown; an address within the network is refused."""
    world = World(tmp_path, capsys)
    (made,) = world.records("events", "subscribe", "https://8.8.8.8/hook", "--types", "lead.scored")
    assert made["secret"].startswith("whsec_")
    assert made["types"] == [EventType.SCORED]
    name = made["subscription"]
    (moved,) = world.records("events", "replay", name, "--from", "5")
    (ended,) = world.records("events", "unsubscribe", name)
    assert (moved["position"], ended["state"], ended["reason"]) == (5, "ended", "unsubscribed")
    assert world.call("events", "subscribe", "https://169.254.169.254/latest")[0] != 0


def test_doctor_names_who_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A paused subscription is broken, with what to do; one that ended is nobody's matter."""
    world = World(tmp_path, capsys)
    (made,) = world.records("events", "subscribe", "https://8.8.8.8/hook")
    file = tmp_path / "home" / "leadgraph.db"
    settings = find_settings({}, home=tmp_path / "home").settings
    with closing(sqlite3.connect(file)) as store:
        store.execute("UPDATE subscription SET state = 'paused', reason = 'unreachable'")
        store.commit()
        (check,) = [one for one in diagnose(settings, lambda: "") if one.name.startswith("events")]
        store.execute("UPDATE subscription SET state = 'ended'")
        store.commit()
    later = [one for one in diagnose(settings, lambda: "") if one.name.startswith("events")]
    assert (check.ok, made["subscription"] in check.remedy, later) == (False, True, [])
