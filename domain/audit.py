"""Audit entries: codes, ids, versions and commitments. Never personal data, never free text, never a float."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.ids import LeadId, Region, RunId, TenantId

AuditScalar = str | int | bool | None
AuditValue = AuditScalar | tuple[str, ...] | Mapping[str, AuditScalar]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row before it gets its place in a chain. `at` is an Instant; `duration_us` of the step.

    `step` is the node or operation (``ingestion``, ``intent``, ``scoring``, ``policy``, ``actuation``, ``run``,
    ``commit``, ``inbox``, ``identity``, ``quarantine``, ``park``), `code` the outcome (``ok``, ``route:act``,
    ``error:temporary``). `detail` has ASCII keys and values of `AuditValue` only.
    """

    tenant: TenantId
    region: Region
    step: str
    code: str
    at: int
    run_id: RunId | None = None
    lead_id: LeadId | None = None
    duration_us: int = 0
    evidence: tuple[str, ...] = ()
    """Signal refs, rule ids, feature names."""
    versions: Mapping[str, str] = field(default_factory=dict)
    detail: Mapping[str, AuditValue] = field(default_factory=dict)
    commitment: str | None = None
    """HMAC-SHA-256(salt, ciphertext) in hex of the sealed payload that belongs to this row."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Bytes under a lead's key. The salt sits beside the ciphertext and dies with it."""

    ciphertext: bytes
    salt: bytes
    commitment: str
    key_id: str
