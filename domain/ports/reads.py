"""Read-only questions about what is stored: for the command line, reports, replays."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.audit import Sealed
from domain.ids import LeadId, TenantId
from domain.lead import LeadState
from domain.policy import Rep
from domain.signal import LeadKey, Signal

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredDecision:
    """A decision as stored: `content` is its canonical JSON, `record` the sealed input."""

    decision_id: str
    run_id: str
    lead_id: LeadId
    as_of: int
    content: bytes
    record: Sealed | None


class Reads(Protocol):
    """Every method is limited to one tenant."""

    async def find_lead(self, tenant: TenantId, key: str) -> LeadId | None:
        """Canonical lead for a lead id, or for any of its key values (also hashed by the caller)."""
        ...

    async def lead(self, tenant: TenantId, lead_id: LeadId) -> LeadState | None:
        """State of one lead."""
        ...

    async def keys(self, tenant: TenantId, lead_id: LeadId) -> Sequence[LeadKey]:
        """Its keys, hashed ones as hashes."""
        ...

    def leads(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[LeadState]]:
        """All canonical leads in id order."""
        ...

    async def signals(self, tenant: TenantId, lead_id: LeadId, *, limit: int = 200) -> Sequence[Signal]:
        """Its newest signals, newest first."""
        ...

    async def reps(self, tenant: TenantId, *, now: int) -> Sequence[Rep]:
        """Salespeople with today's load."""
        ...

    async def latest_decision(self, tenant: TenantId, lead_id: LeadId) -> StoredDecision | None:
        """Newest decision of a lead."""
        ...

    def decisions(self, tenant: TenantId, *, batch: int = 500) -> AsyncIterator[Sequence[StoredDecision]]:
        """All decisions in the order of their commit."""
        ...

    async def counts(self, tenant: TenantId) -> Mapping[str, int]:
        """``signals applied superseded duplicates quarantined parked waiting leads runs decisions actions merges``."""
        ...

    async def quarantine(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Row]:
        """Open quarantine rows: id, source, position, field, code, reason, at."""
        ...

    async def audit_rows(self, tenant: TenantId, *, run_id: str | None = None) -> Sequence[Row]:
        """Rows of one run (or of the tenant), in chain order."""
        ...
