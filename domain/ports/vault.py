"""Sealing what must be readable only as long as its subject may be remembered."""

from collections.abc import Sequence
from typing import Protocol

from domain.audit import Sealed
from domain.ids import LeadId, TenantId


class Vault(Protocol):
    """Encrypts under keys that belong to leads, wrapped by a master key that lies outside the database."""

    def seal(self, tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        """Encrypt `plain` under the lead's key; the commitment is HMAC(salt, ciphertext)."""
        ...

    def open(self, tenant: TenantId, sealed: Sealed) -> bytes:
        """Inverse of `seal`. Raises: Permanent if the key is gone (erased) or the bytes were changed."""
        ...

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        """After a merge both key rings open for `winner`."""
        ...


class KeyHasher(Protocol):
    """Turns contact data into keys at the door."""

    def email(self, raw: str) -> tuple[str, bool]:
        """(keyed hash, is it a role address). Raises: BadInput."""
        ...

    def phone(self, raw: str, region: str) -> str:
        """Keyed hash of the number in E.164. Raises: BadInput."""
        ...


Refs = Sequence[str]
