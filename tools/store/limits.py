"""Shared rates and waits: token buckets in the store, in whole numbers, and how long vendors want to be left alone."""

from collections.abc import Mapping
from typing import Final

from domain.ids import TenantId
from domain.instants import HOUR, MINUTE
from tools.store.engine import Database, Tx

TOKEN: Final = MINUTE
"""Parts of one token: at `per_minute` tokens a minute, a microsecond gains `per_minute` parts."""
FULL_AFTER: Final = HOUR
"""A bucket that nobody asks for so long is full and is forgotten: no rate needs longer to fill one."""


class SqlLimits:
    """Satisfies `domain.ports.limits.Limits`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self,
        name: str,
        *,
        per_minute: int,
        burst: int,
        now: int,
        tokens: int = 1,
        leave: int = 0,
        ahead: int = 0,
    ) -> int:
        """Take tokens, or say in how many microseconds there will be so many."""
        asked = {"tokens": tokens, "leave": leave, "ahead": ahead}

        def work(tx: Tx) -> int:
            row = tx.one("bucket", {"name": name})
            if row is None:
                tx.run("drop_full_buckets", {"before": now - FULL_AFTER})
            bucket = None if row is None else (row.level, row.at)
            wait, level, at = reserved(bucket, per_minute=per_minute, burst=burst, now=now, **asked)
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
    bucket: tuple[int, int] | None,
    *,
    per_minute: int,
    burst: int,
    now: int,
    tokens: int = 1,
    leave: int = 0,
    ahead: int = 0,
) -> tuple[int, int, int]:
    """(wait in microseconds, level, as of when) after asking a bucket (level, at) for `tokens`; None is a full one.

    The time of a bucket never goes back, so a slow clock beside a fast one gains nothing. Its level is below 0 while
    tokens are taken in advance. Raises: ValueError if `per_minute` or `burst` is below 1, or it never holds so many.
    >>> reserved((0, 0), per_minute=60, burst=1, now=400_000)
    (600000, 24000000, 400000)
    """
    if per_minute < 1 or burst < 1:
        raise ValueError("a rate is at least one token a minute, a burst at least one token")
    if not 0 < tokens <= burst - leave:
        raise ValueError(f"a bucket of {burst} never holds {tokens} beside the {leave} that stay")
    level, at = bucket or (burst * TOKEN, now)
    gained = max(0, now - at) * per_minute
    level, at = min(burst * TOKEN, level + gained), max(at, now)
    lacking = (tokens + leave) * TOKEN - level
    wait = 0 if lacking <= 0 else at - now - (-lacking // per_minute)
    return wait, level - tokens * TOKEN if wait <= ahead else level, at
