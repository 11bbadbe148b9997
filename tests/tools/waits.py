"""Waits that are shared by whoever holds this value: for tests whose rates are made up."""

from collections.abc import Mapping

from domain.ids import TenantId


class Waits:
    """The half of `domain.ports.limits.Limits` that knows of waits."""

    def __init__(self) -> None:
        self.until: dict[tuple[str, str], int] = {}

    async def hold(self, tenant: TenantId, vendor: str, *, until: int) -> None:
        """Remember it."""
        self.until[tenant, vendor] = max(until, self.until.get((tenant, vendor), 0))

    async def held(self, tenant: TenantId, vendor: str, *, now: int) -> int:
        """What is left."""
        return max(0, self.until.get((tenant, vendor), 0) - now)

    async def waits(self, tenant: TenantId, *, now: int) -> Mapping[str, int]:
        """What is left of each."""
        return {vendor: max(0, until - now) for (of, vendor), until in self.until.items() if of == tenant}
