"""A log in memory: what the store keeps, as lists, so that tests can build and ruin it quickly."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.audit import AuditEntry, Sealed
from domain.chain import GENESIS, encode, link
from domain.ids import LeadId, Region, RunId, TenantId
from domain.ports.audit import StoredRow
from tools.audit.roots import Root
from tools.audit.signed import Batches, Head, SignedAuditLog
from tools.privacy.keys import Signer, open_keys
from tools.privacy.vault import LeadVault

STEPS = ("ingestion", "intent", "scoring", "policy", "actuation", "run")
VERSIONS = {"graph": "0123456789ab", "policy": "ba9876543210", "code": "cafecafecafe"}


@dataclass
class MemoryRows:
    """Satisfies `tools.audit.signed.StoredRows`."""

    writer: str = "w1"
    stored: dict[tuple[str, str], list[StoredRow]] = field(default_factory=dict)
    payloads: dict[str, Sealed] = field(default_factory=dict)
    kept: list[tuple[Root, str]] = field(default_factory=list)

    async def append(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows to this writer's chains."""
        for entry in entries:
            self.add(entry, self.writer)

    def add(self, entry: AuditEntry, writer: str) -> None:
        """Add a row to any writer's chain."""
        chain = self.stored.setdefault((entry.tenant, writer), [])
        prev = chain[-1].hash if chain else GENESIS
        body = encode(entry, seq=len(chain) + 1, writer=writer)
        chain.append(StoredRow(entry.tenant, writer, len(chain) + 1, prev, link(prev, body), body))

    def rows(self, tenant: TenantId | None = None, *, batch: int = 2_000) -> Batches:
        """All rows by (tenant, writer, seq)."""
        for key in sorted(self.stored):
            if tenant in (None, key[0]):
                chain = self.stored[key]
                yield from (chain[start : start + batch] for start in range(0, len(chain), batch))

    async def heads(self) -> Sequence[Head]:
        """The last row of each chain."""
        return [Head(*key, chain[-1].seq, chain[-1].hash, "eu") for key, chain in self.stored.items()]

    async def seal_of(self, commitment: str) -> Sealed | None:
        """The payload behind a commitment."""
        return self.payloads.get(commitment)

    def seals(self, commitments: Sequence[str]) -> Mapping[str, Sealed]:
        """Several payloads."""
        return {text: self.payloads[text] for text in commitments if text in self.payloads}

    async def keep_roots(self, roots: Sequence[tuple[Root, str]]) -> None:
        """Store roots."""
        self.kept += roots

    async def roots(self) -> Sequence[Root]:
        """All roots."""
        return sorted((root for root, _ in self.kept), key=lambda root: (root.chain, root.seq))


def entry(
    step: str = "run", *, tenant: str = "acme", at: int = 1, number: int = 0, **more: object
) -> AuditEntry:
    """A row such as a run makes."""
    fields: dict[str, object] = {
        "run_id": RunId(f"rn_{number:020x}"),
        "lead_id": LeadId(f"ld_{number % 97:020x}"),
        "duration_us": 40 + number % 60,
        "evidence": (f"web:{number}", f"support:{number}"),
        "versions": VERSIONS if step == "run" else {},
        "detail": {"points": number % 100, "band": "warm", "flags": ("cold_start",)},
        **more,
    }
    return AuditEntry(tenant=TenantId(tenant), region=Region("eu"), step=step, code="ok", at=at, **fields)  # type: ignore[arg-type]  # fields of a test row


def log_of(rows: MemoryRows, folder: Path) -> SignedAuditLog:
    """The log over `rows`, with keys in `folder` and its anchor beside it."""
    return SignedAuditLog(rows, signer=signer(folder), anchor=folder / "anchor.jsonl")


def signer(folder: Path) -> Signer:
    """The signing key in `folder`, made at the first call."""
    return open_keys(folder / "keys", create=not (folder / "keys").exists()).signer


def fill(rows: MemoryRows, runs: int, *, seed: int = 7) -> None:
    """`runs` runs of two tenants by three writers: six rows each, the last with a sealed payload."""
    draw, vault = random.Random(seed), LeadVault(b"m" * 32)
    for number in range(runs):
        tenant, writer = draw.choice(("acme", "zeta")), draw.choice(("w1", "w2", "w3"))
        for step in STEPS[:-1]:
            rows.add(entry(step, tenant=tenant, at=number * 1_000, number=number), writer)
        payload = vault.seal(TenantId(tenant), LeadId(f"ld_{number % 97}"), draw.randbytes(60))
        rows.payloads[payload.commitment] = payload
        closing = entry("run", tenant=tenant, at=number * 1_000, number=number, commitment=payload.commitment)
        rows.add(closing, writer)
