"""Telling others what happened: each subscription gets its events in order, at least once, each under one id.

The cursor moves only after the receiver has said yes. Whoever dies in between leaves it where it was, and the same
event is sent again.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from domain.backoff import wait_us
from domain.errors import ConfigError, Temporary
from domain.happening import Event, body_of, events_of, last_position
from domain.ids import Region
from domain.instants import DAY, MINUTE
from domain.ports.events import Answer, Events, Subscription, SubscriptionState
from domain.ports.home import Home
from surfaces.counts import Counts
from surfaces.serving import served

AT_ONCE: Final = 16
"""Subscriptions that are served at the same time."""
ROWS: Final = 100
"""Rows of the feed that are read at a time."""
DEAD_AFTER: Final = 5 * DAY
"""A receiver that has answered nothing well for as long (microseconds) is told nothing more until a person says so."""


@dataclass(slots=True)
class Tally(Counts):
    """What was told."""

    delivered: int = 0
    failed: int = 0
    passed: int = 0
    """Stretches of the feed in which a subscription had nothing."""
    ended: int = 0
    """Subscriptions that were paused or ended."""
    outages: int = 0
    """Passes that the store cut short."""

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.delivered or self.failed or self.passed)


@dataclass(slots=True)
class Announcer:
    """One announcer over one home. A lease is renewed with each event, and longer than one may take."""

    home: Home
    lease_us: int = MINUTE
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    events: Events = field(init=False)

    def __post_init__(self) -> None:
        """Raises: ConfigError if the home tells nothing."""
        self.events = events_in(self.home)

    async def serve(self, stop: asyncio.Event, *, idle_s: float = 0.5) -> Tally:
        """Tell until `stop` is set; the event in hand is finished."""
        self.stop = stop
        return await served(self.one_pass, stop, Tally(), idle_s=idle_s)

    async def drain(self) -> Tally:
        """Tell until nothing is due."""
        total = Tally()
        while True:
            done = await self.one_pass()
            total.add(done)
            if not done.busy:
                return total

    async def one_pass(self) -> Tally:
        """Serve every subscription that is due, until it has all or its receiver fails."""
        home, tally = self.home, Tally()
        taken = await self.events.subscriptions.take(
            home.tenant, now=home.clock.now(), lease_us=self.lease_us, limit=AT_ONCE
        )
        await asyncio.gather(*(self._one(subscription, tally) for subscription in taken))
        return tally

    async def _one(self, subscription: Subscription, tally: Tally) -> None:
        try:
            if await self._told(subscription, tally):
                await self.events.subscriptions.release(subscription)
        except Temporary:
            return  # the store is away: the lease ends, and what was not noted is sent again

    async def _told(self, subscription: Subscription, tally: Tally) -> bool:
        """Tell what there is now. True if it is to be given back; False if it is not ours any more."""
        position = subscription.position
        while not self.stop.is_set():
            rows = await self.events.feed.since(
                subscription.tenant, subscription.region, position, limit=ROWS
            )
            if not rows:
                return True
            for event in (event for row in rows for event in events_of(row)):
                if event.position <= position or event.type not in subscription.types:
                    continue
                if self.stop.is_set():
                    return True
                if not await self._delivered(subscription, event, tally):
                    return False
            position = last_position(rows[-1].place)
            if not await self._settled(subscription, position, arrived=False):
                return False
            tally.passed += 1
        return True

    async def _delivered(self, subscription: Subscription, event: Event, tally: Tally) -> bool:
        document = event.document(subscription.tenant, subscription.region)
        answer = await self.events.callbacks.post(subscription, event.id, body_of(document))
        if answer.code != "ok":
            await self._failed(subscription, answer, tally)
            return False
        tally.delivered += 1
        return await self._settled(subscription, event.position, arrived=True)

    async def _settled(self, subscription: Subscription, position: int, *, arrived: bool) -> bool:
        until = self.home.clock.now() + self.lease_us
        return await self.events.subscriptions.advance(subscription, position, arrived=arrived, until=until)

    async def _failed(self, subscription: Subscription, answer: Answer, tally: Tally) -> None:
        now, subscriptions = self.home.clock.now(), self.events.subscriptions
        tally.failed += 1
        current = await _present(self.events, subscription)
        tries = current.tries + 1 if current else 1
        since = current.failing_since if current and current.failing_since is not None else now
        state = SubscriptionState.ON
        if answer.code == "gone":
            state = SubscriptionState.ENDED
        elif now - since >= DEAD_AFTER:
            state = SubscriptionState.PAUSED
        tally.ended += state is not SubscriptionState.ON
        wait = wait_us(tries, subscription.subscription_id, retry_after_s=answer.retry_after_s)
        await subscriptions.fail(subscription, answer.code, state=state, next_try=now + wait, now=now)


async def _present(events: Events, subscription: Subscription) -> Subscription | None:
    """The subscription as it stands now: what arrived since it was taken ended an earlier failure."""
    found = await events.subscriptions.all(subscription.tenant)
    return next((one for one in found if one.subscription_id == subscription.subscription_id), None)


async def announced(home: Home) -> Tally:
    """Tell what is due now, and end: whoever does not answer is told later. Nothing, where the home tells nothing."""
    return await Announcer(home).drain() if home.events is not None else Tally()


def events_in(home: Home) -> Events:
    """What the home tells. Raises: ConfigError if it was opened without."""
    if home.events is None:
        raise ConfigError("this home tells nothing: it was opened without outgoing events")
    return home.events


@dataclass(frozen=True, slots=True)
class Page:
    """Events after a position, in order; `after` is where the next page begins."""

    events: tuple[Event, ...]
    after: int
    more: bool
    """There is something after it, if only of other types."""


async def page(home: Home, region: Region, after: int, *, types: frozenset[str], limit: int) -> Page:
    """At most `limit` events after a position, of `types`, out of at most `ROWS` rows of the feed."""
    rows = await events_in(home).feed.since(home.tenant, region, after, limit=ROWS)
    found = [event for row in rows for event in events_of(row) if event.position > after]
    wanted = [event for event in found if event.type in types]
    if len(wanted) > limit:
        return Page(tuple(wanted[:limit]), wanted[limit - 1].position, more=True)
    end = last_position(rows[-1].place) if rows else after
    return Page(tuple(wanted), max(after, end), more=len(rows) == ROWS)
