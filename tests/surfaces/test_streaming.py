"""Salesforce is listened to: nothing that happened is passed over or counts twice, whatever befalls the session."""

import asyncio
import io
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import Toolbox, open_home
from domain.errors import Temporary
from domain.instants import HOUR, MINUTE, SECOND, Instant, iso
from domain.ports.home import Home
from surfaces import catching_up
from surfaces.catching_up import Caught
from surfaces.cli.context import Cli
from surfaces.cli.root import run
from tests.domain.items import NOW
from tests.surfaces.stream_world import LEADS, StreamWorld, listening
from tests.surfaces.strict import strict
from tests.surfaces.upstream_world import now
from tests.tools.crm.fake_salesforce import CLIENT_ID, CLIENT_SECRET, OUR_USER
from tests.tools.records import fake_cometd
from tests.tools.records.fake_cometd import Handler, Place, Streams, served
from tests.tools.records.vendors import PERSON
from tools.records import salesforce_session, salesforce_stream

REF = "00Q0000000A0001AAA"


@pytest.fixture(scope="module", autouse=True)
def hasty() -> Iterator[None]:
    """Waits of a test's length."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(salesforce_session, "SOON_S", 0.02)
        patch.setattr(catching_up, "LISTEN_S", 0.02)
        yield


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, with a tenant for each test."""
    with open_home(home=tmp_path_factory.mktemp("streaming") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.fixture
def world(home: Home, place: Place) -> Iterator[StreamWorld]:
    made = listening(home, place)
    yield made
    assert made.org.broken == []
    assert -1 not in made.org.subscribed


def test_a_platform_event_of_our_own_write_says_nothing_new(world: StreamWorld) -> None:
    """It shows the record with all that it holds; who we are is known from our login."""
    channel = "/event/Lead_Shown__e"
    world.org.kept[channel] = []

    def shown(by: str, at: int, **fields: str) -> None:
        about = {"CreatedById": by, "CreatedDate": iso(Instant(at)), "EventUuid": f"e-{at}"}
        named = {
            f"{name}__c": value
            for name, value in {
                "Object": "Lead",
                "RecordId": REF,
                "Email": "ann@acme.example",
                **fields,
            }.items()
        }
        world.org.publish(channel, {**about, **named}, at=at)

    shown(PERSON, NOW - 9 * SECOND, Title="CTO", Status="Open", OwnerId="005A")
    assert world.catch(channel=channel)["items"] == 3
    for number in range(3):
        shown(OUR_USER, NOW - (8 - number) * SECOND, Title="CTO", Status="Open", OwnerId=f"005{number}")
    shown(OUR_USER, NOW - 2 * SECOND, Title="CEO", Status="Open", OwnerId="0059")
    assert (world.catch(channel=channel)["items"], world.titles(REF)) == (1, ["CTO", "CEO"])


def test_what_happened_meanwhile_is_replayed_from_the_last_position(world: StreamWorld) -> None:
    world.change(REF, Title="CEO")
    last = world.change(REF, Title="CTO")
    assert (world.catch()["items"], world.titles(REF)) == (2, ["CEO", "CTO"])
    world.change(REF, Title="CFO")
    world.change(REF, Title="ours", head={"changeOrigin": "com/salesforce/api/rest/59.0;client=leadgraph/"})
    assert (world.catch()["items"], world.titles(REF)) == (1, ["CEO", "CTO", "CFO"])
    assert world.org.subscribed == [-2, last]
    assert (world.stands()[1], world.org.clients) == ("ok", {}), "and the session is given back"


def test_a_position_of_a_stream_is_kept_only_when_its_events_are_on_disk(world: StreamWorld) -> None:
    world.change(REF, Title="CTO")

    class Full:
        async def accept(self, *_: object, **__: object) -> None:
            raise Temporary("the disk is full")

    world.catch(replace(world.process(), inbox=Full()))  # type: ignore[arg-type]  # it takes nothing
    assert world.stands() == (None, "temporary")
    world.pass_by(61)
    world.catch()
    assert (world.titles(REF), world.org.subscribed) == (["CTO"], [-2, -2])


def test_an_expired_replay_id_begins_at_the_earliest_and_asks_for_what_is_older(world: StreamWorld) -> None:
    """What both tell counts once, and it is said on record."""
    world.change(REF, Title="CEO")
    world.begin()
    world.pass_by(100 * 3_600)
    old = world.org.person(NOW + 10 * HOUR, Title="CTO", Status="Open")
    new = world.org.person(NOW + 90 * HOUR, Title="Head of sales", Status="Won")
    world.change(new, at=NOW + 90 * HOUR, Status="Won", Title="Head of sales")
    world.org.trim(world.clock.now())
    figures = world.catch()
    assert (figures["flagged"], figures["failed"], world.flagged()) == (1, 0, ["position_expired"])
    assert (world.org.subscribed[2], world.stands()[1]) == (-2, "ok")
    assert world.titles(old) == ["CTO"]
    stages = [kind for kind, _ in world.said(f"salesforce:{new}") if kind == "crm.stage_change"]
    assert (stages, world.titles(new)) == (["crm.stage_change"], ["Head of sales"])


def test_what_is_owed_after_an_expiry_outlives_who_found_it_out(world: StreamWorld) -> None:
    world.change(REF, Title="CEO")
    world.begin()
    world.pass_by(100 * 3_600)
    old = world.org.person(NOW + HOUR, Title="CTO")
    world.org.trim(world.clock.now())
    world.org.faults["handshake"].extend([None, fake_cometd.lost])
    world.catch()
    assert (world.flagged(), world.titles(old)) == (["position_expired"], [])
    world.pass_by(61)
    world.catch()
    assert (world.flagged(), world.titles(old), world.stands()[1]) == (["position_expired"], ["CTO"], "ok")


def test_after_three_silent_days_nobody_relies_on_the_earliest_event(world: StreamWorld) -> None:
    """Who has heard nothing yet has no replay id that could expire."""
    world.catch()
    world.pass_by(80 * 3_600)
    old = world.org.person(NOW + HOUR, Title="CTO")
    world.catch()
    assert (world.flagged(), world.titles(old)) == (["position_expired"], ["CTO"])


def test_gaps_are_read_back_and_overflows_asked_for(world: StreamWorld) -> None:

    def swallowed(handler: Handler, _: list[Any]) -> None:
        told = world.change(REF, Title="COO")
        for client in world.org.clients.values():
            client.told = told
        handler.place.over.wait(0.3)

    gap, many = (world.org.person(NOW - MINUTE, Title=title, Status="Open") for title in ("CTO", "CFO"))
    world.change(gap, at=NOW - SECOND, head={"changeType": "GAP_UPDATE"})
    world.catch()
    assert (world.titles(gap), world.titles(many), world.flagged()) == (["CTO"], [], [])
    empty = {"changeType": "GAP_OVERFLOW", "recordIds": ["000000000000000AAA"]}
    world.change("", head=empty)
    world.org.hold_s = 0.05
    world.org.faults["connect"].extend([None, swallowed])
    world.catch()
    assert world.titles(REF) == ["COO"], "what was told in an answer that nobody waited for is told again"
    assert (world.titles(many), world.flagged(), world.stands()[1]) == (["CFO"], ["position_overflow"], "ok")
    assert world.signals("salesforce:000000000000000AAA") == []


@pytest.mark.parametrize("ended", ["revoked", "unknown", "402"])
def test_a_session_that_ends_is_made_anew_from_the_position(world: StreamWorld, ended: str) -> None:
    """With one login more where it was the login that ended."""
    known = world.change(REF, Title="CEO")
    no = {"channel": "/meta/connect", "id": "9", "successful": False}

    def ends(handler: Handler, messages: list[Any]) -> None:
        fake = world.org
        if ended == "revoked":
            fake.token = "another"
        else:
            fake.forget()
        messages, _ = fake.answer("connect", handler.asked)
        if ended == "402":
            messages = [no | {"error": "402::Unknown client", "advice": {"reconnect": "handshake"}}]
        handler.write(200, orjson.dumps(messages))
        world.change(REF, Title="CTO")

    home = world.process()
    world.catch(home)
    world.org.faults["connect"].append(ends)
    figures = world.catch(home)
    assert (figures["failed"], world.titles(REF)) == (0, ["CEO", "CTO"])
    assert world.org.subscribed == [-2, known, known]
    assert world.org.logins == (2 if ended == "revoked" else 1), "of the stream; nobody else asks"


FAULTS: dict[str, Any] = {
    "hangs": fake_cometd.hangs,
    "drips": fake_cometd.drips,
    "lost": fake_cometd.lost,
    "garbage": fake_cometd.garbage,
    "503": fake_cometd.busy,
    "empty": fake_cometd.instead(),
    "no list": lambda handler, _: handler.write(200, b'{"successful": true}'),
    "another's": fake_cometd.changed(clientId="client99"),
    "older": fake_cometd.changed(id="0"),
    "none": fake_cometd.changed(advice={"reconnect": "none"}),
    "refused": fake_cometd.changed(successful=False, error="403::secret words"),
    "daily": fake_cometd.changed(
        successful=False, error="403::Organization total events daily limit exceeded"
    ),
}


def test_no_answer_that_befalls_a_question_loses_an_event(world: StreamWorld) -> None:
    """The server counts what it answered as told, whoever heard it; then it is waited out."""
    world.deadline_s = 0.8
    home = world.process()
    for name, fault in FAULTS.items():
        world.change(REF, Title=name)
        world.org.faults["connect"].append(fault)
        assert world.catch(home)["failed"] == 1, name
        assert "secret" not in world.stands()[1]
        world.pass_by(301)
        assert (world.catch(home)["failed"], world.stands()[1]) == (0, "ok"), name
    assert world.titles(REF) == [*FAULTS]


def test_a_thousand_events_at_once_twice_and_out_of_order_are_each_taken_once(world: StreamWorld) -> None:
    """What is another channel's or another sort of record's is left out; what cannot be read stops nothing."""
    refs = [f"00Q00001000{number:04}AAA" for number in range(1_000)]
    for number, ref in enumerate(refs):
        world.change(ref, Title=f"Head of {number}")
    world.change("001000000000001AAA", head={"entityName": "Account"}, Name="Acme")
    cut = world.org.person(NOW - MINUTE, Title="CTO", Status="Open")
    last = world.change(cut, Title="HALF")

    def turned(events: list[Any]) -> list[Any]:
        foreign = events[0] | {"channel": "/data/OtherEvent"}
        odd = [
            {"channel": LEADS, "data": 7},
            {"channel": LEADS, "data": {"payload": {"ChangeEventHeader": []}}},
        ]
        return [foreign, *odd, *reversed(events[:700]), *events[300:]]

    world.org.batch = 2_000
    world.org.faults["connect"].append(fake_cometd.among(turned, HALF=b"\\ud83d"))
    figures = world.catch()
    assert (figures["items"], figures["failed"], world.flagged()) == (1_003, 0, ["position_unreadable"])
    assert world.titles(cut) == ["CTO"], "read back"
    counts = now(world.home.reads.counts(world.home.tenant))
    assert (counts["leads"], counts["signals"] - counts["duplicates"]) == (1_001, 1_003)
    world.catch()
    assert world.org.subscribed[-1] == last


def test_a_person_who_catches_up_with_a_channel_that_is_never_silent_comes_to_an_end(
    world: StreamWorld,
) -> None:
    def more(handler: Handler, messages: list[Any]) -> None:
        world.change(REF, at=NOW + SECOND, Title="CFO")
        handler.write(200, orjson.dumps(messages))

    world.change(REF, Title="CTO")
    faults = world.org.faults["connect"]
    faults.extend([more] * 50)
    assert world.catch()["failed"] == 0
    assert (len(faults) > 40, world.titles(REF)[0], world.stands()[1]) == (True, "CTO", "ok")


def test_a_server_that_does_not_replay_or_has_no_such_channel_is_not_listened_to(world: StreamWorld) -> None:
    world.change(REF, Title="CEO")
    world.org.replays = False
    world.catch()
    assert (world.stands()[1], world.org.subscribed) == ("no_replay", [])
    world.org.replays = True
    world.catch(channel="/event/None__e")
    assert world.stands("/event/None__e")[1] == "invalid"


def test_a_position_is_good_for_its_own_organisation(world: StreamWorld) -> None:
    """One that may not be listened to is refused; in another one the same number means another event."""
    world.change(REF, Title="CEO")
    world.given["accounts"] = frozenset({"00Dother"})
    world.catch()
    assert (world.stands()[1], world.org.subscribed) == ("account", [])
    world.given.clear()
    world.pass_by(61)
    world.catch()
    world.org.org = "00Dsandbox"
    world.catch()
    assert (world.flagged(), world.org.subscribed[1:2]) == (["position_expired"], [-2])


def test_a_person_asks_for_what_was_changed_since_a_time(world: StreamWorld) -> None:
    known = world.change(REF, Title="CEO")
    world.catch()
    old = world.org.person(NOW - 400 * HOUR, Title="CTO", Status="Open")
    now(catching_up.sync(world.process(), "salesforce", since=NOW - 500 * HOUR))
    assert (world.titles(old), world.org.subscribed[:2]) == (["CTO"], [-2, known])


def test_one_process_listens_and_another_takes_over_when_it_stops(world: StreamWorld) -> None:
    """At once, where it stops in good order; a question that is held does not keep it."""
    world.org.hold_s = world.deadline_s = 60.0

    async def heard(title: str) -> None:
        for _ in range(1_000):
            if world.org.holding and title in await asyncio.to_thread(world.titles, REF):
                return
            await asyncio.sleep(0.01)

    async def both() -> None:
        stops, holder = [asyncio.Event(), asyncio.Event()], ""
        kept = [strict().keep(world.catching().parts(Caught()), stop) for stop in stops]
        tasks = [asyncio.create_task(one) for one in kept]
        for title, stop in (("CEO", stops[0]), ("CTO", stops[1])):
            world.change(REF, Title=title)
            await heard(title)
            holder = next(iter(world.org.clients))
            assert len(world.org.clients) == 1
            stop.set()
        await asyncio.gather(*tasks)
        assert holder not in world.org.clients

    asyncio.run(asyncio.wait_for(both(), 30))
    assert (world.titles(REF), world.org.most, world.stands()[1]) == (["CEO", "CTO"], 1, "ok")


def test_a_person_catches_up_and_sees_how_the_subscription_stands(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the settings alone."""
    place.fake = Streams()
    place.fake.kept[LEADS] = []
    head = {
        "entityName": "Lead",
        "recordIds": [REF],
        "changeType": "CREATE",
        "transactionKey": "t",
        "sequenceNumber": 1,
    }
    place.fake.publish(LEADS, {"ChangeEventHeader": head, "Title": "CTO", "Status": "Open"}, at=NOW)
    given = {
        "crm": "salesforce", "crm_url": place.url, "crm_client_id": CLIENT_ID, "crm_client_secret": CLIENT_SECRET,
        "crm_channels": f"{LEADS},/event/None__e", "home": str(tmp_path / "home"), "memory": "off",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"LEADGRAPH_{name.upper()}", value)
    made = partial(salesforce_stream.SalesforceStream, quiet_s=0.5)
    monkeypatch.setattr(salesforce_stream, "SalesforceStream", made)
    out = Console(file=io.StringIO())
    cli = Cli(open=open_home, tools=Toolbox(), out=out, err=out)
    assert run(cli, ["sync", "salesforce", "--json"]) == 1
    found = orjson.loads(capsys.readouterr().out)
    assert (found["items"], found["failed"], found["skipped"]) == (2, 1, 0)
    said = {
        one.name.rpartition("/")[2]: (one.ok, one.detail)
        for one in cli.tools.diagnose()[1]
        if "stream" in one.name
    }
    assert said == {
        "LeadChangeEvent": (True, "ok, nobody listens now"), "None__e": (False, "invalid, nobody listens now")
    }  # fmt: skip
    monkeypatch.setenv("LEADGRAPH_CRM", "embedded")
    assert run(cli, ["sync", "salesforce"]) != 0


def test_a_server_that_holds_no_question_is_not_asked_faster_and_faster(
    world: StreamWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salesforce_session, "SOON_S", 5.0)
    world.org.hold_s = 0.0
    world.catch()
    assert (world.org.asked.count("connect") <= 4, world.stands()[1]) == (True, "ok")
