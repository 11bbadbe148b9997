"""Keys of the HTTP API in memory: the twin of `tools.store.access`."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.access import Caller, Scope
from domain.ids import Region, TenantId
from domain.instants import HOUR
from domain.ports.access import ApiKey
from tools.store.access import asked_for, checked, digest_of, fits, holds, key_of, new_secret, said, unknown

if TYPE_CHECKING:
    from tools.fake_world import World


class MemoryApiKeys:
    """Satisfies `domain.ports.access.ApiKeys`."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._keys: dict[tuple[str, str], tuple[ApiKey, str]] = {}

    async def find(self, tenant: TenantId, secret: str, *, now: int) -> Caller | None:
        """Whom `secret` stands for."""
        place = tenant, key_of(secret)
        key, digest = self._keys.get(place, (None, None))
        if not fits(secret, digest) or key is None or digest is None or not holds(key, now):
            return None
        hour = max(now - now % HOUR, key.used_at or 0)
        self._keys[place] = replace(key, used_at=hour), digest
        return key.caller

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
        """A new key and its secret."""
        wish = asked_for(name, scopes, by, expires_at, now)
        key_id, secret = new_secret()
        key = ApiKey(Caller(key_id, wish.name, tenant, region, wish.scopes), now, wish.by, expires_at)
        self._keys[tenant, key_id] = key, digest_of(secret)
        self._world.note([said(self._world.config, key, "made", wish.by, now)])
        return key, secret

    async def revoke(self, tenant: TenantId, key_id: str, *, by: str, now: int) -> ApiKey:
        """End a key at once."""
        person = checked("by", by)
        if (tenant, key_id) not in self._keys:
            raise unknown()
        key, digest = self._keys[tenant, key_id]
        if key.revoked_at is None:
            key = replace(key, revoked_at=now)
            self._keys[tenant, key_id] = key, digest
            self._world.note([said(self._world.config, key, "revoked", person, now)])
        return key

    async def all(self, tenant: TenantId) -> Sequence[ApiKey]:
        """Every key ever made."""
        mine = [key for (owner, _), (key, _) in self._keys.items() if owner == tenant]
        return sorted(mine, key=lambda key: (-key.made_at, key.caller.key_id))
