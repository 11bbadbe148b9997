"""Rows of an export as items of the external form, one generator per layout. Pure: the same file, the same items.

Ids come from the lead and what is said of it, never from the place in the file: what is given again is a duplicate.
A row of which one cell is wrong gives nothing but its refusal.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from domain.contract import Door
from domain.errors import BadInput
from domain.ids import Region
from domain.kinds import Kind
from domain.ports.sources import Bad, RawItem
from learning.history.mapping import Cell, Events, Rule, Stamp, Tabular, Wide
from learning.history.read import Row, Table
from learning.history.values import bad_cell, flag_of, number_of, time_of

Item = tuple[int, RawItem]
KEPT: Final = 64 * 1024
_LONGEST_ID: Final = 200


class Cells:
    """Reads the cells of one mapping's rows: what stands for nothing is nothing."""

    def __init__(self, mapping: Tabular, door: Door) -> None:
        """The door hashes contact data, so that no address gets into an id."""
        self._mapping, self._door = mapping, door
        self._missing = frozenset(text.strip().lower() for text in mapping.missing)

    def text(self, row: Row, column: str) -> str | None:
        """The cell without space around it; None if it is empty or one of the missing markers."""
        cell = row.get(column)
        if cell is None:
            return None
        cell = cell.strip()
        return None if not cell or cell.lower() in self._missing else cell

    def time(self, row: Row, stamp: Stamp) -> datetime | None:
        """The time in a cell, in UTC. Raises: BadInput."""
        cell = self.text(row, stamp.column)
        if cell is None:
            return None
        forms = stamp.formats or self._mapping.formats
        try:
            return time_of(cell, forms, stamp.zone or self._mapping.zone)
        except ValueError as error:
            raise bad_cell(stamp.column, error) from None

    def number(self, row: Row, column: str, scale: float) -> int | float | None:
        """The number in a cell. Raises: BadInput."""
        cell = self.text(row, column)
        try:
            return None if cell is None else number_of(cell, decimal=self._mapping.decimal, scale=scale)
        except ValueError as error:
            raise bad_cell(column, error) from None

    def value(self, row: Row, cell: Cell) -> str | int | float | bool | None:
        """What a payload field gets. Raises: BadInput."""
        found = cell.value if cell.column is None else self.text(row, cell.column)
        if found is None:
            return None
        found = cell.values.get(found, found if cell.otherwise is None else cell.otherwise)
        try:
            if cell.type == "number":
                return number_of(found, decimal=self._mapping.decimal, scale=cell.scale)
            return flag_of(found) if cell.type == "flag" else found
        except ValueError as error:
            raise bad_cell(cell.column or "value", error) from None

    def payload(self, row: Row, cells: Mapping[str, Cell]) -> dict[str, Any]:
        """The fields of a payload that have a value. Raises: BadInput."""
        found = {name: self.value(row, cell) for name, cell in cells.items()}
        return {name: value for name, value in found.items() if value is not None}

    def lead(self, number: int, row: Row) -> str:
        """The lead's key as written. Raises: BadInput if the cell is empty."""
        lead = self._mapping.lead
        found = f"row-{number}" if lead.column is None else self.text(row, lead.column)
        if found is None:
            raise BadInput((lead.column or "")[:80], "is empty", "every row names its lead", code="missing")
        return found

    def item(
        self,
        row: Row,
        lead: str,
        kind: Kind,
        at: datetime,
        payload: Mapping[str, Any],
        *,
        called: str | None = None,
    ) -> dict[str, Any]:
        """The item. `called` is the sender's own name for it within the lead. Raises: BadInput."""
        mapping = self._mapping
        item: dict[str, Any] = {
            "source": mapping.source,
            "kind": kind.value,
            "keys": [{"kind": mapping.lead.key, "value": lead}],
            "occurred_at": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "payload": dict(payload),
        }
        if mapping.account is not None and (account := self.text(row, mapping.account)) is not None:
            item["account"] = account
        if mapping.region is not None and (region := self.value(row, mapping.region)) is not None:
            item["region"] = str(region)
        if mapping.consent is not None:
            item["consent"] = mapping.consent.value
        return item | {"id": self._id(item, lead, called)}

    def bad(self, row: Row, problem: BadInput) -> Bad:
        """The row's refusal."""
        raw = json.dumps(dict(row), sort_keys=True, ensure_ascii=False).encode("utf-8", "replace")[:KEPT]
        return Bad(self._mapping.source, raw, problem.field, problem.problem, problem.remedy, problem.code)

    def _id(self, item: Mapping[str, Any], lead: str, called: str | None) -> str:
        who = self._hidden(lead, item.get("region"))
        said = {name: value for name, value in item.items() if name != "keys"}
        named = f"{who}:{called}" if called else f"{who}:{item['kind']}:{_mark(said)}"
        return named if len(named) <= _LONGEST_ID and named.isprintable() else _mark(named)

    def _hidden(self, lead: str, region: object) -> str:
        """The key as the door will keep it. Raises: BadInput for an address or number that is none."""
        key = self._mapping.lead.key
        if key == "email":
            return self._door.hash_email(lead)[0]
        if key == "phone":
            return self._door.hash_phone(lead, Region(str(region)) if region else self._door.region)
        return lead


def _mark(*said: object) -> str:
    """The first 16 hex digits of the SHA-256 of what was said."""
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]


def wide_items(mapping: Wide, table: Table, door: Door) -> Iterator[Item]:
    """The signals of each row: attributes, dated events, outcome. A lead named twice is refused unless all is equal."""
    cells, seen = Cells(mapping, door), dict[str, tuple[int, Row]]()
    ranks = assumed_times(mapping, table)
    for place, (number, row) in enumerate(table.rows()):
        try:
            lead = cells.lead(number, row)
            first, before = seen.setdefault(lead, (number, row))
            if before != row:
                raise BadInput(
                    (mapping.lead.column or "row")[:80], f"names the lead of line {first} with other values",
                    "keep one row per lead", code="lead_twice",
                )  # fmt: skip
            created = ranks[place] if ranks else cells.time(row, mapping.created or Stamp(column=""))
            if created is None:
                field = mapping.created.column if mapping.created else "order"
                raise BadInput(field[:80], "is empty", "every lead needs a time", code="missing")
            made = list(_of_lead(mapping, cells, row, lead, created))
        except BadInput as problem:
            yield number, cells.bad(row, problem)
            continue
        yield from ((number, item) for item in made)
    yield from _unreadable(mapping, table)


def _of_lead(mapping: Wide, cells: Cells, row: Row, lead: str, created: datetime) -> Iterator[dict[str, Any]]:
    stated: dict[str, Any] = {}
    for name, one in mapping.attributes_used.items():
        if one.type == "number":
            stated[name] = cells.number(row, one.column, one.scale)
        else:
            stated[name] = cells.text(row, one.column)
    stated = {name: value for name, value in stated.items() if value is not None}
    as_of = cells.time(row, mapping.attributes_at) if mapping.attributes_at else None
    yield cells.item(row, lead, Kind.ATTRIBUTES, as_of or created, stated)
    for event in mapping.events:
        at = cells.time(row, event.at)
        if at is not None:
            yield cells.item(row, lead, event.kind, at, cells.payload(row, event.payload))
    yield from _outcome(mapping, cells, row, lead, created)


def _outcome(mapping: Wide, cells: Cells, row: Row, lead: str, created: datetime) -> Iterator[dict[str, Any]]:
    outcome = mapping.outcome
    told = None if outcome is None else cells.text(row, outcome.column)
    if outcome is None or told is None or told in outcome.open:
        return
    if told not in outcome.won and told not in outcome.lost:
        raise BadInput(
            outcome.column[:80], "is none of the values of won, lost and open", "add it to one of them",
            code="not_allowed",
        )  # fmt: skip
    at = cells.time(row, outcome.at) if outcome.at else None
    if at is None and outcome.hours_after is not None:
        at = created + timedelta(hours=outcome.hours_after)
    if at is None:
        column = (outcome.at.column if outcome.at else outcome.column)[:80]
        raise BadInput(column, "is empty for a lead that was decided", "say `hours_after` to assume a time",
                       code="missing")  # fmt: skip
    more = {"amount": outcome.amount, "reason": outcome.reason}
    payload = cells.payload(row, {name: cell for name, cell in more.items() if cell is not None})
    result = "won" if told in outcome.won else "lost"
    yield cells.item(row, lead, Kind.OUTCOME, at, {"result": result, **payload})


def assumed_times(mapping: Wide, table: Table) -> list[datetime]:
    """The time of each row where an order is assumed; empty otherwise.

    By the column's numbers where all its cells are numbers, else by its text; empty cells last, equal ones as they
    stand.
    """
    order = mapping.order
    if order is None:
        return []
    places = list(range(table.frame.height))
    if order.column is not None:
        cells = table.frame[order.column].to_list()
        keys = _sortable(cells)
        filled = [place for place in places if keys[place] is not None]
        filled.sort(key=lambda place: keys[place], reverse=order.descending)
        places = filled + [place for place in places if keys[place] is None]
    elif order.descending:
        places.reverse()
    times = [order.start] * len(places)
    for rank, place in enumerate(places):
        times[place] = order.start + timedelta(minutes=order.step_minutes * rank)
    return times


def _sortable(cells: list[str | None]) -> list[Any]:
    try:
        return [None if cell is None else number_of(cell) for cell in cells]
    except ValueError:
        return list(cells)


def event_items(mapping: Events, table: Table, door: Door) -> Iterator[Item]:
    """One signal per row, by the first rule that fits it."""
    cells = Cells(mapping, door)
    for number, row in table.rows():
        try:
            rule = next((rule for rule in mapping.rules if _fits(rule, row)), None)
            if rule is None and mapping.rest == "refuse":
                raise BadInput("rules", "none fits this row", "add one, or say `rest: drop`", code="no_rule")
            if rule is None or rule.kind is None:
                continue
            at = cells.time(row, mapping.at)
            if at is None:
                raise BadInput(mapping.at.column[:80], "is empty", "every event needs a time", code="missing")
            parts = [cells.text(row, column) or "" for column in mapping.id]
            item = cells.item(
                row, cells.lead(number, row), rule.kind, at, cells.payload(row, rule.payload),
                called="-".join(parts) if any(parts) else None,
            )  # fmt: skip
        except BadInput as problem:
            yield number, cells.bad(row, problem)
            continue
        yield number, item
    yield from _unreadable(mapping, table)


def _fits(rule: Rule, row: Row) -> bool:
    for column, wanted in rule.when.equals.items():
        if row.get(column, "") not in ((wanted,) if isinstance(wanted, str) else wanted):
            return False
    return all(row.get(column, "").startswith(start) for column, start in rule.when.starts.items())


def _unreadable(mapping: Tabular, table: Table) -> Iterator[Item]:
    for one in table.bad:
        raw = one.raw.encode("utf-8", "replace")[:KEPT]
        yield (
            one.number,
            Bad(mapping.source, raw, "row", one.problem, "compare it with the header", "bad_row"),
        )
