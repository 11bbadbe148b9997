"""Remembering around the worker: recall is pinned into the run, told to people, moves nothing, and may be away."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import Toolbox, open_home
from domain.decision import Decision
from domain.errors import Temporary
from domain.ids import Region
from domain.instants import MINUTE, Instant, instant
from domain.memory import Recall
from domain.ports.home import Home
from domain.ports.reads import StoredDecision
from graph.build import build_graph
from graph.record import Record, plain, unpack
from graph.run import RECALL_AFTER, REDO_AFTER
from surfaces.audit_replay import Replayed, Replayer
from surfaces.door import take
from surfaces.remembering import PAUSE, recalled
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead, raw
from tests.graph.model_world import Scripted
from tests.surfaces.strict import strict
from tests.tools.memory.stores import EMBEDDER
from tools.memory.here import VectorsHere
from tools.memory.memory import VectorMemory

US = Region("us")
SEATS = "how much do fifty more seats cost"


class Switched(VectorsHere):
    """A store of vectors that can be switched off."""

    down = False

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name not in ("down", "close") and self.down:
            raise Temporary("memory: switched off")
        return super().__getattribute__(name)


@dataclass
class World:
    """A home on stream time with a worker."""

    home: Home
    vectors: Switched = field(default_factory=lambda: Switched(EMBEDDER.width))
    at: int = instant(START + timedelta(hours=2))

    def __post_init__(self) -> None:
        assert self.home.remembered is not None
        memory = VectorMemory(self.vectors, self.home.remembered, EMBEDDER, self.home.clock)
        self.home = replace(self.home, memory=memory)
        self.worker = Worker(self.home, deps_of(self.home))

    async def take(self, *items: dict[str, Any], wait: int = MINUTE) -> None:
        self.at += wait
        self.home.clock.advance(Instant(self.at))  # type: ignore[attr-defined]  # stream time
        await take(self.home, list(enumerate(items)))
        await self.worker.drain()

    async def newest(self, who: str) -> tuple[StoredDecision, Record]:
        lead = await self.home.reads.find_lead(self.home.tenant, who)
        assert lead is not None
        stored = await self.home.reads.latest_decision(self.home.tenant, lead)
        assert stored is not None
        assert stored.record is not None
        return stored, unpack(self.home.vault.open(self.home.tenant, stored.record))

    async def recall(self, who: str) -> Recall | None:
        return (await self.newest(who))[1].given.recall

    async def ingested(self, who: str) -> Any:
        stored, _ = await self.newest(who)
        rows = await self.home.reads.audit_rows(self.home.tenant, run_id=stored.run_id)
        return next(row for row in rows if row["step"] == "ingestion")

    async def five_cases(self) -> None:
        """Five leads that asked for seats; three of them bought."""
        await self.take(*(chat(f"c{n}", f"L{n}") for n in range(5)))
        results = ["won", "won", "won", "lost", "lost"]
        await self.take(
            *(
                raw(f"o{n}", "crm.outcome", {"result": r}, lead=f"L{n}", minute=5)
                for n, r in enumerate(results)
            )
        )


def chat(ref: str, lead: str, text: str = SEATS, *, minute: int = 1) -> dict[str, Any]:
    return raw(ref, "support.message", {"role": "customer", "text": text}, lead=lead, minute=minute)


@contextmanager
def opened(root: Path, **given: Any) -> Iterator[Home]:
    with open_home(virtual_clock=True, home=root / "home", given=given) as home:
        yield home


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path) as home:
        yield World(home)


async def test_a_run_is_given_what_bears_on_the_new_text_and_people_are_told(world: World) -> None:
    await world.five_cases()
    await world.take(chat("n1", "me", minute=10), chat("x", "me", "the invoice is wrong", minute=11))
    await world.take(chat("n2", "me", minute=12))
    recall = await world.recall("me")
    assert recall is not None
    assert [(one.ref, one.likeness) for one in recall.refs] == [("web:n1", 1000)]
    assert recall.analogues is not None
    assert (recall.analogues.cases, recall.analogues.won) == (5, 3)
    row = await world.ingested("me")
    assert row["evidence"] == ["web:n2", "web:n1"]
    assert (row["detail"]["likeness"], row["detail"]["cases"], row["detail"]["cases_won"]) == (["1000"], 5, 3)
    words = (await world.newest("me"))[1].rationale
    assert "3 of 5 similar conversations ended in a sale." in words
    assert SEATS not in str(recall)


async def test_a_language_model_is_given_the_texts_that_were_recalled_and_the_local_reader_is_not(
    world: World,
) -> None:
    await world.take(chat("n1", "me", minute=10), chat("o", "other", minute=10))
    await world.take(*(chat(f"x{n}", "me", "the invoice is wrong", minute=11 + n) for n in range(30)))
    await world.take(chat("n2", "me", minute=50))
    _, record = await world.newest("me")
    assert "web:n1" not in {one.signal_id for one in record.given.recent}
    asked = replace(record.given, recall=None)
    given = await recalled(replace(world.home, model=Scripted()), asked)
    assert [(one.signal_id, one.text) for one in given.recent if one.signal_id == "web:n1"] == [
        ("web:n1", SEATS)
    ]
    assert len(given.recent) == len(asked.recent) + 1


async def test_an_outcome_that_is_not_known_yet_does_not_count(world: World) -> None:
    await world.five_cases()
    await world.take(chat("n1", "me", minute=10), wait=0)
    recall = await world.recall("me")
    assert recall is not None
    assert recall.analogues is None


def test_recall_moves_no_decision(tmp_path: Path) -> None:
    async def decide(home: Home, *, memory: bool) -> Decision:
        world = World(home)
        world.vectors.down = not memory
        await world.five_cases()
        await world.take(*hot_lead(20_000, "me"), chat("n1", "me", minute=10))
        await world.take(chat("n2", "me", minute=12))
        _, record = await world.newest("me")
        assert record.given.recall is not None
        assert bool(record.given.recall.refs) is memory
        return record.decision

    found = []
    for memory in (True, False):
        with open_home(virtual_clock=True, home=tmp_path / str(memory)) as home:
            found.append(asyncio.run(decide(home, memory=memory)))
    with_it, without = found
    assert with_it.score is not None
    assert with_it.verdict is not None
    for part in ("score", "band", "verdict", "reading", "features", "state"):
        assert plain(getattr(with_it, part)) == plain(getattr(without, part)), part


async def test_a_replay_needs_no_memory(world: World) -> None:
    await world.five_cases()
    await world.take(chat("n1", "me", minute=10))
    await world.take(chat("n2", "me", minute=12))
    world.vectors.down = True
    bare = replace(world.home, memory=None)
    tools = Toolbox()
    replayer = Replayer(bare, deps_of(bare), build_graph(), tools.policy_versions(bare), tools.closed_world)
    done: Replayed = await replayer.all(lambda _: None)
    assert (done.different, done.identical, dict(done.unreplayable)) == (0, 12, {})


async def test_an_outage_is_flagged_and_caught_up_when_it_is_over(world: World) -> None:
    await world.take(chat("n1", "me", minute=10))
    world.vectors.down = True
    await world.take(chat("n2", "me", minute=12))
    _, record = await world.newest("me")
    assert "degraded:memory_down" in record.decision.flags
    assert (await world.ingested("me"))["detail"]["memory"] == "memory_down"
    world.vectors.down = False
    await world.take(chat("n3", "me", minute=14), wait=PAUSE + MINUTE)
    await world.take(chat("n4", "me", minute=16))
    recall = await world.recall("me")
    assert recall is not None
    assert {one.ref for one in recall.refs} == {"web:n1", "web:n2", "web:n3"}
    assert recall.degraded is None


async def test_a_run_whose_recall_was_missing_is_made_again_with_it_when_the_outage_is_over(
    world: World,
) -> None:
    await world.take(chat("n1", "me", minute=10))
    world.vectors.down = True
    await world.take(chat("n2", "me", minute=12))
    await world.take(wait=REDO_AFTER + MINUTE)
    decision = (await world.newest("me"))[1].decision
    assert (decision.reason, "degraded:memory_down" in decision.flags) == ("redo", True)
    world.vectors.down = False
    await world.take(wait=REDO_AFTER + MINUTE)
    waiting = (await world.newest("me"))[1].decision
    assert waiting.decision_id == decision.decision_id  # the second time it waits longer
    await world.take(wait=RECALL_AFTER)
    again = (await world.newest("me"))[1].decision
    recall = await world.recall("me")
    assert recall is not None
    assert ([one.ref for one in recall.refs], recall.degraded) == (["web:n1"], None)
    assert (again.reason, "degraded:memory_down" in again.flags) == ("redo", False)


async def test_a_lead_that_asked_to_be_forgotten_leaves_nothing_in_memory(world: World) -> None:
    await world.five_cases()
    await world.take(chat("n1", "me", minute=10))
    await world.take(raw("gone", "crm.privacy_delete", {}, lead="me", minute=12))
    await world.take(raw("gone0", "crm.privacy_delete", {}, lead="L0", minute=12))
    memory = world.home.memory
    assert memory is not None
    assert await memory.count(world.home.tenant, US) == 4
    await world.take(chat("n2", "you", minute=14))
    recall = await world.recall("you")
    assert recall is not None
    assert recall.analogues is None  # four are left: too few


async def test_a_serving_worker_remembers_beside_its_work(world: World) -> None:
    await world.take()
    stop, memory = asyncio.Event(), world.home.memory
    assert memory is not None
    serving = asyncio.create_task(world.worker.serve(stop, strict()))
    await take(world.home, [(0, chat("n1", "me"))])
    for _ in range(500):
        if await memory.count(world.home.tenant, US):
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)  # for the record of it
    stop.set()
    assert (await serving).remembered == 1


async def test_a_run_without_a_text_asks_nothing_of_memory(world: World) -> None:
    world.vectors.down = True  # would be flagged
    await world.take(*hot_lead(20_000, "me"))
    assert await world.recall("me") is None
    assert "memory" not in (await world.ingested("me"))["detail"]


def test_a_home_remembers_in_its_folder_from_one_process_to_the_next(tmp_path: Path) -> None:
    """The real engine."""
    with opened(tmp_path, memory="embedded") as home:
        assert not (tmp_path / "home" / "memory").exists()
        asyncio.run(_says(home, "n1", minute=10))
        assert (tmp_path / "home" / "memory").is_dir()
    with opened(tmp_path, memory="embedded") as home:
        recall = asyncio.run(_says(home, "n2", minute=12))
        assert recall is not None
        assert ([one.ref for one in recall.refs], recall.degraded) == (["web:n1"], None)


async def _says(home: Home, ref: str, *, minute: int) -> Recall | None:
    worker = Worker(home, deps_of(home))
    home.clock.advance(Instant(instant(START) + (minute + 60) * MINUTE))  # type: ignore[attr-defined]  # stream time
    await take(home, [(0, chat(ref, "me", "How much would 50 more seats cost us?", minute=minute))])
    await worker.drain()
    lead = await home.reads.find_lead(home.tenant, "me")
    assert lead is not None
    stored = await home.reads.latest_decision(home.tenant, lead)
    assert stored is not None
    assert stored.record is not None
    return unpack(home.vault.open(home.tenant, stored.record)).given.recall
