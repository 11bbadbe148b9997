"""Who may ask over HTTP, and for what: scopes, the roles that bundle them, and the caller that a key stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.ids import Region, TenantId


class Scope(StrEnum):
    """What a key lets its holder do."""

    INGEST = "ingest"
    """Send signals and talks."""
    READ = "read"
    """Read leads, decisions, the audit log, open approvals."""
    APPROVE = "approve"
    """Decide on proposals."""
    ADMIN = "admin"
    """Everything, and what concerns the whole home."""


ROLES: Final[Mapping[str, frozenset[Scope]]] = MappingProxyType(
    {
        "sender": frozenset({Scope.INGEST}),
        "viewer": frozenset({Scope.READ}),
        "approver": frozenset({Scope.READ, Scope.APPROVE}),
        "agent": frozenset({Scope.INGEST, Scope.READ}),
        "admin": frozenset(Scope),
    }
)
"""Scopes by role."""


HOME_KEY: Final = "setting"
"""`Caller.key_id` of whoever shows the key of the settings, or needs none."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` is the person or system that the key was made for: what an approval counts as one person."""

    key_id: str
    name: str
    tenant: TenantId
    region: Region
    scopes: frozenset[Scope]

    def sees(self, region: str) -> bool:
        """True for what lies in `region`: a key is bound to its own, that of the settings to none."""
        return self.key_id == HOME_KEY or self.region == region

    def may(self, scope: Scope) -> bool:
        """True if the key holds `scope`; ``admin`` holds all."""
        return scope in self.scopes or Scope.ADMIN in self.scopes
