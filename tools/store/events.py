"""Outgoing events in the durable store: the feed, and how far each subscription has come."""

from collections.abc import Sequence
from typing import Any

from domain.errors import BadInput
from domain.happening import PER_ROW, EventType, Happening, Question, last_position, place_of
from domain.ids import Region, TenantId
from domain.ports.events import Subscription, SubscriptionState
from tools.store.config import Config
from tools.store.engine import Database, Tx


class SqlFeed:
    """Satisfies `domain.ports.events.Feed`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def since(
        self, tenant: TenantId, region: Region, position: int, *, limit: int
    ) -> Sequence[Happening]:
        """Rows that may give events after `position`."""
        asked = {"tenant": tenant, "region": region, "place": place_of(position), "limit": limit}
        return [_happening(row) for row in await self._database.read(lambda tx: tx.rows("feed_from", asked))]

    async def end(self, tenant: TenantId, region: Region) -> int:
        """The last position that there is now."""
        return await self._database.read(lambda tx: _end(tx, tenant, region))


class SqlSubscriptions:
    """Satisfies `domain.ports.events.Subscriptions`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

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
        name = f"sub_{self._config.new_id()}"
        values = {"tenant": tenant, "region": region, "subscription": name, "url": url}
        values |= {"types": " ".join(sorted(types))}

        def work(tx: Tx) -> Subscription:
            tx.run("insert_subscription", {**values, "position": position, "now": now})
            return _named(tx, tenant, name)

        return await self._database.write(work)

    async def all(self, tenant: TenantId) -> Sequence[Subscription]:
        """Every one."""
        return await self._database.read(lambda tx: _all(tx, tenant))

    async def take(self, tenant: TenantId, *, now: int, lease_us: int, limit: int) -> Sequence[Subscription]:
        """Take those that are due and that have something before them."""
        asked = {"tenant": tenant, "now": now, "per_row": PER_ROW, "limit": limit}
        due = await self._database.read(lambda tx: tx.rows("subscriptions_due", asked))
        if not due:
            return []
        names = [row.subscription_id for row in due]

        def work(tx: Tx) -> list[Subscription]:
            terms = {"tenant": tenant, "now": now, "until": now + lease_us}
            mine = {name for name in names if tx.run("take_subscription", {**terms, "subscription": name})}
            return [one for one in _all(tx, tenant) if one.subscription_id in mine]

        return await self._database.write(work)

    async def advance(self, taken: Subscription, position: int, *, arrived: bool, until: int) -> bool:
        """Everything up to `position` is settled."""
        values = {"position": position, "arrived": int(arrived), "until": until}
        return await self._change("advance_subscription", taken, **values)

    async def fail(
        self, taken: Subscription, reason: str, *, state: SubscriptionState, next_try: int, now: int
    ) -> None:
        """Note a failure and give it back."""
        values = {"reason": reason, "state": state.value, "next_try": next_try, "now": now}
        await self._change("fail_subscription", taken, **values)

    async def release(self, taken: Subscription, *, now: int) -> None:
        """Give it back."""
        await self._change("release_subscription", taken, now=now)

    async def restart(self, tenant: TenantId, subscription_id: str, position: int) -> Subscription:
        """Tell again of what comes after `position`."""
        return await self._set("restart_subscription", tenant, subscription_id, position=position)

    async def rotate(self, tenant: TenantId, subscription_id: str, *, now: int) -> Subscription:
        """Give it another secret."""
        return await self._set("rotate_subscription", tenant, subscription_id, now=now)

    async def end(self, tenant: TenantId, subscription_id: str, reason: str) -> Subscription:
        """End it for good."""
        return await self._set("end_subscription", tenant, subscription_id, reason=reason)

    async def _change(self, statement: str, taken: Subscription, **values: object) -> bool:
        """Change one that was taken, unless somebody else has it now."""
        mine = {"tenant": taken.tenant, "subscription": taken.subscription_id, "token": taken.token}
        return bool(await self._database.write(lambda tx: tx.run(statement, {**mine, **values})))

    async def _set(self, statement: str, tenant: TenantId, name: str, **values: object) -> Subscription:
        def work(tx: Tx) -> Subscription:
            if not tx.run(statement, {"tenant": tenant, "subscription": name, **values}):
                raise unknown_subscription()
            return _named(tx, tenant, name)

        return await self._database.write(work)


def _end(tx: Tx, tenant: str, region: str) -> int:
    place = tx.one("feed_end", {"tenant": tenant, "region": region}).place
    return 0 if place is None else last_position(place)


def _all(tx: Tx, tenant: TenantId) -> list[Subscription]:
    return [_subscription(tenant, row) for row in tx.rows("subscriptions", {"tenant": tenant})]


def _named(tx: Tx, tenant: TenantId, name: str) -> Subscription:
    return next(one for one in _all(tx, tenant) if one.subscription_id == name)


def unknown_subscription() -> BadInput:
    """What is said of a name that none has, or one that ended."""
    words = "there is no such subscription, or it has ended"
    return BadInput("subscription", words, "see leadgraph events list", code="unknown")


def _happening(row: Any) -> Happening:
    question = None
    if row.kind == "approval" and row.decision_id is not None:
        question = Question(
            lead=row.lead_id,
            decision=row.decision_id,
            proposal_hash=row.proposal_hash,
            people=row.people,
            asked_at=row.asked_at,
            expires_at=row.expires_at,
            edited_from=row.edited_from,
        )
    talk = (row.origin, row.told) if row.told is not None else None
    return Happening(row.place, row.ref, row.at, row.content, row.earlier, question, talk)


def _subscription(tenant: TenantId, row: Any) -> Subscription:
    return Subscription(
        subscription_id=row.subscription_id,
        tenant=tenant,
        region=Region(row.region),
        url=row.url,
        types=frozenset(EventType(name) for name in row.types.split()),
        state=SubscriptionState(row.state),
        position=row.position,
        made_at=row.made_at,
        reason=row.reason,
        generation=row.generation,
        rotated_at=row.rotated_at,
        tries=row.tries,
        failing_since=row.failing_since,
        next_try=row.next_try,
        token=row.token,
    )
