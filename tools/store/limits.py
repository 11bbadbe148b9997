"""Shared rates and waits: token buckets in the store, in whole numbers, and how long vendors want to be left alone."""

from collections.abc import Mapping
from typing import Final

from domain.ids import TenantId
from domain.instants import MINUTE
from tools.store.engine import Database, Tx

TOKEN: Final = MINUTE
"""Parts of one token: at `per_minute` tokens a minute, a microsecond gains `per_minute` parts."""


class SqlLimits:
    """Satisfies `domain.ports.limits.Limits`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(self, name: str, *, per_minute: int, burst: int, now: int) -> int:
        """Take one token, or say in how many microseconds there will be one."""

        def work(tx: Tx) -> int:
            row = tx.one("bucket", {"name": name})
            bucket = None if row is None else (row.level, row.at)
            wait, level, at = reserved(bucket, per_minute=per_minute, burst=burst, now=now)
            tx.run("keep_bucket", {"name": name, "level": level, "at": at})
            return wait

        return await self._database.write(work)

    async def hold(self, tenant: TenantId, vendor: str, *, until: int) -> None:
        """Tell all workers."""
        given = {"tenant": tenant, "vendor": vendor, "until": until}
        await self._database.write(lambda tx: tx.run("hold_vendor", given))

    async def held(self, tenant: TenantId, vendor: str, *, now: int) -> int:
        """What is left of it."""
        given = {"tenant": tenant, "vendor": vendor}
        row = await self._database.read(lambda tx: tx.one("held_vendor", given))
        return 0 if row is None else max(0, row.until - now)

    async def waits(self, tenant: TenantId, *, now: int) -> Mapping[str, int]:
        """What is left of each."""
        rows = await self._database.read(lambda tx: tx.rows("vendor_waits", {"tenant": tenant}))
        return {row.vendor: max(0, row.until - now) for row in rows}


def reserved(
    bucket: tuple[int, int] | None, *, per_minute: int, burst: int, now: int
) -> tuple[int, int, int]:
    """(wait in microseconds, level, as of when) after asking a bucket (level, at) for a token; None is a full one.

    The time of a bucket never goes back, so a slow clock beside a fast one gains nothing.
    Raises: ValueError if `per_minute` or `burst` is below 1.
    >>> reserved((0, 0), per_minute=60, burst=1, now=400_000)
    (600000, 24000000, 400000)
    """
    if per_minute < 1 or burst < 1:
        raise ValueError("a rate is at least one token a minute, a burst at least one token")
    level, at = bucket or (burst * TOKEN, now)
    gained = max(0, now - at) * per_minute
    level, at = min(burst * TOKEN, level + gained), max(at, now)
    if level >= TOKEN:
        return 0, level - TOKEN, at
    return at - now - (level - TOKEN) // per_minute, level, at
