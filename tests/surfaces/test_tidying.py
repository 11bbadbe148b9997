"""Tidying: what has served its time goes, what is forgotten is forgotten in vendors' notes too, the rest stays."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import open_home
from domain.effect import StepKind
from domain.ids import LeadId
from domain.instants import DAY, SECOND
from domain.ports.home import Home
from domain.ports.target import Subject
from domain.ports.upstream import Record
from surfaces.catching_up import noted
from surfaces.tidying import EVERY, KEPT, Tidying
from tests.surfaces.upstream_world import UpstreamWorld, asking, now
from tools import sent as notes
from tools.sent import Note, Sent, open_notes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with open_home(home=tmp_path_factory.mktemp("tidy") / "home", given={"memory": "off"}) as made:
        yield made


@pytest.fixture
def world(home: Home) -> UpstreamWorld:
    return asking(home)


def hubspot(world: UpstreamWorld, ref: str, what: str, **more: Any) -> None:
    """HubSpot tells what happened to a contact."""
    event = {"objectId": int(ref), "occurredAt": world.clock.now() // 1_000, "portalId": 62515, "eventId": 1}
    world.tell("hubspot", [{**event, "subscriptionType": f"contact.{what}", **more}])


def lead_of(world: UpstreamWorld, ref: str) -> LeadId:
    found = now(world.home.reads.find_lead(world.home.tenant, f"hubspot:{ref}"))
    assert found is not None
    return LeadId(found)


def test_a_lead_that_is_forgotten_is_forgotten_in_the_notes_of_every_vendor(
    world: UpstreamWorld, tmp_path: Path
) -> None:
    """With what was merged into it, whenever its record is written down again; nobody else is."""
    with ExitStack() as later:
        written = [Sent(tmp_path / f"{name}.db", world.clock) for name in ("hubspot", "brevo_lists")]
        for one in written:
            later.callback(one.close)
        portal = world.vendor("hubspot")
        refs = [portal.person(world.clock.now(), email=f"p{n}@acme.example") for n in range(3)]
        for ref in refs:
            hubspot(world, ref, "creation")
        world.work()
        subjects = [Subject(world.home.tenant, lead_of(world, ref)) for ref in refs]

        def keep() -> None:
            for one in written:
                for subject, ref in zip(subjects, refs, strict=True):
                    now(one.settle(subject, ref))

        def known() -> list[str | None]:
            return [now(one.place(subject)) for one in written for subject in subjects]

        keep()
        portal.join(refs[1], refs[0])
        merged = {"primaryObjectId": int(refs[0]), "mergedObjectIds": [int(refs[1])]}
        hubspot(world, refs[0], "merge", **merged)
        world.work()
        assert lead_of(world, refs[1]) == lead_of(world, refs[0])
        tidying = Tidying(replace(world.home, notes=open_notes(tmp_path, world.clock, later)))
        assert now(tidying.turn()).places == 0
        hubspot(world, refs[0], "privacyDeletion")
        world.work()
        assert now(tidying.turn()).places == 0, "not before its time"
        for _ in range(2):
            world.pass_by(EVERY / SECOND)
            assert now(tidying.turn()).places == 4
            assert known() == [None, None, refs[2]] * 2
            keep()


def test_a_record_that_was_read_long_ago_or_is_never_read_is_remembered_no_more(
    world: UpstreamWorld,
) -> None:
    upstream, tenant, begun = world.home.upstream, world.home.tenant, world.clock.now()
    assert upstream is not None
    read, unread = (Record("hubspot", "contact", str(n), begun) for n in (1, 2))
    off = Record("brevo", "contact", "3", begun)

    async def some() -> None:
        await noted(world.home, [read, unread])
        await upstream.todos.note(tenant, world.home.region, [off], wait_us=0, now=begun)
        todos = await upstream.todos.take(tenant, "hubspot", limit=1, now=begun, lease_us=SECOND)
        await upstream.todos.settle(tenant, {todos[0]: "gone"}, read_at=begun, now=begun)

    now(some())
    tidying = Tidying(world.home)
    world.pass_by((KEPT - DAY) / SECOND)
    assert now(tidying.turn()).records == 0
    now(noted(world.home, [Record("hubspot", "contact", "9", world.clock.now())]))
    world.pass_by(2 * DAY / SECOND)
    assert now(tidying.turn()).records == 3
    left = now(upstream.todos.take(tenant, "hubspot", limit=9, now=world.clock.now(), lease_us=SECOND))
    assert [one.record.ref for one in left] == ["9"]


async def test_notes_of_steps_go_when_nothing_asks_for_them_any_more(
    world: UpstreamWorld, tmp_path: Path
) -> None:
    """Also in a process that runs for months."""
    with ExitStack() as later:
        written = Sent(tmp_path / "hubspot.db", world.clock)
        later.callback(written.close)
        await written.keep(Note("k1", "d", StepKind.ADD_NOTE, "1", "", {}))
        tidying = Tidying(replace(world.home, notes=(written,)))
        world.pass_by(notes.KEPT / SECOND)
        await tidying.turn()
        assert await written.note("k1") is not None
        world.pass_by(61)
        await tidying.turn()
        assert await written.note("k1") is None
