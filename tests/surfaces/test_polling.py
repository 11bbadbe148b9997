"""What was never sent is asked for: nothing is passed over, nothing counts twice, nobody stays stuck."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest

from app import open_home
from domain.errors import Temporary
from domain.instants import MINUTE, SECOND, Instant, iso
from domain.ports.home import Home
from surfaces.catching_up import CatchingUp, sync
from tests.domain.items import NOW
from tests.surfaces.upstream_world import LEADS, UpstreamWorld, asking, now
from tests.tools.vendor_server import instead, vanished

AT = NOW - MINUTE


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One home, with a tenant for each test."""
    with open_home(home=tmp_path_factory.mktemp("asking") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.fixture
def world(home: Home) -> UpstreamWorld:
    return asking(home, polls=("chatwoot", "hubspot", "salesforce"))


def message(number: int, talk: int, text: str, at: int) -> dict[str, Any]:
    """A message as Chatwoot's webhook tells it."""
    person = {"id": 900 + talk, "type": "contact", "email": f"p{talk}@acme.example"}
    return {
        "event": "message_created", "id": number, "content": text, "message_type": "incoming", "private": False,
        "created_at": iso(Instant(at + 123_000)), "sender": person,
        "conversation": {"id": talk, "meta": {"sender": person}},
    }  # fmt: skip


def test_a_lost_webhook_is_found_and_counts_once_when_it_comes_late(world: UpstreamWorld) -> None:
    desk = world.vendor("chatwoot")
    for talk in (7, 8):
        desk.begin(talk)
    known = desk.write(7, "Hello?", AT - MINUTE)
    world.tell("chatwoot", message(known, 7, "Hello?", AT - MINUTE))
    lost = [
        desk.write(talk, f"What do {n} seats cost?", AT + n * SECOND) for talk in (7, 8) for n in range(2)
    ]
    world.work()
    for number, talk, n in zip(lost, (7, 7, 8, 8), (0, 1, 0, 1), strict=True):
        world.tell("chatwoot", message(number, talk, f"What do {n} seats cost?", AT + n * SECOND))
    world.pass_by(61)
    world.work()
    for talk, texts in ((7, 3), (8, 2)):
        said = [
            payload["text"] for kind, payload in world.said(f"chatwoot:{talk}") if kind == "support.message"
        ]
        assert len(said) == len(set(said)) == texts
    assert world.standing()["chatwoot"] == (orjson.dumps([(AT + SECOND) // SECOND, 1, 0]).decode(), "ok")


def test_all_pages_of_all_conversations_are_read_and_quiet_ones_are_not(world: UpstreamWorld) -> None:
    """Back to the last position and a little farther; a long conversation back to there as well."""
    desk = world.vendor("chatwoot")
    for talk in range(1, 31):
        desk.begin(talk)
        desk.write(talk, "Hello?", AT if talk > 2 else NOW - 3 * 24 * 60 * MINUTE)
    for n in range(45):
        desk.write(30, f"And {n}?", AT)
    world.work()
    talks = [talk for talk in range(1, 31) if world.signals(f"chatwoot:{talk}")]
    assert talks == list(range(3, 31))
    assert [kind for kind, _ in world.said("chatwoot:30")].count("support.message") == 46
    asked = len(world.wires["chatwoot"].log)
    world.pass_by(61)
    world.catch_up()
    assert len(world.wires["chatwoot"].log) - asked <= 3, "what was read since is not read again"


def test_a_position_is_kept_only_when_what_lies_before_it_is_on_disk(world: UpstreamWorld) -> None:
    lead = world.vendor("salesforce").person(AT, Title="CTO", Status="Open", Company="Acme")

    class Full:
        async def accept(self, *_: object, **__: object) -> None:
            raise Temporary("the disk is full")

    world.catch_up(replace(world.home, inbox=Full()))  # type: ignore[arg-type]  # it takes nothing
    assert world.standing()["salesforce.lead"] == (None, "temporary")
    world.pass_by(61)
    world.catch_up()
    assert world.facts(f"salesforce:{lead}")["job_title"] == "CTO"
    assert world.standing()["salesforce.lead"][1] == "ok"


def event(ref: str, at: int, action: str = "UPDATE") -> dict[str, Any]:
    """An entry of HubSpot's journal."""
    return {
        "objectTypeId": "0-1",
        "objectId": int(ref),
        "action": action,
        "portalId": 62,
        "occurredAt": at // 1_000,
    }


def test_the_journal_is_followed_and_an_expired_position_begins_at_the_earliest(world: UpstreamWorld) -> None:
    """It is said: on record, and where the pollers stand."""
    portal = world.vendor("hubspot")
    refs = [portal.person(AT, jobtitle=f"Head of {n}") for n in range(4)]
    portal.journal = [(f"o-{n}", {"journalEvents": [event(ref, AT)]}) for n, ref in enumerate(refs[:2])]
    world.work()
    assert world.standing()["hubspot.journal"] == ("o-1", "ok")
    portal.journal = [(f"p-{n}", {"journalEvents": [event(ref, AT)]}) for n, ref in enumerate(refs[1:])]
    world.pass_by(61)
    world.work()
    assert [world.facts(f"hubspot:{ref}")["job_title"] for ref in refs] == [f"Head of {n}" for n in range(4)]
    assert world.standing()["hubspot.journal"] == ("p-2", "ok")
    rows = now(world.home.reads.audit_rows(world.home.tenant))
    assert [row["code"] for row in rows if row["step"] == "sync"] == ["position_expired"]
    portal.journal.append(("p-3", {"journalEvents": [event(refs[0], AT, "GDPR_DELETE")]}))
    world.pass_by(61)
    world.work()
    assert world.flags(f"hubspot:{refs[0]}") == ["suppressed"]


def test_a_refusal_for_too_many_requests_never_leaves_a_poller_stuck(world: UpstreamWorld) -> None:
    """Nor an outage, nor an answer that makes no sense; and it asks no sooner than it was told."""
    lead = world.vendor("salesforce").person(AT, Title="CTO", Status="Open", Company="Acme")
    wire = world.wires["salesforce"]
    busy = instead(429, None, retry_after="120")
    wire.reads.extend([None, busy, busy, vanished, instead(200, {"records": 7}), instead(200, [])])
    for _ in range(12):
        world.catch_up()
        world.pass_by(180)
    assert world.facts(f"salesforce:{lead}")["job_title"] == "CTO"
    assert world.standing()["salesforce.lead"][1] == "ok"


def test_one_process_polls_at_a_time(world: UpstreamWorld) -> None:
    """Another one passes by while it does, and its successor takes over when it is gone."""
    world.vendor("salesforce").person(AT, Title="CTO", Status="Open", Company="Acme")
    others: list[int] = []

    class Watched:
        """While the first one keeps what it got, the second one comes."""

        def __init__(self, home: Home) -> None:
            self.home = home

        async def accept(self, *given: Any, **more: Any) -> Any:
            asked = len(world.wires["salesforce"].log)
            await CatchingUp(self.home).turn()
            others.append(len(world.wires["salesforce"].log) - asked)
            return await self.home.inbox.accept(*given, **more)

    world.catch_up(replace(world.home, inbox=Watched(world.home)))  # type: ignore[arg-type]  # only what is used
    assert others == [0]


def test_a_person_asks_for_what_was_missed_since_a_time(world: UpstreamWorld) -> None:
    old = world.vendor("salesforce").person(
        NOW - 40 * 24 * 60 * MINUTE, Title="CTO", Status="Open", Company="Acme"
    )
    world.catch_up()
    assert world.signals(f"salesforce:{old}") == []
    figures = now(sync(world.home, "salesforce", since=NOW - 50 * 24 * 60 * MINUTE))
    assert (figures["items"], figures["skipped"], figures["failed"]) == (3, 0, 0)
    assert world.facts(f"salesforce:{old}")["job_title"] == "CTO"


def test_records_saved_in_the_same_second_are_all_taken(world: UpstreamWorld) -> None:
    """Also those that a slow transaction shows later with an earlier time; none of them twice."""
    org = world.vendor("salesforce")
    for number in range(2 * LEADS + 5):
        org.person(AT, Title=f"Head of {number}", Status="Open", Company="Acme")
    late = org.person(NOW - 10 * MINUTE, Title="CTO", Status="Open", Company="Acme")
    hidden = org.rows["Lead"].pop(late)
    world.catch_up()
    org.rows["Lead"][late] = hidden | {"SystemModstamp": "2024-03-01T09:58:00.000+0000"}
    for _ in range(2):
        world.pass_by(61)
        world.catch_up()
    counts = now(world.home.reads.counts(world.home.tenant))
    assert (counts["leads"], counts["signals"]) == (2 * LEADS + 6, 3 * (2 * LEADS + 6))
