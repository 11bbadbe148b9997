"""What the CRM itself has on record: how "exactly one effect" is judged, without asking Leadgraph."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.effect import StepKind, StepReceipt
from tools.crm.embedded import records, wire
from tools.crm.embedded.file import CrmFile


@dataclass(frozen=True, slots=True)
class Line:
    """One request that was applied. `nth` over 0: the same key was applied before."""

    seq: int
    key: str
    nth: int
    tenant: str
    kind: StepKind
    lead_id: str
    record: str
    params: Mapping[str, str]
    receipt: StepReceipt
    at: int


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record; `lead_id` is empty if a person made it."""

    ref: str
    tenant: str
    lead_id: str
    owner: str
    team: str
    fields: Mapping[str, str]
    revision: int
    human_touch_at: int | None
    do_not_contact: bool
    deleted: bool
    merged_into: str


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A task, note or notification; `open` is False once closed or removed."""

    ref: str
    record: str
    params: Mapping[str, str]
    open: bool


_COUNTS: Final = """
SELECT (SELECT count(*) FROM ledger) AS ledger,
       (SELECT count(*) FROM item WHERE what = 'note' AND open) AS notes,
       (SELECT count(*) FROM item WHERE what = 'notification' AND open) AS notifications,
       (SELECT count(*) FROM record) AS records,
       (SELECT count(*) FROM item WHERE what = 'task' AND open) AS tasks
"""


class Reports:
    """Read only. Every list is bounded by its `limit`."""

    def __init__(self, file: CrmFile) -> None:
        """Read this file."""
        self._file, self.path = file, file.path

    def counts(self) -> dict[str, int]:
        """How many: lines of the `ledger`, `notes` and `tasks` (open ones), `notifications`, `records`."""
        return dict(self._file.read(lambda conn: conn.execute(_COUNTS).fetchone()))

    def ledger(self, *, limit: int = 1_000, after: int = 0) -> list[Line]:
        """Applied requests in order, those with `seq` over `after`."""
        return [
            _line(row)
            for row in self._all("SELECT * FROM ledger WHERE seq > ? ORDER BY seq LIMIT ?", after, limit)
        ]

    def doubled(self) -> list[str]:
        """Keys under which more than one request was applied: none, if effects happen once."""
        rows = self._all("SELECT DISTINCT key FROM ledger WHERE nth > 0 ORDER BY key LIMIT ?", 1_000)
        return [row["key"] for row in rows]

    def records(self, *, limit: int = 1_000) -> list[RecordRow]:
        """Records, oldest first."""
        return [_record(row) for row in self._all("SELECT * FROM record ORDER BY id LIMIT ?", limit)]

    def tasks(self, *, limit: int = 1_000) -> list[ItemRow]:
        """Tasks, oldest first, closed ones too."""
        return self._items("task", limit)

    def notes(self, *, limit: int = 1_000) -> list[ItemRow]:
        """Notes, oldest first, removed ones too."""
        return self._items("note", limit)

    def notifications(self, *, limit: int = 1_000) -> list[ItemRow]:
        """Notifications, oldest first."""
        return self._items("notification", limit)

    def conversations(self, *, limit: int = 1_000) -> dict[tuple[str, str], Mapping[str, str]]:
        """Owner, queue and priority of each conversation that was handed over, by tenant and ref."""
        rows = self._all("SELECT * FROM conversation ORDER BY tenant, ref LIMIT ?", limit)
        return {(row["tenant"], row["ref"]): records.loads(row["state"]) for row in rows}

    def _items(self, what: str, limit: int) -> list[ItemRow]:
        rows = self._all("SELECT * FROM item WHERE what = ? ORDER BY id LIMIT ?", what, limit)
        return [
            ItemRow(
                f"{what}-{row['id']}", f"rec-{row['record']}", records.loads(row["params"]), bool(row["open"])
            )
            for row in rows
        ]

    def _all(self, statement: str, *values: str | int) -> list[sqlite3.Row]:
        return self._file.read(lambda conn: conn.execute(statement, values).fetchall())


def _line(row: sqlite3.Row) -> Line:
    return Line(
        seq=row["seq"], key=row["key"], nth=row["nth"], tenant=row["tenant"], kind=StepKind(row["kind"]),
        lead_id=row["lead_id"], record=_ref(row["record"]), params=records.loads(row["params"]),
        receipt=wire.receipt_from(wire.loads(row["receipt"])), at=row["at"],
    )  # fmt: skip


def _record(row: sqlite3.Row) -> RecordRow:
    return RecordRow(
        ref=_ref(row["id"]), tenant=row["tenant"], lead_id=row["lead_id"] or "", owner=row["owner"], team=row["team"],
        fields=records.loads(row["fields"]), revision=row["revision"], human_touch_at=row["human_touch_at"],
        do_not_contact=bool(row["do_not_contact"]), deleted=bool(row["deleted"]),
        merged_into=_ref(row["merged_into"]),
    )  # fmt: skip


def _ref(number: int | None) -> str:
    return "" if number is None else f"rec-{number}"
