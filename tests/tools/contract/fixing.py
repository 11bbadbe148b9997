"""What the tests of feedback build with: people who fix things about leads, and runs that are told."""

from collections.abc import Sequence

from domain.label import Label
from domain.override import Override, OverrideKind, OverrideRow
from domain.signal import LeadKey
from tests.tools.contract.company import ACE, ADA, Company
from tests.tools.contract.stores import TENANT, bundle, claim, signal

OWNER, POINTS = OverrideKind.OWNER, OverrideKind.POINTS
Fixed = list[tuple[OverrideKind, str]]


class Desk(Company):
    """A company whose people fix what the machine says."""

    async def fix(
        self,
        kind: OverrideKind = OWNER,
        value: str = "bob",
        *,
        who: LeadKey = ADA,
        by: str = "rita",
        until: int | None = None,
        reason: str = "he knows her",
    ) -> OverrideRow:
        """Fix something; the clock moves on, so that who is later is newer."""
        lead = await self.lead(who)
        row = await self.store.feedback.fix(
            TENANT, lead, kind=kind, value=value, reason=reason, by=by, now=self.now, until=until
        )
        self.later()
        return row

    async def lift(self, kind: OverrideKind = OWNER, *, who: LeadKey = ADA, by: str = "omar") -> OverrideRow:
        """Set it free again."""
        return await self.store.feedback.lift(TENANT, await self.lead(who), kind=kind, by=by, now=self.now)

    async def fixed(self, who: LeadKey = ADA) -> Fixed:
        """What counts of a lead now, which must be what runs are told."""
        lead = await self.lead(who)
        rows = await self.store.feedback.overrides(TENANT, at=self.now, lead_id=lead)
        everyone = await self.store.feedback.overrides(TENANT, at=self.now)
        assert [row for row in everyone if row.lead_id == lead] == rows
        assert await self.told(who) == tuple(row.override for row in rows)
        return [(row.override.kind, row.override.value) for row in rows]

    async def told(self, who: LeadKey = ADA) -> tuple[Override, ...]:
        """What the next run of a lead is told; all that is ready is run."""
        await self.store.inbox.accept([signal(self._next(), who)], now=self.now)
        lead = await self.lead(who)
        claimed = await claim(self.store, self.now)
        await self.store.commit.commit([bundle(one) for one in claimed], now=self.now)
        (given,) = [one.given for one in claimed if one.given.lead.lead_id == lead]
        return given.overrides

    async def history(self, who: LeadKey = ADA) -> Sequence[OverrideRow]:
        """All that was ever fixed of a lead."""
        return await self.store.feedback.history(TENANT, await self.lead(who))

    async def labels(self, since: int | None = None, until: int | None = None) -> Sequence[Label]:
        """All labels."""
        return await self.store.feedback.labels(TENANT, since=since, until=until)

    async def two(self, ada: str | None = None, ace: str | None = None) -> None:
        """Two leads, each with an owner that a person fixed, if one is named; they are joined afterwards."""
        for who, owner in ((ADA, ada), (ACE, ace)):
            await self.decide(who=who)
            self.later()
            if owner:
                await self.fix(OWNER, owner, who=who)
        await self.join(ADA, ACE)
        self.later()
