"""The record of what memory was given: in step with signals, outcomes, merges and wishes to be forgotten."""

from collections.abc import Sequence

import pytest

from domain.ids import LeadId, Region
from domain.instants import HOUR, MINUTE, moment
from domain.kinds import Kind
from domain.signal import LeadKey, Signal
from surfaces import remembering
from surfaces.remembering import keep_up
from tests.tools.contract.stores import (
    CHAT,
    CRM,
    EMAIL,
    NOW,
    OTHER,
    REGION,
    TENANT,
    alias,
    bundle,
    drain,
    key,
    message,
    signal,
)
from tests.tools.memory.stores import EMBEDDER, Stopped
from tools.memory.here import VectorsHere
from tools.memory.memory import VectorMemory
from tools.store import Store

ADA, BOB = key(EMAIL, "ada"), key(EMAIL, "bob")
LATER = NOW + HOUR


class World:
    """A store with memory beside it."""

    def __init__(self, store: Store) -> None:
        self.store, self.record, self.vectors = store, store.remembered, VectorsHere(EMBEDDER.width)
        self.memory = VectorMemory(self.vectors, self.record, EMBEDDER, Stopped())

    async def take(self, *signals: Signal, now: int = NOW, turns: bool = True) -> None:
        """Accept, decide, and bring memory in step."""
        await self.store.inbox.accept(signals, now=now)
        await drain(self.store, now, lambda one: bundle(one, tags={"web:1": ("pricing:820", "~demo:990")}))
        if turns:
            await self.turn()

    async def turn(self) -> None:
        for place in await self.record.places():
            while await keep_up(self.memory, self.record, *place):
                pass

    async def lead(self, who: str) -> LeadId:
        found = await self.store.reads.find_lead(TENANT, who)
        assert found is not None
        return found

    async def known(self, who: str, before: int = LATER) -> Sequence[str]:
        return await self.record.known(TENANT, await self.lead(who), before=before)

    async def count(self) -> int:
        return await self.memory.count(TENANT, REGION)

    async def won(self, *refs: str, before: int = LATER) -> dict[str, bool]:
        cases = await self.record.cases(TENANT, REGION, refs, before=before)
        return {case.ref: case.won for case in cases}


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def outcome(
    number: int, *keys: LeadKey, result: str = "won", at: int | None = None, known: int = NOW
) -> Signal:
    found = signal(number, *keys, kind=Kind.OUTCOME, payload={"result": result}, at=at)
    return found.model_copy(update={"known_at": moment(known)})  # type: ignore[arg-type]  # an Instant in all but name


async def test_texts_are_known_once_memory_has_them(world: World) -> None:
    await world.take(message(2, ADA), message(1, ADA), message(3, BOB), turns=False)
    assert await world.known("ada") == []
    await world.turn()
    assert await world.known("ada") == ["web:1", "web:2"]
    assert await world.known("bob") == ["web:3"]
    assert await world.record.places() == []


async def test_what_was_said_later_is_not_known_earlier(world: World) -> None:
    await world.take(message(60, ADA), message(1, ADA))
    assert await world.known("ada", before=NOW - 30_000_000) == ["web:60"]


async def test_a_lead_without_a_text_is_never_due(world: World) -> None:
    await world.take(signal(1, ADA), outcome(2, ADA), turns=False)
    assert await world.record.places() == []


async def test_an_outcome_makes_what_was_said_before_it_a_case_from_when_it_was_known(world: World) -> None:
    await world.take(message(1, ADA), message(2, ADA))
    await world.take(outcome(3, ADA, at=NOW + MINUTE, known=NOW + 10 * MINUTE), now=NOW + 10 * MINUTE)
    assert await world.won("web:1", "web:2") == {"web:1": True, "web:2": True}
    assert await world.won("web:1", before=NOW + 10 * MINUTE) == {}
    assert not await world.record.enough(TENANT, REGION, before=NOW + 10 * MINUTE, floor=1)
    assert await world.record.enough(TENANT, REGION, before=LATER, floor=2)
    (case,) = await world.record.cases(TENANT, REGION, ["web:1"], before=LATER)
    assert (case.lead_id, case.intent) == (await world.lead("ada"), "pricing")


async def test_what_was_said_after_an_outcome_is_no_case_of_it(world: World) -> None:
    await world.take(outcome(9, ADA, result="lost"), message(1, ADA), message(20, ADA))
    assert await world.won("web:1", "web:20") == {"web:20": False}


async def test_an_outcome_taken_back_no_longer_counts(world: World) -> None:
    await world.take(message(9, ADA), outcome(5, ADA))
    assert await world.won("web:9") == {"web:9": True}
    await world.take(outcome(4, ADA, result="reverted"))
    assert await world.won("web:9") == {}
    await world.take(outcome(3, ADA, result="lost"))
    assert await world.won("web:9") == {"web:9": False}


async def test_a_wish_to_be_forgotten_empties_memory_of_the_lead(world: World) -> None:
    await world.take(message(9, ADA), outcome(5, ADA), message(8, BOB))
    await world.take(signal(1, ADA, kind=Kind.PRIVACY_DELETE, payload={}), turns=False)
    assert (await world.known("ada"), await world.won("web:9")) == ([], {})  # at once
    await world.turn()
    assert await world.count() == 1
    assert await world.known("bob") == ["web:8"]


async def test_what_may_have_reached_memory_before_a_crash_is_forgotten_too(world: World) -> None:
    await world.take(message(8, BOB))
    await world.take(message(9, ADA), turns=False)
    todo = await world.record.upkeep(TENANT, REGION, leads=10, texts=10)
    await world.memory.remember(TENANT, REGION, todo.keep)
    await world.take(signal(1, ADA, kind=Kind.PRIVACY_DELETE, payload={}), turns=False)
    assert await world.count() == 2
    await keep_up(world.memory, world.record, TENANT, REGION)
    assert await world.count() == 1


async def test_a_lead_that_speaks_while_it_is_remembered_stays_due(world: World) -> None:
    await world.take(message(9, ADA))
    await world.take(message(8, ADA), turns=False)
    todo = await world.record.upkeep(TENANT, REGION, leads=10, texts=10)
    await world.take(message(7, ADA), turns=False)
    await world.record.settle(todo)
    await world.turn()
    assert await world.known("ada") == ["web:7", "web:8", "web:9"]


async def test_a_merge_brings_what_both_said_and_its_undoing_parts_it(world: World) -> None:
    await world.take(message(3, ADA), message(2, BOB), outcome(1, BOB))
    await world.take(alias(4, ADA, BOB))
    assert await world.known("ada") == await world.known("bob") == ["web:2", "web:3"]
    assert await world.won("web:2", "web:3") == {"web:2": True, "web:3": True}
    await world.take(alias(0, ADA, BOB, undo=True))
    assert (await world.known("ada"), await world.known("bob")) == (["web:3"], ["web:2"])
    assert await world.won("web:2", "web:3") == {"web:2": True}


async def test_another_book_is_filled_anew(world: World) -> None:
    await world.take(message(9, ADA), message(8, BOB))
    world.vectors.close()
    await world.take(message(7, ADA))
    assert await world.count() == 3
    assert await world.known("ada") == ["web:7", "web:9"]


async def test_a_book_that_the_record_does_not_know_is_emptied(world: World) -> None:
    await world.memory.remember(TENANT, REGION, [message(99, BOB)])
    await world.take(message(9, ADA))
    assert await world.count() == 1


async def test_rebuilding_remembers_all(world: World) -> None:
    await world.take(message(9, ADA), message(8, BOB), outcome(5, ADA))
    heard: list[int] = []
    assert await remembering.rebuild(world.memory, world.record, TENANT, REGION, heard.append) == 2
    assert (await world.count(), heard) == (2, [2])
    assert await world.won("web:9") == {"web:9": True}


async def test_a_long_talk_is_remembered_in_several_turns(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "TEXTS_A_TURN", 3)
    await world.take(*(message(number, ADA) for number in range(1, 9)), message(9, BOB))
    assert await world.count() == 9
    assert await world.record.places() == []


async def test_words_of_the_desk_are_not_kept_and_not_asked_about_again(world: World) -> None:
    said = signal(1, key(CHAT, "c"), kind=Kind.MESSAGE, payload={"text": "Hello", "role": "agent"})
    await world.take(said)
    assert (await world.count(), await world.record.places()) == (0, [])


async def test_cases_of_another_tenant_or_region_are_not_seen(world: World) -> None:
    await world.take(message(9, ADA), outcome(5, ADA))
    assert await world.record.cases(OTHER, REGION, ["web:9"], before=LATER) == []
    assert await world.record.cases(TENANT, Region("us"), ["web:9"], before=LATER) == []
    ada = await world.lead("ada")
    assert await world.record.known(OTHER, ada, before=LATER) == []
    assert await world.record.texts(OTHER, ada, ["web:9"]) == []
    assert [one.text for one in await world.record.texts(TENANT, ada, ["web:9"])] == ["What does it cost?"]
    assert not await world.record.enough(OTHER, REGION, before=LATER, floor=1)


async def test_the_tally_says_what_is_there_and_what_is_due(world: World) -> None:
    await world.take(message(9, ADA), outcome(5, ADA), message(8, key(CRM, "x")))
    await world.take(message(7, BOB), turns=False)
    assert await world.record.tally(TENANT, REGION) == {"texts": 2, "cases": 1, "due": 1}
