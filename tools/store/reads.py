"""Read-only questions, beside the writer. Every one is limited to a tenant."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import orjson

from domain.audit import Sealed
from domain.ids import LeadId, Region, SignalId, TenantId
from domain.lead import LeadState
from domain.policy import Rep
from domain.ports.reads import Before, Happened, Linked, Row, StoredDecision
from domain.signal import KeyKind, LeadKey, Signal
from tools.store.claims import lead_state
from tools.store.codec import signal_from
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.reps import loaded

TALLIES = ("signals", "duplicates", "runs")
FIRST: Before = (2**62, "", "")
"""Everything stands before this place."""


class SqlReads:
    """Satisfies `domain.ports.reads.Reads`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def find_lead(self, tenant: TenantId, key: str, *, region: Region | None = None) -> LeadId | None:
        """Canonical lead for a lead id (also of one merged away), a key value, or ``kind:value``."""
        return await self._database.read(lambda tx: _find(tx, tenant, key, region))

    async def lead(self, tenant: TenantId, lead_id: LeadId) -> LeadState | None:
        """State of one lead."""
        row = await self._one("lead_with_state", tenant=tenant, lead=lead_id)
        return lead_state(row, row.body) if row else None

    async def keys(self, tenant: TenantId, lead_id: LeadId) -> Sequence[LeadKey]:
        """Its keys, by kind and value."""
        rows = await self._rows("keys_of_lead", tenant=tenant, lead=lead_id)
        return [LeadKey(KeyKind(row.kind), row.value) for row in rows]

    async def leads(
        self, tenant: TenantId, *, batch: int = 500, after: str = "", region: Region | None = None
    ) -> AsyncIterator[Sequence[LeadState]]:
        """All canonical leads in id order, those whose id comes after `after`."""
        place: dict[str, object] = {"tenant": tenant, "region": region, "batch": batch}
        while rows := await self._rows("leads_after", **place, after=after):
            yield [lead_state(row, row.body) for row in rows]
            after = rows[-1].lead_id

    async def forgotten(
        self, tenant: TenantId, *, after: str, limit: int
    ) -> Mapping[LeadId, Sequence[LeadId]]:
        """Leads that asked to be forgotten, with those that were merged into them."""

        def work(tx: Tx) -> Mapping[LeadId, Sequence[LeadId]]:
            rows = tx.rows("forgotten_leads", {"tenant": tenant, "after": after, "limit": limit})
            return {LeadId(row.lead_id): _with_parts(tx, tenant, row.lead_id) for row in rows}

        return await self._database.read(work)

    async def signals(self, tenant: TenantId, lead_id: LeadId, *, limit: int = 200) -> Sequence[Signal]:
        """Its newest signals, newest first."""
        rows = await self._rows("signals_of_lead", tenant=tenant, lead=lead_id, limit=limit)
        return [signal_from(row.body) for row in rows]

    async def stored(self, tenant: TenantId, ids: Sequence[SignalId]) -> Sequence[Signal]:
        """Those of the signals `ids` that are on disk."""
        rows = await self._rows("signals_by_ref", tenant=tenant, refs=as_json(ids)) if ids else []
        return [signal_from(row.body) for row in rows]

    async def reps(self, tenant: TenantId, *, now: int) -> Sequence[Rep]:
        """Salespeople with today's load."""
        return await self._database.read(lambda tx: loaded(tx, self._config.reps, tenant, now))

    async def latest_decision(self, tenant: TenantId, lead_id: LeadId) -> StoredDecision | None:
        """Newest decision of a lead."""
        row = await self._one("latest_decision", tenant=tenant, lead=lead_id)
        return _decision(row) if row else None

    async def latest_decisions(
        self, tenant: TenantId, leads: Sequence[LeadId]
    ) -> Mapping[LeadId, StoredDecision]:
        """Newest decision of each of `leads` that has one, without the sealed input."""
        rows = await self._rows("latest_decisions", tenant=tenant, leads=as_json(leads))
        return {
            LeadId(row.lead_id): StoredDecision(
                row.decision_id, row.run_id, LeadId(row.lead_id), row.as_of, row.content, None
            )
            for row in rows
        }

    async def happened(
        self, tenant: TenantId, lead_id: LeadId, *, before: Before | None = None, limit: int = 100
    ) -> Sequence[Happened]:
        """What happened with a lead, the newest first: only what stands before the place `before`."""
        at, what, name = before or FIRST
        rows = await self._rows(
            "happened", tenant=tenant, lead=lead_id, at=at, what=what, ref=name, limit=limit
        )
        return [Happened(*row) for row in rows]

    async def decisions(
        self, tenant: TenantId, *, batch: int = 500
    ) -> AsyncIterator[Sequence[StoredDecision]]:
        """All decisions in the order of their commit."""
        after = 0
        while rows := await self._rows("decisions_after", tenant=tenant, after=after, batch=batch):
            yield [_decision(row) for row in rows]
            after = rows[-1].seq

    async def counts(self, tenant: TenantId) -> Mapping[str, int]:
        """Items given and where they are now.

        ``signals`` = applied + superseded + duplicates + quarantined + parked + waiting, at any time. An item counts
        once: where it is now. Quarantined are items that are open or discarded; one that was released counts where
        it landed when it came in again.
        """
        return await self._database.read(lambda tx: _counts(tx, tenant))

    async def standing(self, tenant: TenantId) -> Mapping[tuple[str, str], int]:
        """How many actions and questions to people are in each state."""
        rows = await self._rows("count_states", tenant=tenant)
        return {(row.what, row.state): row.n for row in rows}

    async def quarantine(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Row]:
        """Open quarantine rows: id, region, source, position, field, code, reason, at."""
        rows = await self._rows("quarantine_open", tenant=tenant, limit=limit)
        names = ("id", "region", "source", "position", "field", "code", "reason", "at")
        return [dict(zip(names, row, strict=True)) for row in rows]

    async def audit_links(self, tenant: TenantId, run_id: str) -> Sequence[Linked]:
        """Rows of one run as stored, in chain order."""
        rows = await self._rows("audit_links", tenant=tenant, run=run_id)
        return [Linked(*row) for row in rows]

    async def audit_rows(self, tenant: TenantId, *, run_id: str | None = None) -> Sequence[Row]:
        """Rows of one run (or of the tenant), parsed, in chain order."""
        if run_id is None:
            rows = await self._rows("audit_of_tenant", tenant=tenant)
        else:
            rows = await self._rows("audit_of_run", tenant=tenant, run=run_id)
        return [orjson.loads(row.body) for row in rows]

    async def _rows(self, name: str, **values: object) -> list[Any]:
        return await self._database.read(lambda tx: tx.rows(name, values))

    async def _one(self, name: str, **values: object) -> Any:
        return await self._database.read(lambda tx: tx.one(name, values))


def _find(tx: Tx, tenant: str, key: str, region: str | None) -> LeadId | None:
    row = tx.one("find_by_id", {"tenant": tenant, "key": key})
    while row is not None and row.merged_into is not None:
        row = tx.one("find_by_id", {"tenant": tenant, "key": row.merged_into})
    if row is not None and region in (None, row.region):
        return LeadId(row.lead_id) if row.live else None
    kind, _, value = key.partition(":")
    for asked in ({"kind": None, "value": key}, {"kind": kind, "value": value}):
        found = tx.one("find_by_key", {"tenant": tenant, "region": region, **asked})
        if found is not None:
            return LeadId(found.lead_id)
    return None


def _with_parts(tx: Tx, tenant: str, lead: str) -> list[LeadId]:
    """A lead, and all of which it is made, whatever they were made of."""
    found = [LeadId(lead)]
    for one in found:
        rows = tx.rows("merged_leads", {"tenant": tenant, "lead": one})
        found += [LeadId(row.lead_id) for row in rows]
    return found


def _counts(tx: Tx, tenant: str) -> Mapping[str, int]:
    counts = dict(tx.one("count_signals", {"tenant": tenant})._asdict())
    stored = counts.pop("stored")
    counts["applied"] = stored - sum(counts.values())
    tallies = {row.name: row.n for row in tx.rows("count_tallies", {"tenant": tenant})}
    counts |= {name: tallies.get(name, 0) for name in TALLIES}
    return counts | dict(tx.one("count_rows", {"tenant": tenant})._asdict())


def _decision(row: Any) -> StoredDecision:
    record = Sealed(row.ciphertext, row.salt, row.commitment, row.key_id) if row.ciphertext else None
    return StoredDecision(row.decision_id, row.run_id, LeadId(row.lead_id), row.as_of, row.content, record)
