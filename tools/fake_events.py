"""Outgoing events in the in-memory store: the feed, and how far each subscription has come."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from domain.happening import EventType, Happening, Question, last_position, place_of
from domain.ids import Region, TenantId
from domain.ports.events import Subscription, SubscriptionState
from tools.store.events import unknown_subscription

if TYPE_CHECKING:
    from tools.fake_world import World

_ON, _ENDED = SubscriptionState.ON, SubscriptionState.ENDED


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the feed. `kind` is ``decision``, ``approval`` or ``talk``."""

    tenant: str
    region: str
    kind: str
    ref: str
    at: int


class MemoryFeed:
    """Satisfies `domain.ports.events.Feed`."""

    def __init__(self, world: "World") -> None:
        self._world = world

    async def since(
        self, tenant: TenantId, region: Region, position: int, *, limit: int
    ) -> Sequence[Happening]:
        """Rows that may give events after `position`."""
        first = place_of(position)
        mine = [(place, one) for place, one in self._mine(tenant, region) if place >= first]
        return [self._happening(place, one) for place, one in mine[:limit]]

    async def end(self, tenant: TenantId, region: Region) -> int:
        """The last position that there is now."""
        return max((last_position(place) for place, _ in self._mine(tenant, region)), default=0)

    def _mine(self, tenant: str, region: str) -> list[tuple[int, Told]]:
        rows = enumerate(self._world.feed, start=1)
        return [(place, one) for place, one in rows if (one.tenant, one.region) == (tenant, region)]

    def _happening(self, place: int, one: Told) -> Happening:
        if one.kind == "approval":
            return Happening(place, one.ref, one.at, question=self._question(one.ref))
        if one.kind == "talk":
            decided = self._world.talks.named(one.ref)
            return Happening(place, one.ref, one.at, talk=(decided.origin or "", decided.told or ""))
        decisions = [(decision, content) for _, decision, _, content in self._world.decisions]
        at = next(n for n, (decision, _) in enumerate(decisions) if decision.decision_id == one.ref)
        lead = decisions[at][0].lead_id
        readings = [c for d, c in decisions[:at] if d.lead_id == lead and d.reading is not None]
        return Happening(place, one.ref, one.at, decisions[at][1], readings[-1] if readings else None)

    def _question(self, ref: str) -> Question:
        asks = self._world.effects.approvals[ref]
        return Question(
            lead=asks.lead_id,
            decision=asks.decision_id,
            proposal_hash=asks.proposal_hash,
            people=asks.terms.people,
            asked_at=asks.asked_at,
            expires_at=asks.expires_at,
            edited_from=asks.edited.origin if asks.edited else None,
        )


class MemorySubscriptions:
    """Satisfies `domain.ports.events.Subscriptions`."""

    def __init__(self, world: "World") -> None:
        self._world, self._feed = world, MemoryFeed(world)
        self._all: dict[str, Subscription] = {}
        self._leases: dict[str, int] = {}

    async def make(
        self,
        tenant: TenantId,
        region: Region,
        *,
        url: str,
        types: frozenset[EventType],
        position: int,
        now: int,
    ) -> Subscription:
        """A new one."""
        name = f"sub_{self._world.config.new_id()}"
        made = Subscription(name, tenant, region, url, types, _ON, position, now)
        return self._keep(made, lease=0)

    async def all(self, tenant: TenantId) -> Sequence[Subscription]:
        """Every one."""
        return [self._all[name] for name in sorted(self._all) if self._all[name].tenant == tenant]

    async def take(self, tenant: TenantId, *, now: int, lease_us: int, limit: int) -> Sequence[Subscription]:
        """Take those that are due and that have something before them."""
        due = [one for one in await self.all(tenant) if one.state is _ON and one.next_try <= now]
        free = [one for one in due if self._leases[one.subscription_id] <= now]
        ready = [one for one in free if one.position < await self._feed.end(tenant, one.region)]
        ready = sorted(ready, key=lambda one: one.next_try)[:limit]
        ready.sort(key=lambda one: one.subscription_id)
        return [self._keep(replace(one, token=one.token + 1), lease=now + lease_us) for one in ready]

    async def advance(self, taken: Subscription, position: int, *, arrived: bool, until: int) -> bool:
        """Everything up to `position` is settled."""
        one = self._held(taken)
        if one is None:
            return False
        over = replace(one, tries=0, reason="", failing_since=None) if arrived else one
        self._keep(replace(over, position=position), lease=until)
        return True

    async def fail(
        self, taken: Subscription, reason: str, *, state: SubscriptionState, next_try: int, now: int
    ) -> None:
        """Note a failure and give it back."""
        one = self._held(taken)
        if one is not None:
            since = now if one.failing_since is None else one.failing_since
            failed = replace(one, state=state, reason=reason, tries=one.tries + 1, next_try=next_try)
            self._keep(replace(failed, failing_since=since), lease=0)

    async def release(self, taken: Subscription, *, now: int) -> None:
        """Give it back."""
        one = self._all.get(taken.subscription_id)
        if one is not None and (one.tenant, one.token) == (taken.tenant, taken.token):
            self._keep(replace(one, next_try=now), lease=0)

    async def restart(self, tenant: TenantId, subscription_id: str, position: int) -> Subscription:
        """Tell again of what comes after `position`."""
        one = self._named(tenant, subscription_id)
        anew = replace(one, position=position, state=_ON, reason="", tries=0, failing_since=None, next_try=0)
        return self._keep(replace(anew, token=one.token + 1), lease=0)

    async def rotate(self, tenant: TenantId, subscription_id: str, *, now: int) -> Subscription:
        """Give it another secret."""
        one = self._named(tenant, subscription_id)
        self._all[subscription_id] = replace(one, generation=one.generation + 1, rotated_at=now)
        return self._all[subscription_id]

    async def end(self, tenant: TenantId, subscription_id: str, reason: str) -> Subscription:
        """End it for good."""
        one = self._named(tenant, subscription_id)
        return self._keep(replace(one, state=_ENDED, reason=reason, token=one.token + 1), lease=0)

    def _keep(self, one: Subscription, *, lease: int) -> Subscription:
        self._all[one.subscription_id], self._leases[one.subscription_id] = one, lease
        return one

    def _held(self, taken: Subscription) -> Subscription | None:
        """The one that was taken, unless somebody else has it now."""
        one = self._all.get(taken.subscription_id)
        mine = one is not None and (one.tenant, one.token) == (taken.tenant, taken.token)
        return one if one is not None and mine and one.state is _ON else None

    def _named(self, tenant: TenantId, name: str) -> Subscription:
        one = self._all.get(name)
        if one is None or one.tenant != tenant or one.state is _ENDED:
            raise unknown_subscription()
        return one
