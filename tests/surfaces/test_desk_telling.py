"""In the desk the customer is told who comes: once, last, where the tenant allowed it, and where no person is."""

import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from domain.action import ActionKind, ActionState
from domain.instants import HOUR, MINUTE
from surfaces.worker import Worker, deps_of
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
from tests.surfaces.talk_world import SAID_AT, actions
from tests.tools.desk.beside import When
from tests.tools.vendor_server import Asked
from tools.sentences import load_sentences

NIGHT = SAID_AT + 12 * HOUR


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, desk_config: Path) -> Iterator[DeskWorld]:
    given = {"desk_tell_customer": True, **getattr(request, "param", {})}
    with followed(tmp_path, config=desk_config, **given) as world:
        yield world
        assert world.fake.broken == []


def told(world: DeskWorld) -> list[str]:
    """What customers read, without markup."""
    return [html.unescape(one).removeprefix("<p>").removesuffix("</p>") for one in world.fake.told()]


async def delivered(world: DeskWorld) -> list[str]:
    rows = await world.home.reads.audit_rows(world.home.tenant)
    sent = [(row["code"], cast(Mapping[str, Any], row["detail"])) for row in rows if row["step"] == "deliver"]
    return [f"{code} {detail.get('reason', '')}".strip() for code, detail in sent]


def notes(asked: Asked) -> bool:
    """Picks the request that writes the note."""
    text = str(asked.body)
    return asked.writes and "leadgraph:" in text and "Buying interest" in text


@pytest.mark.parametrize("world", [{"vendor": one} for one in VENDORS], ids=VENDORS, indirect=True)
async def test_the_customer_is_told_once_after_it_was_handed_over_and_it_is_not_heard_as_news(
    world: DeskWorld,
) -> None:
    sentence = load_sentences(world.home.settings.config).usual.said["now"]
    event = await world.says()
    await world.decided()
    world.wire.log.clear()
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)
    assert told(world) == [sentence]
    assert "leadgraph" not in str([one for one in world.wire.log if one.writes][-1].body)
    await world.tell(event)
    assert not (await world.decided()).busy
    talk = await world.loop.desks.conversations.talk(f"{world.loop.desks.conversations.name}:42")
    assert talk is not None
    assert [(one.role, one.text) for one in talk.messages[-1:]] == [("bot", sentence)]
    world.later(MINUTE)
    world.vendor.give(SELLER, says="It is 20 each.", at=world.seconds)
    world.later(MINUTE)
    world.vendor.give(SELLER, closed=True)
    await world.says("Bye")
    await world.decided()
    world.vendor.give(SELLER)
    world.ears.heard = CALM
    await world.says("How do I reset my password?")
    assert (await world.decided()).stay == 1
    await world.sent()
    assert (world.vendor.stands(), told(world)) == ((SUPPORT, None), [sentence])


@pytest.mark.parametrize("world", [{"vendor": "intercom"}], ids=["intercom"], indirect=True)
async def test_who_takes_it_before_the_word_is_said_is_not_spoken_over(world: DeskWorld) -> None:
    await world.says()
    await world.decided()
    world.wire.plan = When(notes, lambda: world.vendor.give(OTHER))  # type: ignore[assignment]  # as a deque of faults
    await world.sent()
    assert world.vendor.stands() == (SALES, OTHER)
    assert (told(world), len(world.fake.notes())) == ([], 1)
    assert (await delivered(world))[-2:] == ["step:tell_customer:left owner_changed", "moved:done"]
    (row,) = await actions(world.home)
    assert row.state is ActionState.DONE


async def test_who_writes_before_the_word_is_said_is_not_spoken_over(world: DeskWorld) -> None:
    await world.says()
    await world.decided()
    answer = {"says": "Let me see", "at": world.seconds + 1}
    world.wire.plan = When(notes, lambda: world.vendor.give(SELLER, **answer))  # type: ignore[assignment]  # as a deque of faults
    await world.sent()
    assert told(world) == []
    assert "step:tell_customer:left human_touch" in await delivered(world)


@pytest.mark.parametrize("world", [{"at": NIGHT}], indirect=True)
async def test_where_nobody_is_there_the_customer_reads_from_when_on(world: DeskWorld) -> None:
    world.ears.heard = ASKS
    await world.says("Can I talk to a person?")
    assert (await world.decided()).ask_person == 1
    await world.sent()
    (sentence,) = told(world)
    assert sentence.startswith(
        "Nobody is here right now. A colleague will get back to you from Tuesday, 03 March, "
    )
    (note,) = world.fake.notes()
    assert f"Unless it stands below, tell the customer: {sentence}" in note


async def test_a_run_that_proposed_first_and_waits_for_a_person_keeps_nothing_from_the_customer(
    world: DeskWorld,
) -> None:
    await world.says("I would like to buy 50 seats, can you send me a quote?")
    await Worker(world.home, deps_of(world.home)).drain()
    waiting = [row.kind for row in await actions(world.home, ActionState.WAITING)]
    assert waiting.count(ActionKind.HANDOFF) == 1
    assert (await world.decided()).handoff == 1
    await world.sent()
    assert world.vendor.stands() == (SALES, SELLER)
    sentence = load_sentences(world.home.settings.config).usual.said["now"]
    over = [row for row in await actions(world.home) if row.kind is ActionKind.HANDOFF]
    assert {row.state: row.params.get("tell") for row in over} == {
        ActionState.DONE: sentence,
        ActionState.EXPIRED: None,
    }
    await Worker(world.home, deps_of(world.home)).drain()
    assert [row.kind for row in await actions(world.home, ActionState.WAITING)].count(ActionKind.HANDOFF) == 0


async def test_a_customer_reads_it_in_the_language_that_the_desk_names(world: DeskWorld) -> None:
    world.fake.talks[42].language = "de"
    await world.says()
    await world.decided()
    await world.sent()
    assert told(world) == [load_sentences(world.home.settings.config).others["de"].said["now"]]


@pytest.mark.parametrize("world", [{"desk_handoff": "dry"}], indirect=True)
async def test_a_dry_run_tells_nobody(world: DeskWorld) -> None:
    await world.says()
    await world.decided()
    await world.sent()
    assert (told(world), world.fake.ledger) == ([], [])


async def test_what_stays_is_not_spoken_about(world: DeskWorld) -> None:
    world.ears.heard = CALM
    await world.says("Thanks")
    assert (await world.decided()).stay == 1
    await world.sent()
    assert (told(world), await actions(world.home)) == ([], [])
