"""Outgoing events: whoever is slow, or shows a defect of ours, holds up nobody else."""

import asyncio
from collections.abc import Iterator

import pytest

from domain.instants import HOUR, SECOND, instant
from domain.ports.events import Answer, Subscription
from domain.ports.home import Home
from surfaces.announcing import Announcer
from surfaces.door import take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead
from tests.surfaces.talk_world import open_talks
from tests.surfaces.test_announcing import ALL, US, Receiver, Told, _all


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A lead of which several things are told."""
    with open_talks(tmp_path_factory.mktemp("turns"), instant(START) + HOUR) as home:
        asyncio.run(take(home, list(enumerate(hot_lead(120_000)))))
        asyncio.run(Worker(home, deps_of(home)).drain())
        yield home


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def told(home: Home, receiver: Receiver) -> Told:
    return Told(home, receiver)


class Uneven(Receiver):
    """One receiver answers when it is let go, one shows a defect of ours, all others answer at once."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self.by: dict[str, list[str]] = {}
        self.wanted, self.all_told = 0, asyncio.Event()

    async def post(self, to: Subscription, message_id: str, body: bytes) -> Answer:
        if "slow" in to.url:
            self.asked.set()
            await self.go.wait()
        if "defect" in to.url:
            raise ZeroDivisionError
        self.by.setdefault(to.url, []).append(message_id)
        if len(self.by[to.url]) == self.wanted:
            self.all_told.set()
        return Answer("ok")


async def _made(told: Told, *urls: str) -> list[Subscription]:
    """One subscription to everything for each address."""
    make, tenant = told.subscriptions.make, told.home.tenant
    return [await make(tenant, US, url=url, types=ALL, position=0, now=0) for url in urls]


async def test_whoever_is_slow_or_shows_a_defect_holds_up_nobody_else(home: Home) -> None:
    """Also those who come while it is asked; what it was being told when all stops counts."""
    uneven, heard, stop = Uneven(), list[Exception](), asyncio.Event()
    told = Told(home, uneven)
    await told.subscriptions.end(home.tenant, (await told.begin()).subscription_id, "test")
    slow, broken = await _made(told, "https://slow/", "https://defect/")
    serving = asyncio.create_task(Announcer(told.home, defect=heard.append).serve(stop))
    await asyncio.wait_for(uneven.asked.wait(), 20)
    expected = [one["id"] for one in await _all(home)]
    uneven.wanted = len(expected)
    (quick,) = await _made(told, "https://quick/")
    await asyncio.wait_for(uneven.all_told.wait(), 20)
    assert uneven.by[quick.url] == expected
    assert (await told.now(slow)).position == 0
    assert ((await told.now(broken)).reason, [type(one) for one in heard]) == ("defect", [ZeroDivisionError])
    stop.set()
    uneven.go.set()
    await serving
    assert uneven.by[slow.url] == expected[:1]
    assert (await told.now(slow)).position > 0


async def test_a_turn_ends_after_a_while_and_the_next_goes_on_from_there(
    told: Told, receiver: Receiver
) -> None:
    """Each message takes three seconds: two of them fit into one turn."""
    one = await told.begin()

    async def takes_long() -> None:
        told.later(3 * SECOND)

    receiver.after = takes_long
    announcer = Announcer(told.home)
    await announcer.one_pass()
    stood, expected = await told.now(one), [each["id"] for each in await _all(told.home)]
    assert (receiver.ids, stood.next_try) == (expected[:2], told.home.clock.now())
    await announcer.drain()
    assert receiver.ids == expected
