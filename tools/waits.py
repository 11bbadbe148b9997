"""A wait that a vendor asks for: whoever is told, tells all workers of the tenant through the store."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from domain.errors import Temporary, Throttled
from domain.ids import TenantId
from domain.instants import SECOND
from domain.ports.limits import Limits
from tools.retry_after import LONGEST_S


@dataclass(frozen=True, slots=True)
class SharedWait:
    """Of a tenant's account at one vendor, by whatever door it is asked: steps, records, pollers."""

    limits: Limits
    tenant: TenantId
    vendor: str
    now: Callable[[], int]

    async def ask(self) -> None:
        """Raises: Throttled while the account is to be left alone."""
        left = await self.limits.held(self.tenant, self.vendor, now=self.now())
        if left > 0:
            raise Throttled(f"{self.vendor} asks us to come later", left / SECOND)

    async def told(self, error: BaseException) -> None:
        """Pass on what `error` asks for, an hour at most; what concerns our credentials or one record alone is not.

        Where the store cannot be written now, `error` goes on all the same and the others are told by the vendor.
        """
        if not isinstance(error, Throttled) or error.code != "throttled" or error.retry_after_s <= 0:
            return
        asked_us = round(min(error.retry_after_s, LONGEST_S) * SECOND)
        with suppress(Temporary):
            await self.limits.hold(self.tenant, self.vendor, until=self.now() + asked_us)
