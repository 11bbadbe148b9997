"""Keys of the HTTP API in the durable store.

A secret has 256 random bits, so its plain SHA-256 is as good as any slower hash: there is nothing to guess from.
"""

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from domain.access import Caller, Scope
from domain.audit import AuditEntry
from domain.errors import BadInput, Temporary
from domain.ids import Region, TenantId
from domain.instants import HOUR
from domain.ports.access import ApiKey
from tools.store.audit import append
from tools.store.config import Config
from tools.store.engine import Database, Tx

LONGEST: Final = 80
"""Characters of a key's name."""
_FORM: Final = re.compile(r"lgk_(?P<key>[0-9a-f]{12})_[0-9a-f]{64}")
_NOBODYS: Final = "0" * 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A key that somebody wants, checked."""

    name: str
    scopes: frozenset[Scope]
    by: str
    expires_at: int | None


class SqlApiKeys:
    """Satisfies `domain.ports.access.ApiKeys`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config
        self._touched: dict[str, int] = {}

    async def find(self, tenant: TenantId, secret: str, *, now: int) -> Caller | None:
        """Whom `secret` stands for."""
        asked = {"tenant": tenant, "key": key_of(secret)}
        # Here and not on the reader's thread: one row by its key costs less than to change threads, for each request.
        row = self._database.read_at_door(lambda tx: tx.one("api_key_named", asked))
        if not fits(secret, row.digest if row else None):
            return None
        key = _key(row)
        if not holds(key, now):
            return None
        hour = now - now % HOUR
        if key.used_at is None or key.used_at < hour:
            await self._touch({**asked, "hour": hour})
        return key.caller

    async def _touch(self, used: Mapping[str, Any]) -> None:
        """Keep when a key was last used: of all requests of an hour one writes, as long as it can."""
        key, hour = used["key"], used["hour"]
        before = self._touched.get(key)
        if before is not None and before >= hour:
            return
        self._touched[key] = hour
        with suppress(Temporary):  # when it was last used is no reason to turn anybody away
            try:
                await self._database.write(lambda tx: tx.run("touch_api_key", used), first=True)
            except BaseException:
                self._touched.pop(key, None)
                raise

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
        values = {"key": key_id, "tenant": tenant, "region": region, "name": wish.name, "by": wish.by}
        values |= {"scopes": " ".join(sorted(wish.scopes)), "digest": digest_of(secret)}

        def work(tx: Tx) -> None:
            tx.run("insert_api_key", {**values, "now": now, "expires_at": expires_at})
            append(tx, self._config.writer, [said(self._config, key, "made", wish.by, now)])

        await self._database.write(work)
        return key, secret

    async def revoke(self, tenant: TenantId, key_id: str, *, by: str, now: int) -> ApiKey:
        """End a key at once."""
        person, asked = checked("by", by), {"tenant": tenant, "key": key_id}

        def work(tx: Tx) -> ApiKey:
            if tx.one("api_key_named", asked) is None:
                raise unknown()
            ended = tx.run("revoke_api_key", {**asked, "now": now})
            key = _key(tx.one("api_key_named", asked))
            if ended:
                append(tx, self._config.writer, [said(self._config, key, "revoked", person, now)])
            return key

        return await self._database.write(work)

    async def all(self, tenant: TenantId) -> Sequence[ApiKey]:
        """Every key ever made."""
        rows = await self._database.read(lambda tx: tx.rows("api_keys", {"tenant": tenant}))
        return [_key(row) for row in rows]


def _key(row: Any) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split())
    caller = Caller(row.key_id, row.name, TenantId(row.tenant), Region(row.region), scopes)
    return ApiKey(caller, row.made_at, row.made_by, row.expires_at, row.revoked_at, row.used_at)


def new_secret() -> tuple[str, str]:
    """A key's id and its secret, which names the id."""
    key_id = secrets.token_hex(6)
    return key_id, f"lgk_{key_id}_{secrets.token_hex(32)}"


def key_of(secret: str) -> str:
    """The id in a secret; empty if it has not the form of one."""
    found = _FORM.fullmatch(secret)
    return found["key"] if found else ""


def digest_of(secret: str) -> str:
    """What is kept of a secret."""
    return sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def fits(secret: str, digest: str | None) -> bool:
    """Whether `secret` is that of `digest`, in the same time whatever it is; never if there is none."""
    same = hmac.compare_digest(digest_of(secret), digest or _NOBODYS)
    return same and digest is not None


def holds(key: ApiKey, now: int) -> bool:
    """Neither revoked nor expired."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def asked_for(name: str, scopes: frozenset[Scope], by: str, expires_at: int | None, now: int) -> Asked:
    """What is wanted. Raises: BadInput."""
    if not scopes:
        raise BadInput("scopes", "none is named", "name a role or a scope", code="missing")
    if expires_at is not None and expires_at <= now:
        raise BadInput("expires", "lies in the past", "name a later time", code="too_early")
    return Asked(checked("name", name), scopes, checked("by", by), expires_at)


def checked(field: str, name: str) -> str:
    """A name of a person or system. Raises: BadInput."""
    found = " ".join(name.split())
    if not found:
        raise BadInput(field, "nobody is named", "say who", code="missing")
    if len(found) > LONGEST:
        raise BadInput(field, f"longer than {LONGEST} characters", "take a shorter one", code="too_long")
    return found


def said(config: Config, key: ApiKey, code: str, by: str, now: int) -> AuditEntry:
    """The row of what was done to a key; people in it are digests."""
    caller = key.caller
    return AuditEntry(
        tenant=caller.tenant,
        region=caller.region,
        step="api_key",
        code=code,
        at=now,
        detail={
            "key": caller.key_id,
            "scopes": tuple(sorted(caller.scopes)),
            "holder": config.person(caller.name),
            "person": config.person(by),
            "expires_at": key.expires_at,
        },
    )


def unknown() -> BadInput:
    """There is no such key."""
    return BadInput("key", "there is no such key", "see leadgraph keys list", code="unknown")
