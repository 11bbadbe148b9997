"""What people do in the CRM, beside us: for demonstrations and tests."""

import sqlite3
from collections.abc import Callable

from domain.errors import BadInput
from domain.ids import LeadId, TenantId
from domain.ports.target import Subject
from domain.signal import LeadKey
from tools.crm.embedded import records
from tools.crm.embedded.file import CrmFile
from tools.crm.embedded.records import Record


class People:
    """Changes from outside. Each is one transaction; `at` is an Instant. Raises: BadInput if there is no record."""

    def __init__(self, file: CrmFile) -> None:
        """Work on this file."""
        self._file = file

    def create(self, tenant: TenantId, key: LeadKey) -> str:
        """A record that was there before us, known by `key`; its ref."""

        def work(conn: sqlite3.Connection) -> str:
            record = records.create(conn, tenant, None)
            records.link(conn, record, tenant, [(key.kind.value, key.value)])
            return record.ref

        return self._file.write(work)

    def edit(self, tenant: TenantId, lead_id: LeadId, name: str, value: str, *, at: int) -> None:
        """Change one field."""

        def work(conn: sqlite3.Connection, record: Record) -> None:
            owner = {"owner": record.owner, "team": record.team}
            records.save(conn, record, {**record.fields, name: value}, owner)
            _touched(conn, record, at)

        self._do(tenant, lead_id, work)

    def give(self, tenant: TenantId, lead_id: LeadId, owner: str, *, at: int) -> None:
        """Change the owner."""

        def work(conn: sqlite3.Connection, record: Record) -> None:
            records.save(conn, record, record.fields, {"owner": owner, "team": record.team})
            _touched(conn, record, at)

        self._do(tenant, lead_id, work)

    def touch(self, tenant: TenantId, lead_id: LeadId, *, at: int) -> None:
        """Do anything with the record: a call, a note of one's own."""
        self._do(tenant, lead_id, lambda conn, record: _touched(conn, record, at))

    def enrol(self, tenant: TenantId, lead_id: LeadId, programme: str) -> None:
        """Put the lead into a programme."""
        self._do(tenant, lead_id, lambda conn, record: _joined(conn, record.id, programme))

    def forbid(self, tenant: TenantId, lead_id: LeadId) -> None:
        """Set do-not-contact."""
        self._do(tenant, lead_id, lambda conn, record: _set(conn, record, "do_not_contact"))

    def delete(self, tenant: TenantId, lead_id: LeadId) -> None:
        """Delete the record."""
        self._do(tenant, lead_id, lambda conn, record: _set(conn, record, "deleted"))

    def merge(self, tenant: TenantId, loser: LeadId, winner: LeadId) -> None:
        """Merge the loser's record into the winner's, with its items and programmes; fields stay the winner's."""

        def work(conn: sqlite3.Connection, lost: Record) -> None:
            kept = _record(conn, tenant, winner)
            if kept.id == lost.id:
                raise BadInput("loser", "is the winner's record already", "name two records", code="same")
            conn.execute("UPDATE item SET record = ? WHERE record = ?", (kept.id, lost.id))
            for programme in records.programmes(conn, lost):
                _joined(conn, kept.id, programme)
            conn.execute("DELETE FROM membership WHERE record = ?", (lost.id,))
            conn.execute("UPDATE record SET merged_into = ? WHERE id = ?", (kept.id, lost.id))

        self._do(tenant, loser, work)

    def close_task(self, ref: str) -> None:
        """Close a task."""
        number = int(ref.removeprefix("task-"))
        self._file.write(
            lambda conn: (
                conn.execute("UPDATE item SET open = 0 WHERE id = ? AND what = 'task'", (number,)).rowcount
            )
        )

    def route(self, tenant: TenantId, ref: str, queue: str) -> None:
        """Move a conversation to another queue."""
        self._file.write(
            lambda conn: (
                conn.execute(
                    "UPDATE conversation SET state = json_set(state, '$.queue', ?) WHERE tenant = ? AND ref = ?",
                    (queue, tenant, ref),
                ).rowcount
            )
        )

    def _do(
        self, tenant: TenantId, lead_id: LeadId, work: Callable[[sqlite3.Connection, Record], None]
    ) -> None:
        self._file.write(lambda conn: work(conn, _record(conn, tenant, lead_id)))


def _record(conn: sqlite3.Connection, tenant: TenantId, lead_id: LeadId) -> Record:
    record = records.find(conn, Subject(tenant, lead_id))
    if record is None:
        raise BadInput("lead", f"{lead_id} has no record", "name a lead that the CRM knows", code="unknown")
    return record


def _touched(conn: sqlite3.Connection, record: Record, at: int) -> None:
    conn.execute("UPDATE record SET human_touch_at = ? WHERE id = ?", (at, record.id))


def _joined(conn: sqlite3.Connection, record: int, programme: str) -> None:
    conn.execute("INSERT INTO membership VALUES (?, ?) ON CONFLICT DO NOTHING", (record, programme))


_SET = {
    "deleted": "UPDATE record SET deleted = 1, revision = revision + 1 WHERE id = ?",
    "do_not_contact": "UPDATE record SET do_not_contact = 1, revision = revision + 1 WHERE id = ?",
}


def _set(conn: sqlite3.Connection, record: Record, flag: str) -> None:
    conn.execute(_SET[flag], (record.id,))
