"""A language model's answers and budgets in memory: the twin of `tools.store.answers`."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from domain.audit import Sealed
from domain.errors import Permanent
from domain.ids import LeadId, TenantId
from domain.spending import Spent
from tools.store.answers import exceeded

if TYPE_CHECKING:
    from tools.fake_world import World


class KeptAnswers:
    """Sealed answers by the lead that has them now and by their key, each with the lead it was asked for."""

    def __init__(self) -> None:
        self._rows: defaultdict[str, dict[str, tuple[str, Sealed]]] = defaultdict(dict)

    def get(self, lead: str, key: str) -> Sealed | None:
        """The answer that `lead` has to a question."""
        _, found = self._rows[lead].get(key, ("", None))
        return found

    def add(self, lead: str, key: str, sealed: Sealed) -> None:
        """Keep it, unless there is one."""
        self._rows[lead].setdefault(key, (lead, sealed))

    def merge(self, winner: str, loser: str) -> None:
        """All that the loser has is the winner's."""
        self._rows[winner] |= self._rows.pop(loser, {})

    def split(self, part: str) -> None:
        """`part` gets back what was asked for it."""
        for lead in [one for one in self._rows if one != part]:
            for key, row in list(self._rows[lead].items()):
                if row[0] == part:
                    self._rows[part][key] = self._rows[lead].pop(key)

    def drop(self, lead: str) -> None:
        """Keep nothing that `lead` has or that was asked for it."""
        self._rows.pop(lead, None)
        for rows in self._rows.values():
            for key in [key for key, row in rows.items() if row[0] == lead]:
                del rows[key]


class MemoryAnswers:
    """Satisfies `domain.ports.model.Answers`."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def get(self, tenant: TenantId, lead: LeadId, key: str) -> Mapping[str, Any] | None:
        """The remembered fields; None also where the lead's key is gone."""
        kept = self._world.answers.get(lead, key) if self._known(tenant, lead) else None
        if kept is None:
            return None
        try:
            found: dict[str, Any] = orjson.loads(self._world.config.open_text(tenant, kept))
        except Permanent:
            return None
        return found

    async def put(
        self, tenant: TenantId, lead: LeadId, key: str, answer: Mapping[str, Any], *, now: int
    ) -> None:
        """Remember; nothing is remembered of a lead that was merged away or asked to be forgotten."""
        del now
        if not self._known(tenant, lead):
            return
        sealed = self._world.config.seal_text(tenant, lead, orjson.dumps(dict(answer)))
        self._world.answers.add(lead, key, sealed)

    def _known(self, tenant: str, lead: str) -> bool:
        known = self._world.leads.get(lead)
        return (
            known is not None and known.state.tenant == tenant and known.live and not known.state.suppressed
        )


class MemorySpending:
    """Satisfies `domain.ports.spending.Spending`."""

    def __init__(self) -> None:
        self._spent: defaultdict[tuple[str, str | None, int], Spent] = defaultdict(Spent)

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
        """Take from both budgets, or say which is used up."""
        so_far = self._spent[tenant, lead, day], self._spent[tenant, None, day]
        over = exceeded(want, *so_far, lead_limit=lead_limit, tenant_limit=tenant_limit)
        if not over:
            self._add(tenant, lead, day, want)
        return over

    async def settle(self, tenant: TenantId, lead: LeadId, *, day: int, reserved: Spent, used: Spent) -> None:
        """Put what was used in the place of what was reserved."""
        self._add(tenant, lead, day, used - reserved)

    async def spent(self, tenant: TenantId, lead: LeadId | None, *, day: int) -> Spent:
        """What was spent on a day."""
        return self._spent[tenant, lead, day]

    def _add(self, tenant: str, lead: str, day: int, more: Spent) -> None:
        for whose in (lead, None):
            self._spent[tenant, whose, day] += more
