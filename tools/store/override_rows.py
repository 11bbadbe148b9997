"""Overrides in one transaction: read, ended, carried along with their leads; and the audit rows about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.audit import AuditEntry, AuditValue
from domain.ids import DecisionId, LeadId, Region, TenantId
from domain.override import Override, OverrideEnd, OverrideKind, OverrideRow
from domain.override_moves import joined, parted
from tools.store.audit import Chains
from tools.store.components import as_json
from tools.store.engine import Tx


@dataclass(frozen=True, slots=True)
class Overrides:
    """The overrides of one tenant within one transaction, for everyone who changes them."""

    tx: Tx
    chains: Chains
    tenant: TenantId
    now: int

    def of_lead(self, lead: str) -> list[OverrideRow]:
        """All that was ever fixed of a lead, the oldest first, without the reasons."""
        rows = self.tx.rows("override_history", {"lead": lead, "tenant": self.tenant})
        return [row_from(row) for row in rows]

    def keep(self, row: OverrideRow) -> None:
        """Write all of a row that can change."""
        self.tx.run(
            "keep_override",
            {
                "override": row.override.override_id,
                "tenant": self.tenant,
                "lead": row.lead_id,
                "end": None if row.end is None else row.end.value,
                "ended_at": row.ended_at,
                "ended_by": row.ended_by,
                "stood": row.stood,
            },
        )

    def merge(self, winner: str, loser: str) -> bool:
        """Carry the loser's overrides to the winner. True if anything counts there now that did not before."""
        theirs = self.of_lead(loser)
        if not theirs:
            return False
        mine = self.of_lead(winner)
        return self._change(mine + theirs, joined(mine, theirs, LeadId(winner), self.now))

    def split(self, lead: str, part: str) -> bool:
        """Give back to `part` what was set for it before it went into `lead`. True if anything counts elsewhere now."""
        before = self.of_lead(lead) + self.of_lead(part)
        if not before:
            return False
        after = parted(before, LeadId(lead), LeadId(part), lambda origin: self._came_through(origin, part))
        return self._change(before, after)

    def _change(self, before: Sequence[OverrideRow], after: Sequence[OverrideRow]) -> bool:
        """Write what changed, ends first and what counts again last: of a lead and kind one at most has no end."""
        was = {row.override.override_id: row for row in before}
        changed = [row for row in after if row != was[row.override.override_id]]
        again = {row.override.override_id for row in changed if was[row.override.override_id].end is not None}
        for row in sorted(changed, key=lambda one: (one.end is None, one.override.override_id in again)):
            self.keep(row)
        self.chains.add(
            entry for row in changed if (entry := turned(was[row.override.override_id], row, self.now))
        )
        return any(row.end is None for row in changed)

    def _came_through(self, origin: str, part: str) -> bool:
        """Whether `part` is the lead `origin`, or `origin` was merged into it, at once or over others."""
        at: str | None = origin
        while at is not None and at != part:
            row = self.tx.one("lead_place", {"leads": as_json([at]), "tenant": self.tenant})
            at = row.merged_into if row else None
        return at is not None


def row_from(row: Any, reason: str = "") -> OverrideRow:
    """A row of the table."""
    return OverrideRow(
        override=override_from(row),
        tenant=TenantId(row.tenant),
        region=Region(row.region),
        lead_id=LeadId(row.lead_id),
        origin=LeadId(row.origin),
        by=row.setter,
        reason=reason,
        decision_id=None if row.decision_id is None else DecisionId(row.decision_id),
        end=None if row.ended is None else OverrideEnd(row.ended),
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        stood=row.stood,
    )


def override_from(row: Any) -> Override:
    """The part of a row that runs are told."""
    return Override(row.override_id, OverrideKind(row.kind), row.value, row.at, row.until)


def told(tx: Tx, leads: Sequence[str], now: int) -> dict[str, tuple[Override, ...]]:
    """What is fixed of each of these leads now, by kind: what a run is told."""
    found: dict[str, tuple[Override, ...]] = {}
    for row in tx.rows("overrides_of_leads", {"leads": as_json(leads), "now": now}):
        found[row.lead_id] = (*found.get(row.lead_id, ()), override_from(row))
    return found


def said(
    row: OverrideRow, code: str, now: int, *, why: str, person: str = "", commitment: str | None = None
) -> AuditEntry:
    """The audit row of a change: neither the value nor anybody's name; `person` is a keyed digest."""
    detail: dict[str, AuditValue] = {
        "override": row.override.override_id,
        "kind": row.override.kind.value,
        "why": why,
    }
    return AuditEntry(
        tenant=row.tenant,
        region=row.region,
        step="override",
        code=code,
        at=now,
        lead_id=row.lead_id,
        detail=detail | ({"by": person} if person else {}),
        commitment=commitment,
    )


def turned(before: OverrideRow, after: OverrideRow, now: int) -> AuditEntry | None:
    """The audit row of what a merge or its undoing did to an override; None if it counts as it did."""
    if (before.end is None) == (after.end is None) or after.end is OverrideEnd.OVER:
        return None
    code, why = ("set", "split") if after.end is None else ("lifted", after.end.value)
    return said(after, code, now, why=why)
