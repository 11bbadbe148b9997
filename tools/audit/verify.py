"""Verifying the log where it lives: rows as the store gives them, its roots, its payloads, and the anchor."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from domain.audit import Sealed
from domain.ports.audit import StoredRow
from domain.verification import Findings, Verification
from tools.audit.roots import Root
from tools.audit.signed import SignedAuditLog
from tools.audit.verifier import Verifier, said_by

Seals = Callable[[Sequence[str]], Mapping[str, Sealed]]


def verify(
    batches: Iterable[Sequence[StoredRow]],
    roots: Iterable[Root],
    *,
    anchor: Path | None,
    public_key: bytes | None,
    seals: Seals = lambda _: {},
    until: int | None = None,
    findings: Findings | None = None,
) -> Verification:
    """Verify rows that come in batches by (tenant, writer, seq); `seals` finds the payloads of a batch.

    `public_key` checks the roots (32 raw bytes). Without `anchor` the verdict is only that the log agrees
    with itself; `until` leaves out what was anchored after that Instant. Raises: ConfigError if the anchor
    cannot be read.
    """
    verifier = Verifier(
        findings or Findings(), roots=roots, anchor=anchor, public_key=public_key, until=until
    )
    for batch in batches:
        named = [(row, text) for row in batch if (text := verifier.row(row, said_by(row.body)))]
        there = seals([text for _, text in named]) if named else {}
        for row, text in named:
            verifier.payload(row, text, there.get(text))
    return verifier.result()


async def verify_log(
    log: SignedAuditLog,
    *,
    anchor: Path | None = None,
    public_key: bytes | None = None,
    until: int | None = None,
) -> Verification:
    """Verify all chains of a store, against the anchor that it writes if no other is given.

    An anchor that is gone is a finding as soon as roots were signed: every stored root was anchored first.
    """
    roots, findings = await log.roots(), Findings()
    place: Path | None = anchor or log.anchor
    if place == log.anchor and not log.anchor.exists():
        place = None
        if roots:
            findings.add("anchor_missing", "", 0, f"roots were signed, but {log.anchor} is not there")

    def check() -> Verification:
        with closing(log.rows()) as batches:
            return verify(
                batches,
                roots,
                anchor=place,
                public_key=public_key or log.signer.public,
                seals=log.seals,
                until=until,
                findings=findings,
            )

    return await asyncio.to_thread(check)
