"""The audit log as the composition root opens it: signed and anchored, over the store's tables."""

from pathlib import Path

from domain.audit import AuditEntry
from tools.audit.signed import SignedAuditLog
from tools.audit.stored import Append, SqlRows
from tools.privacy.keys import Signer
from tools.store.engine import Database


class SqlAuditLog(SignedAuditLog):
    """Satisfies `domain.ports.audit.AuditLog`."""

    def __init__(self, database: Database, *, append: Append, signer: Signer, anchor: Path) -> None:
        """`append` adds rows within a transaction of `database`; `anchor` lies outside the home."""
        super().__init__(SqlRows(database, append=append), signer=signer, anchor=anchor)
        self._database, self._add = database, append

    def append_now(self, entry: AuditEntry) -> None:
        """Add one row and return when it is on disk; only where no event loop is at work on this store."""
        self._database.write_now(lambda tx: self._add(tx, [entry]))
