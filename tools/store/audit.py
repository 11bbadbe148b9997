"""Appending to the audit chains, in the transaction of what the rows speak of. Reading them is `tools/audit`'s part."""

from collections.abc import Iterable

from domain.audit import AuditEntry
from domain.chain import GENESIS, encode, link
from tools.store.engine import Tx


class Chains:
    """The heads of this writer's chains within one transaction: rows are linked here and written in one go."""

    def __init__(self, tx: Tx, writer: str) -> None:
        self._tx, self._writer = tx, writer
        self._heads: dict[str, tuple[int, str]] = {}
        self._rows: list[dict[str, object]] = []

    def add(self, entries: Iterable[AuditEntry]) -> None:
        """Link `entries` to their chains, all of them or none. Raises: ValueError for what a row must not hold."""
        heads, rows = dict(self._heads), []
        for entry in entries:
            if entry.tenant not in heads:
                heads[entry.tenant] = self._stored_head(entry.tenant)
            seq, prev = heads[entry.tenant]
            body = encode(entry, seq=seq + 1, writer=self._writer)
            digest = link(prev, body)
            heads[entry.tenant] = seq + 1, digest
            rows.append(
                {
                    "tenant": entry.tenant,
                    "region": entry.region,
                    "writer": self._writer,
                    "seq": seq + 1,
                    "prev": prev,
                    "hash": digest,
                    "run_id": entry.run_id,
                    "body": body,
                }
            )
        self._heads = heads
        self._rows += rows

    def write(self) -> None:
        """Write what was added."""
        self._tx.run("insert_audit", self._rows)
        self._rows = []

    def _stored_head(self, tenant: str) -> tuple[int, str]:
        row = self._tx.one("chain_head", {"tenant": tenant, "writer": self._writer})
        return (row.seq, row.hash) if row else (0, GENESIS)


def append(tx: Tx, writer: str, entries: Iterable[AuditEntry]) -> None:
    """Add `entries` to their chains within a transaction."""
    chains = Chains(tx, writer)
    chains.add(entries)
    chains.write()
