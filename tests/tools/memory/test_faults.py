"""Memory when its store of vectors is down, slow, wrong, somebody else's, or broken."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from domain.errors import Permanent, Temporary
from domain.ids import LeadId
from domain.instants import SECOND, Instant
from domain.memory import Case, Recall
from domain.ports.embedder import Embedder, Vector
from tests.tools.memory.stores import EMBEDDER, NOW, REGION, TENANT, Stopped, Told, lead, said
from tools.memory.chroma import Chroma
from tools.memory.here import VectorsHere
from tools.memory.memory import Patience, VectorMemory
from tools.memory.vectors import Elsewhere, Found, Matrix, OtherEmbedder, Shelf

SEATS = "how much do fifty more seats cost"
SHELF = Shelf(TENANT, REGION)


class Faulty(VectorsHere):
    """Does what a test says instead of answering."""

    def __init__(self) -> None:
        super().__init__(EMBEDDER.width)
        self.fault: Callable[[], object] | None = None
        self.answer: Found | None = None
        self.near: Sequence[tuple[str, float]] | None = None
        self.asked = 0

    def fetch(self, shelf: Shelf, refs: Sequence[str]) -> Found:
        self.asked += 1
        if self.fault is not None:
            self.fault()
        return self.answer or super().fetch(shelf, refs)

    def nearest(self, shelf: Shelf, asked: Matrix, limit: int) -> Sequence[tuple[str, float]]:
        return super().nearest(shelf, asked, limit) if self.near is None else self.near


class World:
    def __init__(self, embedder: Embedder = EMBEDDER, patience: Patience | None = None) -> None:
        self.vectors, self.told, self.clock = Faulty(), Told(), Stopped()
        patience = patience or Patience(recall_s=20.0, open_s=20.0)
        self.memory = VectorMemory(self.vectors, self.told, embedder, self.clock, patience=patience)

    async def keep(self, *names: str) -> None:
        await self.memory.remember(TENANT, REGION, [said(name, SEATS) for name in names])

    async def recall(self) -> Recall:
        return await self.memory.recall(lead("ld_me"), [said("new", SEATS)], known=["chat:a"], before=NOW)


@pytest.fixture
def world() -> World:
    return World()


def raising(error: Exception) -> Callable[[], object]:
    def fault() -> object:
        raise error

    return fault


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Temporary("memory: gone"), "memory_down"),
        (OtherEmbedder("memory: not ours"), "memory_other_embedder"),
        (Elsewhere("memory: held"), "memory_elsewhere"),
    ],
)
async def test_an_outage_is_a_flag_and_no_error(world: World, error: Exception, code: str) -> None:
    await world.keep("a")
    world.vectors.fault = raising(error)
    assert await world.recall() == Recall(degraded=code)
    world.vectors.fault = None
    assert [one.ref for one in (await world.recall()).refs] == ["chat:a"]


async def test_after_three_outages_memory_is_left_alone_for_a_while(world: World) -> None:
    await world.keep("a")
    world.vectors.fault = raising(Temporary("memory: gone"))
    for _ in range(10):
        assert (await world.recall()).degraded == "memory_down"
    assert world.vectors.asked == 3
    world.vectors.fault = None
    world.clock.at = Instant(NOW + 31 * SECOND)
    assert (await world.recall()).degraded is None


async def test_a_slow_answer_is_given_up_and_does_not_hold_those_that_follow() -> None:
    world = World(patience=Patience(recall_s=0.05, open_s=20.0))
    await world.keep("a")
    late = threading.Event()
    world.vectors.fault = late.wait
    assert await world.recall() == Recall(degraded="memory_slow")
    assert await world.recall() == Recall(degraded="memory_slow")
    with pytest.raises(Temporary):
        await world.keep("b")
    assert world.vectors.asked == 1
    world.vectors.fault = None
    late.set()
    world.memory.close()


async def test_texts_of_another_lead_are_thrown_away_and_counted(world: World) -> None:
    rows = np.asarray(await EMBEDDER.embed([SEATS] * 3), np.float32)
    world.vectors.answer = Found(["chat:a", "chat:of-another", "chat:of-a-third"], rows)
    recall = await world.recall()
    assert [one.ref for one in recall.refs] == ["chat:a"]
    assert recall.dropped == 2


@pytest.mark.parametrize(
    "rows",
    [
        np.ones((1, 3), np.float32),
        np.ones((2, EMBEDDER.width), np.float32),
        np.full((1, EMBEDDER.width), np.nan, np.float32),
        np.full((1, EMBEDDER.width), np.inf, np.float32),
        np.ones(EMBEDDER.width, np.float32),
    ],
)
async def test_what_is_no_vector_of_ours_is_thrown_away_and_counted(world: World, rows: Matrix) -> None:
    world.vectors.answer = Found(["chat:a"], rows)
    recall = await world.recall()
    assert (recall.refs, recall.dropped) == ((), 1)


async def test_a_case_that_our_record_does_not_hold_does_not_count(world: World) -> None:
    cases = [Case(f"chat:c{n}", LeadId(f"ld_{n}"), None, won=True, intent="") for n in range(5)]
    world.told.closed[SHELF] = cases
    world.vectors.near = [(f"chat:c{n}", 0.9) for n in range(4)] + [
        ("chat:invented", 1.0),
        ("chat:c4", float("nan")),
    ]
    assert (await world.recall()).analogues is None
    world.vectors.near = [(f"chat:c{n}", 0.9) for n in range(5)]
    assert (await world.recall()).analogues is not None


async def test_a_reader_that_cannot_be_used_is_a_flag() -> None:
    class Broken:
        name, width, stand_in = "broken", EMBEDDER.width, False

        async def embed(self, texts: Sequence[str]) -> list[Vector]:
            raise Permanent("the files are not those that were pinned")

    assert (await World(Broken()).recall()).degraded == "memory_down"


def chroma(folder: Path, embedder: str = "four") -> Chroma:
    return Chroma(folder, embedder=embedder, width=4)


def test_vectors_of_another_reader_are_refused_until_memory_is_cleared(tmp_path: Path) -> None:
    first = chroma(tmp_path)
    first.put(SHELF, ["a"], np.eye(4, dtype=np.float32)[:1])
    first.close()
    other = chroma(tmp_path, "another-four")
    with pytest.raises(OtherEmbedder):
        other.fetch(SHELF, ["a"])
    other.clear(SHELF)
    assert other.fetch(SHELF, ["a"]).refs == []
    other.close()


def test_a_folder_is_one_process_at_a_time(tmp_path: Path) -> None:
    first, second = chroma(tmp_path), chroma(tmp_path)
    first.book(SHELF)
    with pytest.raises(Elsewhere):
        second.book(SHELF)
    first.close()
    second.book(SHELF)
    second.close()


def test_a_broken_folder_is_an_outage_until_memory_is_cleared(tmp_path: Path) -> None:
    first = chroma(tmp_path)
    first.put(SHELF, ["a"], np.eye(4, dtype=np.float32)[:1])
    first.close()
    (tmp_path / "chroma.sqlite3").write_bytes(b"not a database" * 1_000)
    broken = chroma(tmp_path)
    with pytest.raises(Temporary):
        broken.fetch(SHELF, ["a"])
    broken.clear(SHELF)
    assert broken.count(SHELF) == 0
    broken.put(SHELF, ["a"], np.eye(4, dtype=np.float32)[:1])
    assert broken.fetch(SHELF, ["a"]).refs == ["a"]
    broken.close()


def test_a_lost_folder_is_another_book(tmp_path: Path) -> None:
    first = chroma(tmp_path / "m")
    book = first.book(SHELF)
    first.close()
    (tmp_path / "m").rename(tmp_path / "lost")
    second = chroma(tmp_path / "m")
    assert second.book(SHELF) != book
    second.close()
