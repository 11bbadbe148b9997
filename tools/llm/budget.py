"""Budgets per lead and per tenant and day: asked before a request with what it may use at most, settled after it."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from domain.errors import Temporary
from domain.ids import LeadId, TenantId
from domain.instants import DAY
from domain.ports.spending import Spending
from domain.spending import Spent
from tools.llm.failing import OverBudget
from tools.llm.prices import Prices

OVERHEAD: Final = 200
"""Tokens around the messages of a request."""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a day may take."""

    lead: Spent
    tenant: Spent


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a request may use at most, taken from its day."""

    model: str
    day: int
    tokens_in: int
    spent: Spent


class Purse:
    """Whose money a question takes: of one lead, in one tenant."""

    def __init__(
        self,
        tenant: TenantId,
        lead: LeadId,
        *,
        spending: Spending,
        budgets: Budgets,
        prices: Prices,
        now: Callable[[], int],
    ) -> None:
        """`now` tells the Instant."""
        self._tenant, self._lead = tenant, lead
        self._spending, self._budgets, self._prices, self._now = spending, budgets, prices, now
        self.requests = 0
        self.used = Spent()
        self.tokens_in = self.tokens_out = 0

    async def reserve(self, model: str, size: int, max_tokens: int) -> Reserved:
        """Take the upper bound of a request of `size` bytes: no token is shorter than a byte.

        Raises: OverBudget if a budget has less than that left; Temporary.
        """
        tokens_in = size + OVERHEAD
        most = Spent(1, tokens_in + max_tokens, self._prices.cost_micro(model, tokens_in, max_tokens))
        day = self._now() // DAY
        over = await self._spending.reserve(
            self._tenant,
            self._lead,
            day=day,
            want=most,
            lead_limit=self._budgets.lead,
            tenant_limit=self._budgets.tenant,
        )
        if over:
            raise OverBudget(over)
        self.requests += 1
        return Reserved(model, day, tokens_in, most)

    async def settle(self, taken: Reserved, tokens_in: int, tokens_out: int) -> None:
        """Put what was used in its place. If the store is away now, the upper bound stays spent."""
        cost = self._prices.cost_micro(taken.model, tokens_in, tokens_out)
        used = Spent(1, tokens_in + tokens_out, cost)
        self.used += used
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out
        with suppress(Temporary):
            await self._spending.settle(
                self._tenant, self._lead, day=taken.day, reserved=taken.spent, used=used
            )
