"""The CRM's counter: a request is applied together with its line in the ledger, or not at all."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import Permanent, Refused
from domain.ports.clock import Clock
from domain.ports.target import Change, Seen, Subject
from tools.crm.embedded import records, steps, wire
from tools.crm.embedded.file import CrmFile

MAX_KEY: Final = 300
"""Characters of a key."""


class Book:
    """The embedded CRM without asyncio: what its own process serves, and what `EmbeddedCrm` calls on a thread."""

    def __init__(self, path: Path, clock: Clock, *, delivery: Delivery = Delivery.KEYED) -> None:
        """Open the file. With another `delivery` it behaves like a CRM that does not know keys: it applies again.

        Raises: Temporary, Permanent.
        """
        self.file, self.delivery, self._clock = CrmFile(path), delivery, clock

    def look(self, subject: Subject) -> Seen:
        """The record as it is now. Raises: Temporary."""
        return self.file.read(lambda conn: records.seen(conn, subject))

    def send(self, step: Step, subject: Subject, key: str) -> StepReceipt:
        """Take one step. Raises: Temporary, Refused, OutcomeUnknown."""
        if not 0 < len(key) <= MAX_KEY:
            raise Refused(f"a key has 1 to {MAX_KEY} characters", "invalid")
        return self.file.write(lambda conn: self._once(conn, step, subject, key))

    def find(self, key: str) -> StepReceipt | None:
        """The receipt of the request sent under `key`. Raises: Temporary; Permanent if the kind is ``neither``."""
        if self.delivery is Delivery.NEITHER:
            raise Permanent("this CRM cannot be asked for a key")
        row = self.file.read(lambda conn: _row(conn, key))
        return wire.receipt_from(wire.loads(row["receipt"])) if row else None

    def preview(self, planned: Sequence[Step], subject: Subject) -> list[Change]:
        """The writes that `planned` would make one after the other, found by making them and taking them back."""

        def rehearse(conn: sqlite3.Connection) -> list[Change]:
            changes = list[Change]()
            for step in planned:
                try:
                    changes += steps.take(conn, step, subject).changes
                except Refused as refusal:
                    changes.append(Change(step.kind, "refused", "", refusal.code))
            return changes

        return self.file.rehearse(rehearse)

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def _once(self, conn: sqlite3.Connection, step: Step, subject: Subject, key: str) -> StepReceipt:
        known = _row(conn, key)
        if known is not None and self.delivery is Delivery.KEYED:
            # The lead is not compared: a merge on our side may have given it another id since.
            same = (subject.tenant, step.kind.value, records.dumps(step.params))
            if (known["tenant"], known["kind"], known["params"]) != same:
                raise Refused(f"the key {key!r} was used for something else", "key_reused")
            return wire.receipt_from(wire.loads(known["receipt"]))
        done = steps.take(conn, step, subject)
        conn.execute(
            "INSERT INTO ledger (key, nth, tenant, kind, lead_id, record, params, receipt, at)"
            " VALUES (?, (SELECT count(*) FROM ledger WHERE key = ?), ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                key,
                subject.tenant,
                step.kind.value,
                subject.lead_id,
                done.record,
                records.dumps(step.params),
                wire.dumps(wire.receipt_to(done.receipt)),
                self._clock.now(),
            ),
        )
        return done.receipt


def _row(conn: sqlite3.Connection, key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = conn.execute(
        "SELECT tenant, kind, params, receipt FROM ledger WHERE key = ? ORDER BY nth LIMIT 1", (key,)
    ).fetchone()
    return row


TAKES: Final[frozenset[StepKind]] = steps.TAKES
