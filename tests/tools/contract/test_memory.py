"""What `Memory` promises, over each store of vectors."""

from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from domain.ids import AccountId, LeadId, TenantId
from domain.memory import Analogues, Case, Recall
from domain.signal import Signal
from tests.tools.memory.stores import EMBEDDER, NOW, REGION, RIVAL, Stopped, Told, lead, said
from tools.memory.chroma import Chroma
from tools.memory.here import VectorsHere
from tools.memory.memory import Patience, VectorMemory
from tools.memory.vectors import Vectors

SEATS, INVOICE = "how much do fifty more seats cost", "the invoice of march is wrong"
_NUMBERS = count(1)


@pytest.fixture(scope="module", params=["here", "folder"])
def vectors(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vectors]:
    """One store for all tests, which differ by tenant."""
    folder = tmp_path_factory.mktemp("memory")
    if request.param == "here":
        yield VectorsHere(EMBEDDER.width)
    else:
        made = Chroma(folder / "m", embedder=EMBEDDER.name, width=EMBEDDER.width)
        yield made
        made.close()


class World:
    """Memory of a tenant of its own."""

    def __init__(self, vectors: Vectors) -> None:
        self.tenant = TenantId(f"t{next(_NUMBERS)}")
        self.told = Told()
        patience = Patience(recall_s=20.0, open_s=20.0)  # promises, not speed, are looked at here
        self.memory = VectorMemory(vectors, self.told, EMBEDDER, Stopped(), patience=patience)

    def said(self, name: str, text: str) -> Signal:
        return said(name, text, tenant=self.tenant)

    async def keep(self, *signals: Signal, cases: Sequence[str] = ()) -> None:
        await self.memory.remember(self.tenant, REGION, signals, cases=cases)

    async def recall(self, text: str, known: Sequence[str] = (), *, account: str | None = None) -> Recall:
        who = lead("ld_me", tenant=self.tenant, account=account)
        return await self.memory.recall(who, [self.said("new", text)], known=known, before=NOW)

    async def cases(self, *won: bool, text: str = SEATS, account: str | None = None) -> None:
        """Leads that said `text` and how that ended."""
        found = [
            Case(f"chat:case{n}", LeadId(f"ld_{n}"), AccountId(account) if account else None, one, "pricing")
            for n, one in enumerate(won)
        ]
        self.told.closed[self.tenant, REGION] = found
        await self.keep(
            *(self.said(f"case{n}", text) for n in range(len(won))), cases=[one.ref for one in found]
        )


@pytest.fixture
def world(vectors: Vectors) -> World:
    return World(vectors)


async def test_what_a_lead_said_of_the_same_matter_is_recalled_most_alike_first(world: World) -> None:
    await world.keep(
        world.said("a", SEATS), world.said("b", INVOICE), world.said("c", "fifty more seats cost what")
    )
    recall = await world.recall(SEATS, ["chat:a", "chat:b", "chat:c"])
    assert [one.ref for one in recall.refs] == ["chat:a", "chat:c"]
    assert recall.refs[0].likeness == 1000
    assert recall.degraded is None


async def test_only_refs_that_our_own_store_names_are_recalled(world: World) -> None:
    await world.keep(world.said("mine", SEATS), world.said("another", SEATS))
    assert [one.ref for one in (await world.recall(SEATS, ["chat:mine"])).refs] == ["chat:mine"]


async def test_remembering_again_is_the_same(world: World) -> None:
    for _ in range(2):
        await world.keep(world.said("a", SEATS))
    assert await world.memory.count(world.tenant, REGION) == 1


async def test_what_is_forgotten_is_gone_and_forgetting_again_is_the_same(world: World) -> None:
    await world.cases(True, True, True, True, True)
    for _ in range(2):
        await world.memory.forget(world.tenant, REGION, [f"chat:case{n}" for n in range(5)])
    assert await world.memory.count(world.tenant, REGION) == 0
    recall = await world.recall(SEATS, ["chat:case0"])
    assert (recall.refs, recall.analogues) == ((), None)
    assert recall.degraded == "memory_behind"


async def test_words_of_an_agent_are_not_kept(world: World) -> None:
    await world.keep(said("a", SEATS, tenant=world.tenant, role="agent"))
    assert await world.memory.count(world.tenant, REGION) == 0


async def test_similar_cases_are_counted(world: World) -> None:
    await world.cases(True, False, True, False, True)
    assert (await world.recall(SEATS)).analogues == Analogues(5, 3, (("pricing", 5),))


async def test_below_five_cases_nothing_is_said(world: World) -> None:
    await world.cases(True, True, True, True)
    assert (await world.recall(SEATS)).analogues is None


async def test_cases_about_something_else_do_not_count(world: World) -> None:
    await world.cases(True, True, True, True, True, text=INVOICE)
    assert (await world.recall(SEATS)).analogues is None


async def test_colleagues_are_no_cases(world: World) -> None:
    await world.cases(True, True, True, True, True, account="acme.test")
    assert (await world.recall(SEATS, account="acme.test")).analogues is None
    assert (await world.recall(SEATS, account="other.test")).analogues is not None


async def test_a_text_kept_before_its_outcome_becomes_a_case_later(world: World) -> None:
    await world.keep(*(world.said(f"case{n}", SEATS) for n in range(5)))
    names = [f"chat:case{n}" for n in range(5)]
    world.told.closed[world.tenant, REGION] = [
        Case(ref, LeadId(ref), None, won=True, intent="") for ref in names
    ]
    assert (await world.recall(SEATS)).analogues is None
    await world.keep(cases=names)
    assert (await world.recall(SEATS)).analogues == Analogues(5, 5)


async def test_another_tenant_of_the_same_words_sees_nothing(world: World, vectors: Vectors) -> None:
    await world.cases(True, True, True, True, True)
    rival = World(vectors)
    rival.told = world.told
    rival.told.closed[rival.tenant, REGION] = world.told.closed[world.tenant, REGION]
    recall = await rival.recall(SEATS, ["chat:case0", "chat:case1"])
    assert (recall.refs, recall.analogues, recall.degraded) == ((), None, "memory_behind")
    assert rival.tenant != RIVAL


async def test_a_cleared_book_is_empty_and_another_one(world: World) -> None:
    await world.keep(world.said("a", SEATS))
    before = await world.memory.book(world.tenant, REGION)
    assert await world.memory.book(world.tenant, REGION) == before
    await world.memory.clear(world.tenant, REGION)
    assert await world.memory.count(world.tenant, REGION) == 0
    assert await world.memory.book(world.tenant, REGION) != before


async def test_where_there_is_nothing_to_recall_the_store_is_not_asked() -> None:
    class Never:
        def __getattr__(self, name: str) -> object:
            raise AssertionError(f"{name} was asked")

    world = World(Never())  # type: ignore[arg-type]  # none of it is used
    assert (await world.recall(SEATS)).degraded is None
    assert (await world.recall("", ["chat:a"])).degraded is None
