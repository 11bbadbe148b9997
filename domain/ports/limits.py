"""Rates and waits that several workers share."""

from collections.abc import Mapping
from typing import Protocol

from domain.ids import TenantId


class Limits(Protocol):
    """Token buckets, and what vendors asked for, kept where all workers see them."""

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
        """Take `tokens` of the bucket `name`; the answer is 0, or the microseconds until there are so many.

        A bucket holds `burst` tokens at most and gains `per_minute` tokens a minute. A clock that runs backwards
        gains nothing. `leave` tokens stay for others. An answer above `ahead` took nothing; up to it the tokens are
        taken in advance, and whoever waits so long has them: those who ask one after the other get theirs in turn.
        Raises: ValueError where the bucket can never hold so many.
        """
        ...

    async def hold(self, tenant: TenantId, vendor: str, *, until: int) -> None:
        """Leave the tenant's account at `vendor` alone until the Instant `until`; the latest wish counts."""
        ...

    async def held(self, tenant: TenantId, vendor: str, *, now: int) -> int:
        """Microseconds for which it is still to be left alone; 0: it may be asked."""
        ...

    async def waits(self, tenant: TenantId, *, now: int) -> Mapping[str, int]:
        """`held` of each vendor that ever wished it."""
        ...
