"""Memory of what was said: a lead's own words by their meaning, and how similar cases of others ended."""

from collections.abc import Sequence
from typing import Protocol

from domain.ids import LeadId, TenantId
from domain.memory import Recall
from domain.signal import Signal


class Memory(Protocol):
    """Vectors of texts. Texts themselves are never given back, only refs known to our own store."""

    async def recall(
        self, tenant: TenantId, lead: LeadId, new: Sequence[Signal], *, known: Sequence[str], before: int
    ) -> Recall:
        """What bears on the texts in `new`, among the lead's refs in `known` that occurred before the Instant `before`.

        Never raises for an outage: the answer says so (`degraded`).
        """
        ...

    async def remember(self, tenant: TenantId, lead: LeadId, signals: Sequence[Signal]) -> None:
        """Keep the vectors of their texts; again is the same. Raises: Temporary."""
        ...

    async def forget(self, tenant: TenantId, lead: LeadId) -> None:
        """Remove all of a lead; again is the same. Raises: Temporary."""
        ...
