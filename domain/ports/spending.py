"""Budgets of a language model that several workers share."""

from typing import Protocol

from domain.ids import LeadId, TenantId
from domain.spending import Spent


class Spending(Protocol):
    """What was spent, per tenant and per lead, on each day (whole UTC days since 1970)."""

    async def reserve(
        self,
        tenant: TenantId,
        lead: LeadId,
        *,
        day: int,
        want: Spent,
        lead_limit: Spent,
        tenant_limit: Spent,
    ) -> str:
        """Take `want` from both budgets, or nothing of either.

        The answer is empty if it was taken, else what is used up: ``lead_calls``, ``tenant_money``, and so on.
        What is reserved and never settled stays spent: a worker that died may have called. Raises: Temporary.
        """
        ...

    async def settle(self, tenant: TenantId, lead: LeadId, *, day: int, reserved: Spent, used: Spent) -> None:
        """Put `used` in the place of what was `reserved`, once per reservation. Raises: Temporary."""
        ...

    async def spent(self, tenant: TenantId, lead: LeadId | None, *, day: int) -> Spent:
        """What a lead, or with None the whole tenant, has spent on a day. Raises: Temporary."""
        ...
