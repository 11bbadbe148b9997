"""Telling others what happened: each subscription gets its events in order, at least once, each under one id.

The cursor moves only after the receiver has said yes. Whoever dies in between leaves it where it was, and the same
event is sent again.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from domain.backoff import wait_us
from domain.errors import ConfigError, Temporary
from domain.happening import Event, body_of, events_of, last_position
from domain.ids import Region
from domain.instants import DAY, MINUTE, SECOND
from domain.ports.events import Answer, Events, Subscription, SubscriptionState
from domain.ports.home import Home
from surfaces.counts import Counts
from surfaces.serving import served
from surfaces.supervising import Crew, Part

AT_ONCE: Final = 32
"""Subscriptions that are served at the same time."""
ROWS: Final = 100
"""Rows of the feed that are read at a time, and told in one turn of a subscription."""
TURN: Final = 5 * SECOND
"""Longest turn of a subscription, but for the message in hand, while others may be waiting (microseconds)."""
LOOK_S: Final = 0.25
"""Rest between two looks at who is due."""
DEAD_AFTER: Final = 5 * DAY
"""A receiver that has answered nothing well for as long (microseconds) is told nothing more until a person says so."""


@dataclass(slots=True)
class Tally(Counts):
    """What was told."""

    delivered: int = 0
    failed: int = 0
    passed: int = 0
    """Stretches of the feed that a subscription has behind it."""
    ended: int = 0
    """Subscriptions that were paused or ended."""
    outages: int = 0
    """Passes that the store cut short."""

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.delivered or self.failed or self.passed)


def _unheard(_: Exception) -> None:
    return None


@dataclass(slots=True)
class Announcer:
    """One announcer over one home. A lease is renewed with each event, and longer than one may take.

    Subscriptions have turns, each in a task of its own, so that none waits for another's receiver.
    """

    home: Home
    lease_us: int = MINUTE
    defect: Callable[[Exception], None] = _unheard
    """Hears of an error of ours that cut a turn short; its subscription is told again later."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    events: Events = field(init=False)
    _turns: set[asyncio.Task[Tally]] = field(default_factory=set)
    """Those under way."""

    def __post_init__(self) -> None:
        """Raises: ConfigError if the home tells nothing."""
        self.events = events_in(self.home)

    async def serve(self, stop: asyncio.Event) -> Tally:
        """Tell until `stop` is set; the messages in hand are finished."""
        self.stop = stop
        try:
            total = await served(self.one_pass, stop, Tally(), idle_s=LOOK_S)
            while self._turns:
                total.add(await self._ended())
        finally:
            await self._cut_short()
        return total

    async def drain(self) -> Tally:
        """Tell until nothing is due."""
        total = Tally()
        try:
            while True:
                done = await self.one_pass()
                total.add(done)
                if not done.busy and not self._turns:
                    return total
        finally:
            await self._cut_short()

    async def one_pass(self) -> Tally:
        """Begin turns of those that are due, as far as there is room; what was told in turns that have ended.

        Raises: Temporary if the store cannot be used; turns under way go on.
        """
        home, room = self.home, AT_ONCE - len(self._turns)
        if room:
            taken = await self.events.subscriptions.take(
                home.tenant, now=home.clock.now(), lease_us=self.lease_us, limit=room
            )
            self._turns |= {asyncio.create_task(self._turn(subscription)) for subscription in taken}
        return await self._ended()

    async def _ended(self) -> Tally:
        """What was told in turns that have ended; the first of them is waited for, though not for long."""
        tally = Tally()
        if self._turns:
            ended, self._turns = await asyncio.wait(
                self._turns, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
            for turn in ended:
                tally.add(turn.result())
        return tally

    async def _cut_short(self) -> None:
        """After an error: what was not noted by turns under way is sent again when their leases are over."""
        for turn in self._turns:
            turn.cancel()
        await asyncio.gather(*self._turns, return_exceptions=True)
        self._turns = set()

    async def _turn(self, subscription: Subscription) -> Tally:
        tally = Tally()
        with suppress(Temporary):  # the store is away: the lease ends, and what was not noted is sent again
            await self._kept(subscription, tally)
        return tally

    async def _kept(self, subscription: Subscription, tally: Tally) -> None:
        """One turn. A defect is a failure of this subscription and holds up no other. Raises: Temporary."""
        try:
            if await self._told(subscription, tally):
                await self.events.subscriptions.release(subscription, now=self.home.clock.now())
        except Temporary:
            raise
        except Exception as error:  # noqa: BLE001 - an event that cannot be made stops who is told of it, and is heard of
            self.defect(error)
            await self._failed(subscription, Answer("defect"), tally)

    async def _told(self, subscription: Subscription, tally: Tally) -> bool:
        """Tell what there is now, at most `ROWS`. True if it is to be given back; False if it is not ours any more."""
        position = subscription.position
        rows = await self.events.feed.since(subscription.tenant, subscription.region, position, limit=ROWS)
        until = self.home.clock.now() + TURN
        for event in (event for row in rows for event in events_of(row)):
            if event.position <= position or event.type not in subscription.types:
                continue
            if self.stop.is_set() or self.home.clock.now() >= until:
                return True
            if not await self._delivered(subscription, event, tally):
                return False
        if not rows:
            return True
        tally.passed += 1
        return await self._settled(subscription, last_position(rows[-1].place), arrived=False)

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


def told_beside(home: Home, crew: Crew) -> Mapping[str, Part]:
    """The part of a server that tells; none where the home tells nothing."""
    if home.events is None:
        return {}
    return {"events": Announcer(home, defect=partial(crew.note, "events")).serve}


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
