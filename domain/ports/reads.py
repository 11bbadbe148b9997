"""Read-only questions about what is stored: for the command line, reports, replays."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from domain.audit import Sealed
from domain.ids import LeadId, Region, SignalId, TenantId
from domain.lead import LeadState
from domain.policy import Rep
from domain.signal import LeadKey, Signal

Row = Mapping[str, object]
Before = tuple[int, str, str]
"""An Instant, what happened then, and its id: a place in a lead's history."""


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as stored: `content` is its canonical JSON, `record` the sealed input."""

    decision_id: str
    run_id: str
    lead_id: LeadId
    as_of: int
    content: bytes
    record: Sealed | None


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing in a lead's history, without any text of it. `at` is an Instant."""

    at: int
    what: str
    """``signal``, ``decision``, ``action`` or ``approval``."""
    name: str
    """Ref of a signal, else the id."""
    kind: str
    """Kind of a signal or action; of a decision its run, of an approval its decision."""
    state: str
    reason: str
    content: bytes | None = None
    """Of a decision its canonical JSON."""

    @property
    def place(self) -> Before:
        """Where it stands: two things are never at one place."""
        return self.at, self.what, self.name


class Linked(NamedTuple):
    """An audit row as stored; `before` is the hash of the row that stands before it, None if there is none."""

    writer: str
    seq: int
    prev: str
    hash: str
    body: bytes
    before: str | None


class Reads(Protocol):
    """Every method is limited to one tenant."""

    async def find_lead(self, tenant: TenantId, key: str, *, region: Region | None = None) -> LeadId | None:
        """Canonical lead for a lead id, or for any of its key values (also hashed by the caller).

        With `region` only a lead of it: one key may name a lead in each.
        """
        ...

    async def lead(self, tenant: TenantId, lead_id: LeadId) -> LeadState | None:
        """State of one lead."""
        ...

    async def keys(self, tenant: TenantId, lead_id: LeadId) -> Sequence[LeadKey]:
        """Its keys, hashed ones as hashes."""
        ...

    def leads(
        self, tenant: TenantId, *, batch: int = 500, after: str = "", region: Region | None = None
    ) -> AsyncIterator[Sequence[LeadState]]:
        """All canonical leads (with `region` those of it) in id order, those whose id comes after `after`."""
        ...

    async def forgotten(
        self, tenant: TenantId, *, after: str, limit: int
    ) -> Mapping[LeadId, Sequence[LeadId]]:
        """Leads that asked to be forgotten, in id order, those whose id comes after `after`; each with what it is.

        That is its own id and those of the leads that were merged into it.
        """
        ...

    async def signals(self, tenant: TenantId, lead_id: LeadId, *, limit: int = 200) -> Sequence[Signal]:
        """Its newest signals, newest first."""
        ...

    async def stored(self, tenant: TenantId, ids: Sequence[SignalId]) -> Sequence[Signal]:
        """Those of the signals `ids` that are on disk."""
        ...

    async def reps(self, tenant: TenantId, *, now: int) -> Sequence[Rep]:
        """Salespeople with today's load."""
        ...

    async def latest_decision(self, tenant: TenantId, lead_id: LeadId) -> StoredDecision | None:
        """Newest decision of a lead."""
        ...

    async def latest_decisions(
        self, tenant: TenantId, leads: Sequence[LeadId]
    ) -> Mapping[LeadId, StoredDecision]:
        """Newest decision of each of `leads` that has one, without the sealed input."""
        ...

    async def happened(
        self, tenant: TenantId, lead_id: LeadId, *, before: Before | None = None, limit: int = 100
    ) -> Sequence[Happened]:
        """What happened with a lead, the newest first: only what stands before the place `before`."""
        ...

    def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredDecision]]:
        """All decisions in the order of their commit."""
        ...

    async def counts(self, tenant: TenantId) -> Mapping[str, int]:
        """``signals applied superseded duplicates quarantined parked waiting leads runs decisions actions merges``."""
        ...

    async def standing(self, tenant: TenantId) -> Mapping[tuple[str, str], int]:
        """How many actions (``outbox``) and questions to people (``approval``) are in each state."""
        ...

    async def quarantine(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Row]:
        """Open quarantine rows: id, region, source, position, field, code, reason, at."""
        ...

    async def audit_links(self, tenant: TenantId, run_id: str) -> Sequence[Linked]:
        """Rows of one run as stored, in chain order."""
        ...

    async def audit_rows(self, tenant: TenantId, *, run_id: str | None = None) -> Sequence[Row]:
        """Rows of one run (or of the tenant), in chain order."""
        ...
