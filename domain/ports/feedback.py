"""What people say about leads: overrides that runs respect, and labels to learn from."""

from collections.abc import Sequence
from typing import Protocol

from domain.ids import LeadId, TenantId
from domain.label import Label
from domain.override import OverrideKind, OverrideRow


class Feedback(Protocol):
    """Each change is one transaction with its audit row (step ``override``), and wakes the lead."""

    async def fix(
        self,
        tenant: TenantId,
        lead_id: LeadId,
        *,
        kind: OverrideKind,
        value: str,
        reason: str,
        by: str,
        now: int,
        until: int | None = None,
    ) -> OverrideRow:
        """Fix the owner or the points of a lead; what was fixed before is replaced and kept on record.

        `reason` is sealed under the lead's key. Raises: BadInput (code ``unknown`` for no such lead, or one that
        was merged away or asked to be forgotten).
        """
        ...

    async def lift(
        self, tenant: TenantId, lead_id: LeadId, *, kind: OverrideKind, by: str, now: int
    ) -> OverrideRow:
        """Set the owner or the points free again. Raises: BadInput (code ``unknown``, ``none``: nothing is fixed)."""
        ...

    async def overrides(
        self, tenant: TenantId, *, at: int, lead_id: LeadId | None = None
    ) -> Sequence[OverrideRow]:
        """What counts at the Instant `at`, of one lead or of all: by lead and kind."""
        ...

    async def history(self, tenant: TenantId, lead_id: LeadId) -> Sequence[OverrideRow]:
        """All that was ever fixed of a lead and is with it now, the oldest first."""
        ...

    async def labels(
        self, tenant: TenantId, *, since: int | None = None, until: int | None = None
    ) -> Sequence[Label]:
        """Labels that became known in [`since`, `until`), by `Label.place`.

        A read over what is stored: votes that ended an approval, actions that were taken back, overrides, outcomes and
        ``crm.not_a_lead``. Leads that were merged answer under the one that stayed; those that asked to be
        forgotten not at all.
        """
        ...
