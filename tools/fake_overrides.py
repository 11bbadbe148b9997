"""The in-memory store's overrides, and what becomes of them when leads are joined and parted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from domain.audit import AuditEntry
from domain.ids import LeadId
from domain.override import Override, OverrideRow
from domain.override_moves import joined, parted
from tools.store.override_rows import turned


@dataclass(slots=True)
class Overrides:
    """All overrides of all tenants, in the order in which they were set."""

    note: Callable[[Iterable[AuditEntry]], None]
    rows: dict[str, OverrideRow] = field(default_factory=dict)

    def of_lead(self, lead: str) -> list[OverrideRow]:
        """All that was ever fixed of a lead, the oldest first."""
        mine = [row for row in self.rows.values() if row.lead_id == lead]
        return sorted(mine, key=lambda row: (row.override.at, row.override.override_id))

    def not_ended(self, lead: str) -> list[OverrideRow]:
        """What nobody has ended; its date may have passed."""
        return [row for row in self.of_lead(lead) if row.end is None]

    def told(self, lead: str, now: int) -> tuple[Override, ...]:
        """What a run is told: by kind."""
        held = [row.override for row in self.of_lead(lead) if row.holds(now)]
        return tuple(sorted(held, key=lambda override: override.kind))

    def keep(self, row: OverrideRow) -> None:
        """Write a row."""
        self.rows[row.override.override_id] = row

    def merge(self, winner: str, loser: str, now: int) -> bool:
        """Carry the loser's overrides to the winner. True if anything counts there now that did not before."""
        mine, theirs = self.of_lead(winner), self.of_lead(loser)
        return self._change(joined(mine, theirs, LeadId(winner), now), now)

    def split(self, lead: str, part: str, came_through: Callable[[str, str], bool], now: int) -> bool:
        """Give back to `part` what was set for it. True if anything counts elsewhere now."""
        before = self.of_lead(lead) + self.of_lead(part)
        after = parted(before, LeadId(lead), LeadId(part), lambda origin: came_through(origin, part))
        return self._change(after, now)

    def _change(self, after: Sequence[OverrideRow], now: int) -> bool:
        changed = [row for row in after if row != self.rows[row.override.override_id]]
        entries = (turned(self.rows[row.override.override_id], row, now) for row in changed)
        self.note([entry for entry in entries if entry is not None])
        for row in changed:
            self.keep(row)
        return any(row.end is None for row in changed)
