"""The in-memory store's answers to questions."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import orjson

from domain.ids import LeadId, Region, SignalId, TenantId
from domain.instants import instant
from domain.lead import LeadState
from domain.policy import Rep
from domain.ports.reads import Before, Happened, Linked, Row, StoredDecision
from domain.signal import LeadKey, Signal
from tools.fake_work import loaded
from tools.fake_world import World

T = TypeVar("T")


class MemoryReads:
    """Satisfies `domain.ports.reads.Reads`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def find_lead(self, tenant: TenantId, key: str, *, region: Region | None = None) -> LeadId | None:
        """Canonical lead for a lead id or any of its keys."""
        lead = self._world.leads.get(key)
        while lead is not None and lead.merged_into is not None:
            lead = self._world.leads[lead.merged_into]
        if lead is not None and lead.state.tenant == tenant and region in (None, lead.state.region):
            return lead.state.lead_id if lead.live else None
        kind, _, value = key.partition(":")
        for wanted in ((None, key), (kind, value)):
            found = self._by_key(tenant, region, *wanted)
            if found:
                return LeadId(min(found)[1])
        return None

    async def lead(self, tenant: TenantId, lead_id: LeadId) -> LeadState | None:
        """State of one lead."""
        lead = self._world.leads.get(lead_id)
        return lead.state if lead and lead.live and lead.state.tenant == tenant else None

    async def keys(self, tenant: TenantId, lead_id: LeadId) -> Sequence[LeadKey]:
        """Its keys, by kind and value."""
        places = (keys for (t, _), keys in self._world.keys.items() if t == tenant)
        return sorted(key for keys in places for key, row in keys.items() if row.lead_id == lead_id)

    async def leads(
        self, tenant: TenantId, *, batch: int = 500, after: str = "", region: Region | None = None
    ) -> AsyncIterator[Sequence[LeadState]]:
        """All canonical leads in id order, those whose id comes after `after`."""
        found = [
            lead.state
            for name, lead in self._world.leads.items()
            if lead.live
            and lead.state.tenant == tenant
            and name > after
            and region in (None, lead.state.region)
        ]
        for part in _parts(sorted(found, key=lambda state: state.lead_id), batch):
            yield part

    async def forgotten(
        self, tenant: TenantId, *, after: str, limit: int
    ) -> Mapping[LeadId, Sequence[LeadId]]:
        """Leads that asked to be forgotten, with those that were merged into them."""
        gone = [
            lead.state.lead_id
            for name, lead in sorted(self._world.leads.items())
            if lead.live and lead.state.suppressed and lead.state.tenant == tenant and name > after
        ]
        return {lead: [lead, *self._parts(lead)] for lead in gone[:limit]}

    def _parts(self, whole: LeadId) -> list[LeadId]:
        """Leads that were merged into `whole`, or into one that was."""
        found = [whole]
        for one in found:
            found += [lead.state.lead_id for lead in self._world.leads.values() if lead.merged_into == one]
        return sorted(found[1:])

    async def signals(self, tenant: TenantId, lead_id: LeadId, *, limit: int = 200) -> Sequence[Signal]:
        """Its newest signals, newest first."""
        kept = [k.signal for k in self._world.of_lead(lead_id) if k.signal.tenant == tenant]
        return kept[:limit]

    async def stored(self, tenant: TenantId, ids: Sequence[SignalId]) -> Sequence[Signal]:
        """Those of the signals `ids` that are on disk."""
        kept = (self._world.signals.get((tenant, ref)) for ref in ids)
        return [one.signal for one in kept if one is not None]

    async def reps(self, tenant: TenantId, *, now: int) -> Sequence[Rep]:
        """Salespeople with today's load."""
        return loaded(self._world, tenant, now)

    async def latest_decision(self, tenant: TenantId, lead_id: LeadId) -> StoredDecision | None:
        """Newest decision of a lead."""
        return next((d for d in reversed(self._decisions(tenant)) if d.lead_id == lead_id), None)

    async def latest_decisions(
        self, tenant: TenantId, leads: Sequence[LeadId]
    ) -> Mapping[LeadId, StoredDecision]:
        """Newest decision of each of `leads` that has one, without the sealed input."""
        return {d.lead_id: replace(d, record=None) for d in self._decisions(tenant) if d.lead_id in leads}

    async def happened(
        self, tenant: TenantId, lead_id: LeadId, *, before: Before | None = None, limit: int = 100
    ) -> Sequence[Happened]:
        """What happened with a lead, the newest first: only what stands before the place `before`."""
        found = [*self._said(tenant, lead_id), *self._done(tenant, lead_id)]
        found.sort(key=lambda one: one.place, reverse=True)
        return [one for one in found if before is None or one.place < before][:limit]

    async def decisions(
        self, tenant: TenantId, *, batch: int = 500
    ) -> AsyncIterator[Sequence[StoredDecision]]:
        """All decisions in the order of their commit."""
        for part in _parts(self._decisions(tenant), batch):
            yield part

    async def counts(self, tenant: TenantId) -> Mapping[str, int]:
        """Items given and where they are now."""
        world = self._world
        states = [kept.state for kept in world.signals.values() if kept.signal.tenant == tenant]
        items = [item for item in world.items.values() if item.refused.tenant == tenant]
        return {
            **{name: states.count(name) for name in ("applied", "superseded", "parked", "waiting")},
            **{name: world.tallies[tenant, name] for name in ("signals", "duplicates", "runs")},
            "quarantined": sum(item.state != "released" for item in items),
            "leads": sum(lead.live and lead.state.tenant == tenant for lead in world.leads.values()),
            "decisions": len(self._decisions(tenant)),
            "actions": sum(effect.row.tenant == tenant for effect in world.effects.rows.values()),
            "merges": world.merges[f"{tenant}/merge"],
        }

    async def standing(self, tenant: TenantId) -> Mapping[tuple[str, str], int]:
        """How many actions and questions to people are in each state."""
        effects = self._world.effects
        actions = [one.row for one in effects.rows.values()]
        return Counter(
            [("outbox", row.state.value) for row in actions if row.tenant == tenant]
            + [("approval", one.state.value) for one in effects.approvals.values() if one.tenant == tenant]
        )

    async def quarantine(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Row]:
        """Open quarantine rows."""
        names = ("region", "source", "position", "field", "code", "reason")
        return [
            {"id": item.item_id, **{name: getattr(item.refused, name) for name in names}, "at": item.at}
            for item in self._world.open_items(tenant)[:limit]
        ]

    async def audit_links(self, tenant: TenantId, run_id: str) -> Sequence[Linked]:
        """Rows of one run as stored, in chain order."""
        hashes = {row.seq: row.hash for _, row in self._world.audit if row.tenant == tenant}
        return [
            Linked(row.writer, row.seq, row.prev, row.hash, row.body, hashes.get(row.seq - 1))
            for entry, row in self._world.audit
            if row.tenant == tenant and entry.run_id == run_id
        ]

    async def audit_rows(self, tenant: TenantId, *, run_id: str | None = None) -> Sequence[Row]:
        """Rows of one run (or of the tenant), parsed, in chain order."""
        rows = [(e, row) for e, row in self._world.audit if row.tenant == tenant]
        return [orjson.loads(row.body) for e, row in rows if run_id is None or e.run_id == run_id]

    def _by_key(self, tenant: str, region: str | None, kind: str | None, value: str) -> list[tuple[int, str]]:
        return [
            (self._world.leads[row.lead_id].first_seen, row.lead_id)
            for (t, where), keys in self._world.keys.items()
            for key, row in keys.items()
            if t == tenant
            and region in (None, where)
            and key.value == value
            and kind in (None, key.kind)
            and row.lead_id
        ]

    def _said(self, tenant: str, lead_id: str) -> Iterator[Happened]:
        for kept in self._world.of_lead(lead_id):
            if kept.signal.tenant == tenant:
                at, kind = instant(kept.signal.occurred_at), kept.signal.kind.value
                yield Happened(at, "signal", kept.signal.signal_id, kind, kept.state, kept.reason or "")

    def _done(self, tenant: str, lead_id: str) -> Iterator[Happened]:
        for whose, d, _, content in self._world.decisions:
            if (whose, d.lead_id) == (tenant, lead_id):
                yield Happened(d.as_of, "decision", d.decision_id, d.run_id, d.state.value, "", content)
        rows = [one.row for one in self._world.effects.rows.values()]
        mine = [row for row in rows if (row.tenant, row.lead_id) == (tenant, lead_id)]
        for row in mine:
            yield Happened(row.at, "action", row.action_id, row.kind.value, row.state.value, row.reason)
        for name in {row.approval_id for row in mine if row.approval_id}:
            one = self._world.effects.approvals[name]
            yield Happened(one.asked_at, "approval", name, one.decision_id, one.state.value, one.reason)

    def _decisions(self, tenant: str) -> list[StoredDecision]:
        return [
            StoredDecision(d.decision_id, d.run_id, d.lead_id, d.as_of, content, record)
            for t, d, record, content in self._world.decisions
            if t == tenant
        ]


def _parts(rows: Sequence[T], batch: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), batch):
        yield rows[start : start + batch]
