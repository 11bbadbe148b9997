"""The store's twin in memory: the same ports over plain dictionaries, for fast tests and throw-away homes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from domain.errors import Backpressure
from domain.ids import AccountId, TenantId
from domain.lead import AccountSnapshot, LeadState
from domain.ports.accounts import Refreshed
from domain.ports.inbox import Accepted, Refused
from domain.ports.quarantine import Held
from domain.quality import StreamStats
from domain.signal import Signal
from tools.fake_access import MemoryApiKeys
from tools.fake_answers import MemoryAnswers, MemorySpending
from tools.fake_approvals import MemoryApprovals, MemoryLimits
from tools.fake_due import MemoryDueTalks
from tools.fake_events import MemoryFeed, MemorySubscriptions
from tools.fake_feedback import MemoryFeedback
from tools.fake_outbox import MemoryOutbox
from tools.fake_reads import MemoryReads
from tools.fake_talks import MemoryTalks
from tools.fake_work import MemoryCommit, MemoryWork
from tools.fake_world import Item, World
from tools.store.codec import digest
from tools.store.config import ACCOUNT_DELAY, CLOCK_SKEW, Config
from tools.store.inbox import RETRY_AFTER_S
from tools.store.quarantine import not_open, noted
from tools.store.refs import conflict


class MemoryInbox:
    """Satisfies `domain.ports.inbox.Inbox`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        """Store a batch."""
        world = self._world
        numbered = list(zip(positions or range(len(items)), items, strict=True))
        fresh, refused, repeated = self._sorted(numbered)
        waiting = await self.waiting()
        if fresh and waiting and waiting + len(fresh) > world.config.max_waiting:
            raise Backpressure(waiting, world.config.max_waiting, RETRY_AFTER_S)
        tenants = {item.tenant for item in items}
        for item_id in released:
            close(world, tenants, item_id, "released", now=now)
            world.tallies[world.items[item_id].refused.tenant, "signals"] -= 1
        world.tallies.update((item.tenant, "signals") for item in items)
        world.tallies.update((signal.tenant, "duplicates") for signal in repeated)
        for one in refused:
            item_id = f"qn_{world.config.new_id()}"
            world.items[item_id] = Item(item_id, one, now, world.config.seal_raw(one.raw))
        self._learn(fresh, refused, dropped or {}, now)
        merges = world.merged
        world.add(fresh, now)
        world.due_talks.note(world.config.desk, fresh, now)
        quarantined = tuple((one.position, one.reason) for one in refused)
        return Accepted(len(fresh), len(repeated), quarantined, world.merged - merges)

    def _sorted(
        self, numbered: Sequence[tuple[int, Signal | Refused]]
    ) -> tuple[list[Signal], list[Refused], list[Signal]]:
        """New signals, what is refused, and repetitions."""
        fresh, refused, repeated = dict[tuple[str, str], Signal](), list[Refused](), list[Signal]()
        for position, item in numbered:
            if isinstance(item, Refused):
                refused.append(item)
                continue
            key = item.tenant, item.signal_id
            kept = self._world.signals.get(key)
            before = kept.signal if kept else fresh.get(key)
            if before is None:
                fresh[key] = item
            elif digest(before) == digest(item):
                repeated.append(item)
            else:
                refused.append(conflict(position, item, before))
        return list(fresh.values()), sorted(refused, key=lambda one: one.position), repeated

    async def waiting(self) -> int:
        """Signals not yet in a terminal state."""
        return sum(kept.state == "waiting" for kept in self._world.signals.values())

    def _learn(
        self,
        signals: Sequence[Signal],
        refused: Sequence[Refused],
        dropped: Mapping[tuple[str, str, str], int],
        now: int,
    ) -> None:
        streams = self._world.streams
        places = {(s.tenant, s.region, s.source) for s in signals}
        for place in sorted(places | {(r.tenant, r.region, r.source) for r in refused}):
            good = [s for s in signals if (s.tenant, s.region, s.source) == place]
            bad = [r for r in refused if (r.tenant, r.region, r.source) == place]
            stats = streams.get(place, StreamStats.empty(place[2]))
            streams[place] = stats.updated(good, bad, dropped, now)


class MemoryAccounts:
    """Satisfies `domain.ports.accounts.Accounts`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def due(self, *, now: int, limit: int) -> Sequence[tuple[TenantId, AccountId]]:
        """Accounts whose refresh is due, oldest first."""
        due = sorted((at, key) for key, (at, _) in self._world.due.items() if at is not None and at <= now)
        return [(TenantId(tenant), AccountId(account)) for _, (tenant, account) in due[:limit]]

    async def members(self, tenant: TenantId, account: AccountId, *, limit: int = 200) -> Sequence[LeadState]:
        """Leads of the account, most recently active first."""
        found = [
            lead.state
            for lead in self._world.leads.values()
            if lead.live and (lead.state.tenant, lead.state.account) == (tenant, account)
        ]
        newest = {state.lead_id: self._world.of_lead(state.lead_id)[0].signal.occurred_at for state in found}
        return sorted(found, key=lambda state: newest[state.lead_id], reverse=True)[:limit]

    async def snapshot(self, tenant: TenantId, account: AccountId) -> AccountSnapshot | None:
        """Newest snapshot."""
        return self._world.accounts.get((tenant, account))

    async def save(self, refreshed: Sequence[Refreshed], *, now: int) -> None:
        """Store the snapshots under their next versions and wake leads."""
        for one in refreshed:
            self._save(one.tenant, one.snapshot, one.wake, now)

    def _save(self, tenant: TenantId, snapshot: AccountSnapshot, wake: Sequence[str], now: int) -> None:
        world, key = self._world, (tenant, snapshot.account)
        before = world.accounts.get(key)
        world.accounts[key] = replace(snapshot, version=(before.version if before else 0) + 1)
        _, marked = world.due.get(key, (None, 0))
        again = marked + ACCOUNT_DELAY if marked and marked + CLOCK_SKEW >= snapshot.as_of else None
        world.due[key] = again, marked
        for lead_id in wake:
            if lead_id in world.leads and world.leads[lead_id].state.tenant == tenant:
                world.wake(lead_id, "account_changed", now)


class MemoryQuarantine:
    """Satisfies `domain.ports.quarantine.Quarantine`."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def open_items(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Held]:
        """Items nobody has decided on, oldest first, without their bytes."""
        return [_held(item, b"") for item in self._world.open_items(tenant)[:limit]]

    async def release(self, tenant: TenantId, item_id: str, *, new_raw: bytes | None = None) -> Held:
        """The item with its bytes, or with `new_raw`."""
        item = next((item for item in self._world.open_items(tenant) if item.item_id == item_id), None)
        if item is None:
            raise not_open(item_id)
        return _held(item, self._world.config.open_raw(item.raw) if new_raw is None else new_raw)

    async def discard(self, tenant: TenantId, item_id: str, *, reason: str, now: int) -> None:  # noqa: ARG002 - the port's signature
        """Give the item up."""
        close(self._world, {tenant}, item_id, "discarded", now=now)


@dataclass(frozen=True, slots=True)
class MemoryStore:
    """The ports over one world."""

    world: World
    inbox: MemoryInbox
    work: MemoryWork
    commit: MemoryCommit
    reads: MemoryReads
    accounts: MemoryAccounts
    quarantine: MemoryQuarantine
    outbox: MemoryOutbox
    approvals: MemoryApprovals
    limits: MemoryLimits
    feedback: MemoryFeedback
    answers: MemoryAnswers
    spending: MemorySpending
    talks: MemoryTalks
    access: MemoryApiKeys
    due_talks: MemoryDueTalks
    feed: MemoryFeed
    subscriptions: MemorySubscriptions

    def close(self) -> None:
        """Nothing to let go of."""


def open_memory(config: Config | None = None) -> MemoryStore:
    """An empty store in memory."""
    world = World(config or Config())
    return MemoryStore(
        world,
        MemoryInbox(world),
        MemoryWork(world),
        MemoryCommit(world),
        MemoryReads(world),
        MemoryAccounts(world),
        MemoryQuarantine(world),
        MemoryOutbox(world),
        MemoryApprovals(world),
        MemoryLimits(world),
        MemoryFeedback(world),
        MemoryAnswers(world),
        MemorySpending(),
        MemoryTalks(world),
        MemoryApiKeys(world),
        MemoryDueTalks(world),
        MemoryFeed(world),
        MemorySubscriptions(world),
    )


def close(world: World, tenants: set[TenantId], item_id: str, state: str, *, now: int) -> None:
    """Close an open item of one of `tenants`. Raises: BadInput if there is none."""
    item = world.items.get(item_id)
    if item is None or item.state != "open" or item.refused.tenant not in tenants:
        raise not_open(item_id)
    item.state, item.raw = state, b""
    world.note([noted(item.refused.tenant, item.refused.region, state, item_id, now)])


def _held(item: Item, raw: bytes) -> Held:
    one = item.refused
    return Held(
        item.item_id, one.region, one.source, one.position, one.field, one.code, one.reason, item.at, raw
    )
