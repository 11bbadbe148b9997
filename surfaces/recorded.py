"""Recorded decisions opened again, for simulations of another policy."""

from collections.abc import AsyncIterator

from domain.errors import Permanent
from domain.ports.home import Home
from graph.record import unpack
from surfaces.policy_diff import Recorded


async def recorded(home: Home, limit: int | None = None) -> AsyncIterator[Recorded]:
    """Decisions that went through policy review, oldest first, at most `limit`; erased ones are left out."""
    given = 0
    async for batch in home.reads.decisions(home.tenant):
        for stored in batch:
            if stored.record is None:
                continue
            try:
                record = unpack(home.vault.open(home.tenant, stored.record))
            except Permanent:
                continue
            decision = record.decision
            if decision.verdict is None or decision.reading is None or decision.score is None:
                continue
            if limit is not None and given >= limit:
                return
            given += 1
            yield Recorded(
                stored.decision_id, stored.lead_id, decision.verdict, record.given, decision.features,
                decision.reading, decision.score, decision.band, record.given.lead.band,
            )  # fmt: skip
