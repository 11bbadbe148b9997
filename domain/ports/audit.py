"""The audit log's own store: chains, roots, anchor."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from domain.audit import AuditEntry, Sealed
from domain.ids import TenantId


class StoredRow(NamedTuple):
    """A row in its place: `body` are the canonical bytes that were hashed; `hash` = SHA-256(prev + body), hex.

    A tuple, as a verification makes hundreds of thousands of them.
    """

    tenant: str
    writer: str
    seq: int
    prev: str
    hash: str
    body: bytes


class AuditLog(Protocol):
    """Append (outside a decision's commit), read, and sign roots."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows that belong to no decision's commit: failed attempts, parking, releases, policy changes."""
        ...

    def rows(self, tenant: TenantId | None = None, *, batch: int = 2_000) -> Iterator[Sequence[StoredRow]]:
        """All rows by (tenant, writer, seq)."""
        ...

    async def seal_of(self, commitment: str) -> Sealed | None:
        """The sealed payload behind a commitment, None if erased."""
        ...

    async def sign_roots(self, *, now: int) -> Mapping[str, int]:
        """Sign the head of each chain (Ed25519), store it and write it to the anchor: chain -> seq."""
        ...
