"""1,000 hostile questions: leads and tenants that say the same words, and nothing of one reaches another."""

import random
from collections.abc import Sequence
from pathlib import Path

from domain.ids import LeadId, TenantId
from domain.instants import MINUTE
from domain.kinds import Kind
from domain.lead import LeadState
from domain.memory import Recall
from domain.signal import LeadKey, Signal
from surfaces.remembering import keep_up
from tests.tools.contract.stores import CRM, NOW, OTHER, REGION, TENANT, drain, key, signal
from tests.tools.memory.stores import EMBEDDER, Stopped
from tools.memory.chroma import Chroma
from tools.memory.memory import Patience, VectorMemory
from tools.store import Store, open_store

WORDS = (
    "how much do seats cost",
    "we need seats for the team",
    "send a quote for seats",
    "seats, what price",
)
LEADS, RUNS, QUESTIONS = 10, 250, 4
LATER = NOW + 10 * MINUTE


def said(tenant: TenantId, number: int, who: LeadKey, text: str) -> Signal:
    return signal(number, who, kind=Kind.MESSAGE, payload={"text": text, "role": "customer"}, tenant=tenant)


def talk(tenant: TenantId, lead: int) -> list[Signal]:
    """The same words from every lead; every ref says whose it is. Only `TENANT` has outcomes: enough to speak of."""
    who = key(CRM, f"{tenant}-{lead}")
    first = (0 if tenant == TENANT else 100_000) + 100 * lead
    found = [said(tenant, first + n + 1, who, text) for n, text in enumerate(WORDS)]
    if tenant == TENANT:
        found.append(signal(first, who, kind=Kind.OUTCOME, payload={"result": "won"}, at=NOW, tenant=tenant))
    return found


class World:
    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        vectors = Chroma(folder, embedder=EMBEDDER.name, width=EMBEDDER.width)
        patience = Patience(recall_s=20.0, open_s=20.0)
        self.memory = VectorMemory(vectors, store.remembered, EMBEDDER, Stopped(), patience=patience)
        self.names: dict[tuple[TenantId, int], LeadId] = {}

    async def fill(self) -> None:
        for tenant in (TENANT, OTHER):
            for lead in range(LEADS):
                await self.store.inbox.accept(talk(tenant, lead), now=NOW)
        await drain(self.store)
        for place in await self.store.remembered.places():
            while await keep_up(self.memory, self.store.remembered, *place):
                pass
        for tenant in (TENANT, OTHER):
            for lead in range(LEADS):
                found = await self.store.reads.find_lead(tenant, f"{tenant}-{lead}")
                assert found is not None
                self.names[tenant, lead] = found

    async def ask(
        self, tenant: TenantId, lead: int, texts: Sequence[str], known: Sequence[str] | None = None
    ) -> Recall:
        name = self.names[tenant, lead]
        if known is None:
            known = await self.store.remembered.known(tenant, name, before=LATER)
        new = [said(tenant, 999_000 + n, key(CRM, "new"), text) for n, text in enumerate(texts)]
        return await self.memory.recall(LeadState(name, tenant, REGION), new, known=known, before=LATER)


async def test_no_text_of_another_lead_and_no_row_of_another_tenant(tmp_path: Path) -> None:
    """Half of the runs are honest, half name refs of the other tenant as the lead's own; each asks four questions."""
    store = open_store(tmp_path / "store.db")
    world = World(store, tmp_path / "memory")
    await world.fill()
    draw = random.Random(7)
    own = {
        place: {one.signal_id for one in talk(*place) if one.kind is Kind.MESSAGE} for place in world.names
    }
    strangers = leaks = answers = 0
    for turn in range(RUNS):
        place = draw.choice(list(world.names))
        texts = [" ".join(draw.sample(WORDS, draw.randint(1, 3))) for _ in range(QUESTIONS)]
        other = OTHER if place[0] == TENANT else TENANT
        forged = sorted(own[other, draw.randrange(LEADS)]) if turn % 2 else None
        recall = await world.ask(*place, texts, forged)
        refs = {one.ref for one in recall.refs}
        answers += bool(refs)
        strangers += len(refs - own[place])
        leaks += recall.analogues is not None and place[0] == OTHER
    assert (strangers, leaks) == (0, 0)
    assert answers == RUNS / 2
    store.close()
    world.memory.close()
