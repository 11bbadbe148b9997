"""Records of the CRM: found by our id or by a key of the lead, followed over merges, made when there is none."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from domain.errors import Permanent
from domain.ids import LeadId, TenantId
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind

MAX_HOPS: Final = 50
"""Merges that are followed from one record; a longer chain is damage."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored; `merged` is True if the lead was found at a record that was merged into this one."""

    id: int
    owner: str
    team: str
    fields: Mapping[str, str]
    human_touch_at: int | None
    do_not_contact: bool
    deleted: bool
    merged: bool = False

    @property
    def ref(self) -> str:
        """Its name outside."""
        return f"rec-{self.id}"


def dumps(values: Mapping[str, str]) -> str:
    """Names and texts as JSON; the same mapping gives the same text."""
    return json.dumps(dict(values), sort_keys=True, ensure_ascii=False)


def loads(text: str) -> dict[str, str]:
    """Inverse of `dumps`."""
    return {str(name): str(value) for name, value in json.loads(text).items()}


def links_of(subject: Subject) -> list[tuple[str, str]]:
    """How the lead may be linked: our id, then keys of one person, then the rest.

    An address that many people share is left out: it would show one person's record to another.
    """
    keys = [key for key in subject.keys if key.kind is not KeyKind.ROLE]
    ordered = sorted(keys, key=lambda key: (not key.kind.strong, key))
    return [("lead", subject.lead_id), *((key.kind.value, key.value) for key in ordered)]


def find(conn: sqlite3.Connection, subject: Subject) -> Record | None:
    """The record of a lead, after merges; it may be a deleted one. Raises: Permanent on a ring of merges."""
    for kind, value in links_of(subject):
        row = conn.execute(
            "SELECT record FROM link WHERE tenant = ? AND kind = ? AND value = ?",
            (subject.tenant, kind, value),
        ).fetchone()
        if row is not None:
            return survivor(conn, row["record"])
    return None


def survivor(conn: sqlite3.Connection, record: int) -> Record:
    """What a record was merged into, or itself."""
    first = record
    for _ in range(MAX_HOPS):
        row = conn.execute("SELECT * FROM record WHERE id = ?", (record,)).fetchone()
        if row["merged_into"] is None:
            return _record(row, merged=record != first)
        record = row["merged_into"]
    raise Permanent(f"record rec-{first} was merged over more than {MAX_HOPS} others")


def create(conn: sqlite3.Connection, tenant: TenantId, lead_id: LeadId | None) -> Record:
    """A new, empty record; `lead_id` is None if a person makes it."""
    made = conn.execute("INSERT INTO record (tenant, lead_id) VALUES (?, ?)", (tenant, lead_id)).lastrowid
    return survivor(conn, made or 0)


def link(
    conn: sqlite3.Connection, record: Record, tenant: TenantId, links: Iterable[tuple[str, str]]
) -> None:
    """Let the record be found by `links`; one that leads to another record stays as it is."""
    conn.executemany(
        "INSERT INTO link (tenant, kind, value, record) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(tenant, kind, value, record.id) for kind, value in links],
    )


def save(
    conn: sqlite3.Connection, record: Record, fields: Mapping[str, str], owner: Mapping[str, str]
) -> None:
    """Write fields, owner and team; an empty field is deleted."""
    conn.execute(
        "UPDATE record SET fields = ?, owner = ?, team = ?, revision = revision + 1 WHERE id = ?",
        (
            dumps({n: v for n, v in fields.items() if v}),
            owner.get("owner", ""),
            owner.get("team", ""),
            record.id,
        ),
    )


def programmes(conn: sqlite3.Connection, record: Record) -> list[str]:
    """What the lead is enrolled in, sorted."""
    rows = conn.execute("SELECT programme FROM membership WHERE record = ? ORDER BY programme", (record.id,))
    return [row["programme"] for row in rows]


def seen(conn: sqlite3.Connection, subject: Subject) -> Seen:
    """What the CRM holds of a lead."""
    record = find(conn, subject)
    if record is None:
        return Seen()
    if record.deleted:
        return Seen(gone=True)
    tasks = conn.execute(
        "SELECT id FROM item WHERE record = ? AND what = 'task' AND open ORDER BY id", (record.id,)
    ).fetchall()
    return Seen(
        exists=True,
        merged_into=record.ref if record.merged else None,
        owner=record.owner or None,
        human_touch_at=record.human_touch_at,
        do_not_contact=record.do_not_contact,
        fields=record.fields,
        programmes=tuple(programmes(conn, record)),
        open_tasks=tuple(f"task-{row['id']}" for row in tasks),
    )


def _record(row: sqlite3.Row, *, merged: bool) -> Record:
    return Record(
        id=row["id"], owner=row["owner"], team=row["team"], fields=loads(row["fields"]),
        human_touch_at=row["human_touch_at"], do_not_contact=bool(row["do_not_contact"]),
        deleted=bool(row["deleted"]), merged=merged,
    )  # fmt: skip
