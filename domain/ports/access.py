"""Keys of the HTTP API: made and revoked by a person, known by their hash only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.access import Caller, Scope
from domain.ids import Region, TenantId


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored. Its secret was shown once, when it was made. Times are Instants."""

    caller: Caller
    made_at: int
    made_by: str
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None
    """To the hour."""


class ApiKeys(Protocol):
    """The keys of all tenants; every method is limited to one. Making and revoking leave an audit row."""

    async def find(self, tenant: TenantId, secret: str, *, now: int) -> Caller | None:
        """Whom `secret` stands for; None if it is no key of this tenant, was revoked or has expired."""
        ...

    async def make(
        self,
        tenant: TenantId,
        region: Region,
        *,
        name: str,
        scopes: frozenset[Scope],
        by: str,
        now: int,
        expires_at: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is nowhere kept. Raises: BadInput (``missing`` name or scopes)."""
        ...

    async def revoke(self, tenant: TenantId, key_id: str, *, by: str, now: int) -> ApiKey:
        """End a key at once; ending it twice changes nothing. Raises: BadInput (``unknown``)."""
        ...

    async def all(self, tenant: TenantId) -> Sequence[ApiKey]:
        """Every key ever made, the newest first."""
        ...
