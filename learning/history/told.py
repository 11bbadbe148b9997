"""What an import says before it writes: what was read, what was refused and why, and what to be wary of."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from domain.instants import Instant, iso
from domain.kinds import Kind
from domain.lead import EVENT_CAP
from domain.signal import Signal
from learning.history.mapping import FromSource, Mapping_, Tabular, Wide, columns_named
from learning.history.read import Table

_SHOWN: Final = 5
"""Rows that are named for each reason."""
_OUTCOMES: Final = ("won", "lost")


@dataclass(slots=True)
class Tally:
    """Figures of one pass over a file. `refused` gives the reason of each row that was not let in."""

    rows: int = 0
    duplicates: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    of_lead: Counter[str] = field(default_factory=Counter)
    begun: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    stated: Counter[str] = field(default_factory=Counter)
    first: int = 2**62
    last: int = -(2**62)
    last_known: int = 0

    def count(self, lead: str, signal: Signal, at: int, known: int) -> None:
        """One signal that was let in, of Instants `at` and `known`."""
        self.kinds[signal.kind.value] += 1
        self.of_lead[lead] += 1
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.last_known = max(self.last_known, known)
        if signal.kind is Kind.OUTCOME:
            told = (at, signal.signal_id, str(signal.payload["result"]))
            self.outcomes[lead] = max(told, self.outcomes.get(lead, told))
        else:
            self.begun[lead] = min(at, self.begun.get(lead, at))
        if signal.kind is Kind.ATTRIBUTES:
            self.stated.update(signal.payload.keys())

    def ended(self) -> dict[str, int]:
        """Leads by how they stand: ``won, lost, open``."""
        ends = Counter(result for _, _, result in self.outcomes.values())
        found = {name: ends[name] for name in _OUTCOMES}
        return {**found, "open": len(self.of_lead) - sum(found.values())}


def report_of(mapping: Mapping_, table: Table | None, tally: Tally) -> dict[str, Any]:
    """``rows, leads, signals, outcomes, from, to, duplicates, refused, columns, attributes, warnings``, for JSON.

    `refused` lists ``reason, rows, examples``, the most frequent first; `dropped` counts payload fields that no kind
    lists.
    """
    reasons = Counter(tally.refused.values())
    examples = {why: [n for n, said in tally.refused.items() if said == why][:_SHOWN] for why in reasons}
    return {
        "source": mapping.source,
        "layout": mapping.layout,
        "rows": tally.rows,
        "leads": len(tally.of_lead),
        "signals": dict(sorted(tally.kinds.items())),
        "outcomes": tally.ended(),
        "from": iso(Instant(tally.first)) if tally.of_lead else None,
        "to": iso(Instant(tally.last)) if tally.of_lead else None,
        "duplicates": tally.duplicates,
        "refused": [
            {"reason": why, "rows": n, "examples": examples[why]} for why, n in reasons.most_common()
        ],
        "dropped": dict(tally.dropped),
        "columns": _columns(mapping, table),
        "attributes": [one.name for one in mapping.attributes_declared],
        "warnings": list(_warnings(mapping, table, tally)),
    }


def _columns(mapping: Mapping_, table: Table | None) -> dict[str, list[str]]:
    """The columns of the file as used, never to be used, in question, or not spoken of."""
    if table is None or isinstance(mapping, FromSource):
        return {"used": [], "never": [], "asked": [], "unmapped": []}
    asked = _asked(mapping)
    named = {column for column, _ in columns_named(mapping)}
    there = table.frame.columns
    return {
        "used": [name for name in there if name in named and name not in asked],
        "never": [name for name in there if name in mapping.never],
        "asked": [name for name in there if name in asked],
        "unmapped": [name for name in there if name not in named and name not in mapping.never],
    }


def _asked(mapping: Tabular) -> set[str]:
    attributes = mapping.attributes.values() if isinstance(mapping, Wide) else ()
    return {one.column for one in attributes if one.ask is not None}


def _warnings(mapping: Mapping_, table: Table | None, tally: Tally) -> Iterator[str]:
    columns, ends = _columns(mapping, table), tally.ended()
    if isinstance(mapping, Wide):
        yield from _of_wide(mapping, tally)
    if not ends["won"] or not ends["lost"]:
        absent = " nor ".join(name for name in _OUTCOMES if not ends[name])
        yield f"no lead is {absent}: nothing can be learnt from this file alone"
    early = sum(told[0] <= tally.begun.get(lead, told[0]) for lead, told in tally.outcomes.items())
    if early:
        yield f"{early:,} leads were decided at or before the first thing said of them: they cannot be trained on"
    many = sum(n > EVENT_CAP for n in tally.of_lead.values())
    if many:
        yield f"{many:,} leads have more than {EVENT_CAP:,} signals: only the newest of each count"
    if columns["asked"]:
        yield f"{len(columns['asked'])} columns carry a question and are not used: {_some(columns['asked'])}"
    if columns["unmapped"]:
        yield f"{len(columns['unmapped'])} columns are not spoken of and not used: {_some(columns['unmapped'])}"


def _of_wide(mapping: Wide, tally: Tally) -> Iterator[str]:
    if mapping.order is not None:
        rows = "none: the rows stand anyhow" if mapping.order.random else "as the rows stand"
        by = f"by {mapping.order.column}" if mapping.order.column else rows
        yield f"the file has no times: the order ({by}) and all dates are assumed, so nothing can be said by date"
    if mapping.outcome is not None and mapping.outcome.at is None:
        yield f"outcomes have no times: each is dated {mapping.outcome.hours_after} hours after its lead was created"
    never = [name for name in mapping.attributes_used if name not in tally.stated]
    if never and tally.of_lead:
        yield f"attributes that are empty in every row: {_some(never)}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return ", ".join(names[:8]) + more
