"""The audit log: the store's chains, and what makes them trustworthy: signed roots and their anchor."""

import asyncio
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from domain.audit import AuditEntry, Sealed
from domain.ids import TenantId
from domain.ports.audit import StoredRow
from domain.verification import Findings
from tools.audit import anchor as anchors
from tools.audit.roots import Root, sign
from tools.privacy.keys import Signer

Batches = Generator[Sequence[StoredRow], None, None]


class Head(NamedTuple):
    """The last row of a chain."""

    tenant: str
    writer: str
    seq: int
    hash: str
    region: str

    @property
    def chain(self) -> str:
        """The chain as people see it."""
        return f"{self.tenant}/{self.writer}"


class StoredRows(Protocol):
    """What the store keeps of the log; `tools.audit.stored.SqlRows` is one."""

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows in a transaction of their own, all or none."""
        ...

    def rows(self, tenant: TenantId | None = None, *, batch: int = 2_000) -> Batches:
        """All rows by (tenant, writer, seq), as of one moment."""
        ...

    async def heads(self) -> Sequence[Head]:
        """The last row of each chain."""
        ...

    async def seal_of(self, commitment: str) -> Sealed | None:
        """The payload behind a commitment."""
        ...

    def seals(self, commitments: Sequence[str]) -> Mapping[str, Sealed]:
        """The payloads behind some commitments, those that are still there; from any thread."""
        ...

    async def keep_roots(self, roots: Sequence[tuple[Root, str]]) -> None:
        """Store roots with their regions; one that is there already stays."""
        ...

    async def roots(self) -> Sequence[Root]:
        """All roots by (tenant, writer, seq)."""
        ...


class SignedAuditLog:
    """Satisfies `domain.ports.audit.AuditLog`."""

    def __init__(self, stored: StoredRows, *, signer: Signer, anchor: Path) -> None:
        """`anchor` lies outside the home; it is made at the first signing."""
        self._stored, self.signer, self.anchor = stored, signer, anchor

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows in a transaction of their own, all or none."""
        await self._stored.append(entries)

    def rows(self, tenant: TenantId | None = None, *, batch: int = 2_000) -> Batches:
        """All rows by (tenant, writer, seq), as of one moment. Close it if you do not read to the end."""
        return self._stored.rows(tenant, batch=batch)

    async def heads(self, tenant: TenantId | None = None) -> list[Head]:
        """The last row of every chain, by (tenant, writer)."""
        return sorted(head for head in await self._stored.heads() if tenant in (None, head.tenant))

    async def roots(self, tenant: TenantId | None = None) -> list[Root]:
        """All stored roots by (tenant, writer, seq)."""
        return [root for root in await self._stored.roots() if tenant in (None, root.tenant)]

    async def seal_of(self, commitment: str) -> Sealed | None:
        """The sealed payload behind a commitment, None if erased."""
        return await self._stored.seal_of(commitment)

    def seals(self, commitments: Sequence[str]) -> Mapping[str, Sealed]:
        """The payloads behind some commitments, those that are still there."""
        return self._stored.seals(commitments)

    async def sign_roots(self, *, now: int) -> Mapping[str, int]:
        """Sign the head of each chain, write it to the anchor, then store it: chain -> seq.

        The anchor comes first, so that a stored root is always anchored; a head that both have is left.
        Raises: Temporary if the anchor cannot be written; ConfigError if it cannot be read.
        """
        heads = await self.heads()
        known = {(root.tenant, root.writer, root.seq): root for root in await self.roots()}
        anchored = await asyncio.to_thread(self._anchored)
        to_anchor: list[Root] = []
        to_store: list[tuple[Root, str]] = []
        for head in heads:
            place = head.tenant, head.writer, head.seq
            root = known.get(place) or self._sign(head, now)
            if place not in anchored or place not in known:
                to_anchor.append(root)
            if place not in known:
                to_store.append((root, head.region))
        await asyncio.to_thread(anchors.append, self.anchor, to_anchor)
        if to_store:
            await self._stored.keep_roots(to_store)
        return {head.chain: head.seq for head in heads}

    def _sign(self, head: Head, now: int) -> Root:
        return sign(
            self.signer, tenant=head.tenant, writer=head.writer, seq=head.seq, row_hash=head.hash, at=now
        )

    def _anchored(self) -> set[tuple[str, str, int]]:
        if not self.anchor.exists():
            return set()
        return {(r.tenant, r.writer, r.seq) for r in anchors.roots_in(self.anchor, Findings())}
