"""A file through its mapping and the contract, without a store: events, leads, and a report of all that was refused.

Every row passes the same checks as a live signal. A row counts as a whole: if one of its signals is refused, none
of them is in.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import polars as pl

from domain.attributes import Attribute, declared_fields
from domain.contract import KEY_KINDS, Door, admit, history_door
from domain.errors import BadInput
from domain.instants import HOUR, Instant, instant
from domain.parsing import parse
from domain.ports.sources import Bad, RawItem, Source
from domain.signal import Signal, compact
from learning.history.items import Item, event_items, wide_items
from learning.history.mapping import FromSource, Mapping_, Wide
from learning.history.mapping_file import check_columns
from learning.history.raw import raw_columns
from learning.history.read import Table, read_table
from learning.history.told import Tally, report_of
from learning.offline import EVENTS
from learning.rows import Order

_LEADS: Final = {"lead_id": pl.String, "account": pl.String, "region": pl.String, "created": pl.Int64}


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What a file says, checked. Times are Instants; `lead_id` is the lead's key as it is after the door.

    `raw` (wide tables only, else empty): ``lead_id`` and the columns that are neither `never`, key, time, account nor
    outcome, numbers as Float64, the rest as text.
    """

    events: pl.DataFrame
    leads: pl.DataFrame
    """``lead_id, account, region, created``: when the first thing said of it occurred."""
    attributes: tuple[Attribute, ...]
    raw: pl.DataFrame
    refused: Mapping[str, int]
    """Rows that were not let in, by reason."""
    refused_rows: frozenset[int]
    order: Order
    last_seen: Instant
    """Up to when outcomes were seen."""
    report: Mapping[str, Any]
    """What a person reads before anything is written; see `told.report_of`."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file with its mapping, ready to be gone through, as often as wanted. One of `table` and `reader` is there."""

    mapping: Mapping_
    path: Path
    door: Door
    table: Table | None = None
    reader: Source | None = None

    def items(self) -> Iterator[Item]:
        """(row, item) in the order of the file; always the same."""
        if self.table is None or isinstance(self.mapping, FromSource):
            if self.reader is None:
                raise BadInput("reader", "is not given", "a mapping of the layout source needs its reader")
            return self.reader.read(self.path)
        if isinstance(self.mapping, Wide):
            return wide_items(self.mapping, self.table, self.door)
        return event_items(self.mapping, self.table, self.door)

    def rows(self) -> Iterator[tuple[int, list[RawItem]]]:
        """(row, its items); a row without any is left out."""
        for number, items in groupby(self.items(), key=lambda item: item[0]):
            yield number, [raw for _, raw in items]


def open_history(mapping: Mapping_, path: Path, *, door: Door, reader: Source | None = None) -> Opened:
    """The file at `path`, its columns held against `mapping`.

    `door` is that of the home; it is made one for history, and lets the attributes of `mapping` through in addition.
    `reader` is that of the layout ``source``.
    Raises: BadInput (the file cannot be read), ConfigError (a column that is not there).
    """
    ready = history_door(
        door,
        known_delay_us=mapping.known_delay_hours * HOUR,
        declared=declared_fields(mapping.attributes_declared),
    )
    if isinstance(mapping, FromSource):
        return Opened(mapping, path, ready, reader=reader)
    table = read_table(path, encodings=(mapping.encoding,))
    check_columns(mapping, table.frame.columns, mapping.source)
    return Opened(mapping, path, ready, table)


def imported(mapping: Mapping_, path: Path, *, door: Door, reader: Source | None = None) -> History:
    """All of the file, checked, with nothing written anywhere. Raises: as `open_history`."""
    return gone_through(open_history(mapping, path, door=door, reader=reader))


def gone_through(opened: Opened) -> History:
    """One pass over the rows of `opened`."""
    passed, mapping = _Pass(opened), opened.mapping
    for number, raws in opened.rows():
        passed.take(number, raws)
    tally = passed.tally
    return History(
        events=pl.DataFrame(passed.events, schema=dict(EVENTS), orient="row"),
        leads=pl.DataFrame(
            [(lead, *said) for lead, said in passed.leads.items()], schema=_LEADS, orient="row"
        ),
        attributes=mapping.attributes_declared,
        raw=raw_columns(mapping, opened.table, passed.lead_of),
        refused=dict(Counter(tally.refused.values())),
        refused_rows=frozenset(tally.refused),
        order=_order(mapping),
        last_seen=instant(mapping.exported_at) if mapping.exported_at else Instant(tally.last_known),
        report=report_of(mapping, opened.table, tally),
    )


def _order(mapping: Mapping_) -> Order:
    if not isinstance(mapping, Wide) or mapping.order is None:
        return "times"
    return "random" if mapping.order.random else "assumed"


@dataclass(slots=True)
class _Pass:
    """What was let in so far."""

    opened: Opened
    events: list[tuple[Any, ...]] = field(default_factory=list)
    leads: dict[str, tuple[str | None, str, int]] = field(default_factory=dict)
    lead_of: dict[int, str] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    content: dict[str, int] = field(default_factory=dict)
    """Of each signal's id a hash of what it says."""

    def take(self, number: int, raws: Sequence[RawItem]) -> None:
        """One row, as a whole."""
        self.tally.rows += 1
        try:
            signals = [self._admitted(raw) for raw in raws]
            fresh = self._new(signals)
        except BadInput as problem:
            self.tally.refused[number] = str(problem)
            return
        self.tally.duplicates += len(signals) - len(fresh)
        for name, signal in fresh.items():
            self.content[name] = _said(signal)
            self._keep(number, signal)

    def _admitted(self, raw: RawItem) -> Signal:
        if isinstance(raw, Bad):
            raise BadInput(raw.field, raw.problem, raw.remedy, code=raw.code)
        signal, dropped = admit(parse(raw) if isinstance(raw, bytes) else raw, self.opened.door)
        self.tally.dropped.update(f"{kind} {name}" for kind, name in dropped)
        return signal

    def _new(self, signals: Sequence[Signal]) -> dict[str, Signal]:
        """Those not seen before. Raises: BadInput if other content came under the same id."""
        found: dict[str, Signal] = {}
        for signal in signals:
            name = signal.signal_id
            before = _said(found[name]) if name in found else self.content.get(name)
            if before is None:
                found[name] = signal
            elif before != _said(signal):
                raise BadInput(
                    "id",
                    "is that of another event with other content",
                    "name each event once",
                    code="conflict",
                )
        return found

    def _keep(self, number: int, signal: Signal) -> None:
        lead, at = self._lead(signal), instant(signal.occurred_at)
        self.lead_of.setdefault(number, lead)
        self.events.extend((lead, *event[:7]) for event in compact(signal))
        account, region, created = self.leads.get(lead, (None, signal.region, at))
        self.leads[lead] = (signal.account or account, region, min(created, at))
        self.tally.count(lead, signal, at, instant(signal.known_at))

    def _lead(self, signal: Signal) -> str:
        mapping = self.opened.mapping
        wanted = KEY_KINDS[mapping.key if isinstance(mapping, FromSource) else mapping.lead.key]
        return next((key.value for key in signal.keys if key.kind is wanted), signal.keys[0].value)


def _said(signal: Signal) -> int:
    payload = tuple(signal.payload.items())
    return hash((signal.kind, signal.keys, signal.account, signal.region, signal.occurred_at, payload))
