"""What the audit log costs: canonical bytes, sealing, hashing of contact data, verifying.

``python -m benchmarks.audit``. Times are processor time, rates are by the clock on the wall. The anchor of
the first figure is the `rfc8785` package on the same rows, of the second the bare cipher.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import rfc8785
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.audit import AuditEntry, Sealed
from domain.chain import GENESIS, encode, link
from domain.ids import LeadId, Region, RunId, TenantId
from tools.audit.export import export
from tools.audit.log import SqlAuditLog
from tools.audit.verify import verify_log
from tools.audit.verify_export import verify_export
from tools.privacy.hasher import ContactHasher
from tools.privacy.keys import open_keys
from tools.privacy.vault import LeadVault
from tools.store import open_store
from tools.store.schema import sealed as sealed_table

RUNS = 10_000
TENANT, LEAD = TenantId("acme"), LeadId("ld_0123456789abcdef0123")
VERSIONS = {name: "0123456789ab" for name in ("graph", "policy", "features", "scorer", "reasoner", "code")}
SCORING = AuditEntry(
    tenant=TENANT,
    region=Region("eu"),
    step="scoring",
    code="ok",
    at=1_700_000_000_000_000,
    run_id=RunId("rn_0123456789abcdef0123"),
    lead_id=LEAD,
    duration_us=83,
    evidence=("engagement.pricing", "fit.seniority", "prior", "rounding", "engagement.demo"),
    detail={"points": 71, "fit": 40, "engagement": 55, "band": "hot", "cold_start": False},
)
CLOSING = replace(
    SCORING,
    step="run",
    evidence=("web:123", "web:124"),
    versions=VERSIONS,
    detail={
        "decision": "dc_0123",
        "state": "final",
        "reason": "signals",
        "attempt": 1,
        "flags": ("cold_start",),
    },
    commitment="a" * 64,
)


def measure(runs: int = RUNS) -> dict[str, Any]:
    """All figures; times in microseconds, rates per second."""
    with TemporaryDirectory() as scratch:
        return {**rows(), **sealing(), **contacts(), **asyncio.run(log(Path(scratch), runs))}


def rows() -> dict[str, Any]:
    """Encoding and linking one row, a plain one and the longest, beside the general implementation."""
    found: dict[str, Any] = {}
    for name, entry in (("row", SCORING), ("closing_row", CLOSING)):
        said = orjson.loads(encode(entry, seq=5, writer="w1"))
        ours = micros(lambda entry=entry: link(GENESIS, encode(entry, seq=5, writer="w1")))  # type: ignore[misc]  # binds the row
        theirs = micros(lambda said=said: rfc8785.dumps(said))  # type: ignore[misc]  # binds the row
        found |= {f"{name}_us": ours, f"{name}_rfc8785_us": theirs, f"{name}_ratio": round(ours / theirs, 3)}
    return found


def sealing() -> dict[str, Any]:
    """Sealing 1,500 bytes for a known lead and for a new one, opening them, and the bare cipher."""
    plain, bare, nonce = os.urandom(1_500), AESGCM(os.urandom(32)), os.urandom(12)
    vault, numbers = LeadVault(os.urandom(32)), iter(range(10**9))
    kept = vault.seal(TENANT, LEAD, plain)

    def fresh() -> None:
        lead = LeadId(f"ld_{next(numbers)}")
        vault.seal(TENANT, lead, plain)
        vault.stored(vault.pending_keys([lead]))

    return {
        "seal_us": micros(lambda: vault.seal(TENANT, LEAD, plain)),
        "seal_bare_cipher_us": micros(lambda: bare.encrypt(nonce, plain, None)),
        "seal_new_lead_us": micros(fresh, calls=500),
        "open_us": micros(lambda: vault.open(TENANT, kept)),
    }


def contacts() -> dict[str, Any]:
    """Hashing an address and a number, new ones and ones seen before."""
    hasher, numbers = ContactHasher(os.urandom(32), frozenset({"info"})), iter(range(10**9))
    return {
        "email_us": micros(lambda: hasher.email(f"anna{next(numbers)}@example.com"), calls=500),
        "email_again_us": micros(lambda: hasher.email("anna@example.com")),
        "phone_us": micros(lambda: hasher.phone(f"+49309{next(numbers):06d}", "eu"), calls=500),
        "phone_again_us": micros(lambda: hasher.phone("+4930901820", "eu")),
    }


async def log(folder: Path, runs: int) -> dict[str, Any]:
    """A log of `runs` runs, six rows and a payload each: signed, exported, verified inside and outside."""
    keys, store = open_keys(folder / "keys", create=True), open_store(folder / "leadgraph.db")
    audit = SqlAuditLog(
        store.database, append=store.append_audit, signer=keys.signer, anchor=folder / "anchor.jsonl"
    )
    vault = LeadVault(keys.master)
    for start in range(0, runs, 500):
        payloads = [vault.seal(TENANT, LEAD, b"x" * 1_200) for _ in range(min(500, runs - start))]
        entries = [row for payload in payloads for row in run_of(payload)]
        await audit.append(entries)
        await store.database.write(partial(keep, payloads))
    begun = time.perf_counter()
    await audit.sign_roots(now=1)
    signed = time.perf_counter() - begun
    begun = time.perf_counter()
    done = await export(audit, folder / "log.jsonl", tenant=None)
    exported = time.perf_counter() - begun
    live = await verify_log(audit)
    offline = verify_export(folder / "log.jsonl", anchor=audit.anchor, public_key=keys.signer.public)
    store.close()
    if not (live.ok and offline.ok and live.rows == offline.rows == done.rows):
        raise RuntimeError("the log that was measured does not verify")
    return {
        "rows": done.rows,
        "export_bytes": done.bytes,
        "sign_roots_ms": round(signed * 1_000, 2),
        "export_rows_per_second": round(done.rows / exported),
        "verify_log_rows_per_second": live.rows_per_second,
        "verify_export_rows_per_second": offline.rows_per_second,
    }


def run_of(payload: Sealed) -> list[AuditEntry]:
    """The rows of one run."""
    closing = replace(CLOSING, commitment=payload.commitment)
    return [
        *(replace(SCORING, step=step) for step in ("ingestion", "intent", "scoring", "policy", "actuation")),
        closing,
    ]


def keep(payloads: list[Sealed], tx: Any) -> None:
    """Store payloads."""
    values = [
        {
            "commitment": payload.commitment,
            "tenant": TENANT,
            "region": "eu",
            "lead_id": LEAD,
            "ciphertext": payload.ciphertext,
            "salt": payload.salt,
            "key_id": payload.key_id,
        }
        for payload in payloads
    ]
    tx.conn.execute(sealed_table.insert(), values)


def micros(call: Callable[[], object], *, calls: int = 4_000, blocks: int = 7) -> float:
    """Median over blocks of one call's processor time."""
    took = []
    for _ in range(blocks):
        begun = time.process_time()
        for _ in range(calls):
            call()
        took.append((time.process_time() - begun) / calls)
    return round(median(took) * 1_000_000, 2)


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(measure(), option=orjson.OPT_INDENT_2).decode() + "\n")
