"""Catching up with vendors: records that said too little are read back, and what was never sent is asked for.

What a vendor tells is a new signal, through the same door. A run waits for its lead's records for a bounded time.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeVar

from domain.audit import AuditEntry
from domain.errors import Backpressure, BadInput, Refused, Temporary, Throttled
from domain.instants import DAY, MINUTE, SECOND
from domain.ports.home import Home
from domain.ports.receivers import Reading
from domain.ports.sources import RawItem
from domain.ports.upstream import Page, Place, Poller, Reader, Record, Stream, Told, Unread, Upstream
from domain.ports.work import Claimed
from domain.signal import LeadKey
from surfaces.counts import Counts
from surfaces.door import LIMIT, take
from surfaces.news import News, Refusals
from surfaces.read_counts import count
from surfaces.serving import served
from surfaces.supervising import Part
from surfaces.webhooks.repeated import without_repeated

T = TypeVar("T")
LEASE: Final = 2 * MINUTE
"""How long records, or the place of a poller, are held: longer than a vendor may take to answer."""
HOLD: Final = 3 * MINUTE
"""The same for the place of a stream, whose page may take two minutes to come; each page holds it anew."""
PAGES: Final = 50
"""Pages of one poller in a turn: then it is others' turn."""
FIRST: Final = DAY
"""How far back a poller begins."""
IDLE_S: Final = 0.2
LISTEN_S: Final = 1.0
"""Rest before the place of a stream that somebody else holds is asked for again."""
PAUSES: Final = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE)
"""How long a vendor that did not answer is left alone, by how often in a row it did not."""
WAITING: Final = "unread"
"""Code under which a lead is given back that waits for a record."""


@dataclass(slots=True)
class Caught(Counts):
    """What was caught up with."""

    records: int = 0
    """Records that were read."""
    pages: int = 0
    """Pages that pollers read."""
    items: int = 0
    """Signals that came of it and were new."""
    flagged: int = 0
    """Pages that were not the next ones: an expired position, an overflow, an event that cannot be read."""
    failed: int = 0
    """Times that a vendor could not be asked."""
    outages: int = 0

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.records or self.pages)


async def noted(home: Home, records: Sequence[Record]) -> None:
    """Put records on the list of what is to be read, as far as their vendors are read at all. Raises: Temporary."""
    upstream = home.upstream
    wanted = [one for one in records if upstream is not None and one.vendor in upstream.readers]
    if upstream is not None and wanted:
        for vendor in sorted({one.vendor for one in wanted}):
            some, wait_us = [one for one in wanted if one.vendor == vendor], upstream.wait_us
            listed = await upstream.todos.note(
                home.tenant, home.region, some, wait_us=wait_us, now=home.clock.now()
            )
            count(vendor, "cached", len(some) - listed)


async def settled(home: Home, claimed: Sequence[Claimed]) -> list[Claimed]:
    """The leads that can be run now; those that still wait for a record are given back until then.

    One that has waited long enough is run without, and says so. Raises: Temporary.
    """
    upstream = home.upstream
    if upstream is None or not upstream.readers:
        return list(claimed)
    now = home.clock.now()
    keys = {one.claim.lead_id: _keys(one) for one in claimed}
    unread = await upstream.todos.unread(home.tenant, [key for some in keys.values() for key in some])
    by_key: dict[LeadKey, list[Unread]] = {}
    for one in unread:
        by_key.setdefault(one.key, []).append(one)
    ready, passed = [], list[LeadKey]()
    for lead in claimed:
        left = [one for key in keys[lead.claim.lead_id] for one in by_key.get(key, ())]
        until = max((one.wait_until for one in left), default=0)
        if until > now:
            await home.work.fail(lead.claim, code=WAITING, counts=False, retry_at=until, now=now)
            _count_leads(left, "waited")
            continue
        passed += [one.key for one in left]
        _count_leads(left, "without")
        vendors = tuple(sorted({one.vendor for one in left}))
        ready.append(replace(lead, given=replace(lead.given, unread=vendors)) if left else lead)
    if passed:
        await upstream.todos.passed(home.tenant, passed)
    return ready


def _count_leads(unread: Sequence[Unread], what: str) -> None:
    for vendor in {one.vendor for one in unread}:
        count(vendor, what)


def _keys(one: Claimed) -> list[LeadKey]:
    return sorted({key for signal in one.given.new for key in signal.keys})


@dataclass(slots=True)
class CatchingUp:
    """Asks vendors, turn by turn. One process at a time reads a record or holds the place of a poller."""

    home: Home
    _again_at: dict[str, int] = field(default_factory=dict)
    """By vendor: not before this Instant."""
    _row: dict[str, int] = field(default_factory=dict)
    """By vendor: how often in a row it could not be asked."""
    _refusals: Refusals = field(default_factory=Refusals)

    async def turn(self) -> Caught:
        """A batch of records of each vendor, and the pollers that are due.

        A vendor in trouble is waited out, and says nothing of the others. Raises: Temporary if the store cannot be
        used.
        """
        caught, upstream = Caught(), self.home.upstream
        if upstream is None or not (upstream.readers or upstream.pollers):
            return caught
        now = self.home.clock.now()
        due = await upstream.todos.due(self.home.tenant, now=now) if upstream.readers else ()
        for vendor in due:
            reader = upstream.readers.get(vendor)
            if reader is not None and self._again_at.get(vendor, 0) <= now:
                await self.records(reader, caught)
        for poller in upstream.pollers:
            if self._again_at.get(poller.vendor, 0) <= now:
                await self.poll(poller, caught)
        return caught

    def parts(self, total: Caught) -> Mapping[str, Part]:
        """Turn after turn, and each stream that nobody else listens to; what they do is summed into `total`."""
        streams = self.home.upstream.streams if self.home.upstream is not None else ()
        turns = partial(served, self.turn, total=total, idle_s=IDLE_S)
        return {
            "vendors": turns,
            **{f"stream:{one.name}": partial(self._hear, one, total) for one in streams},
        }

    async def _hear(self, stream: Stream, total: Caught, stop: asyncio.Event) -> None:
        async def listen() -> Caught:
            caught = Caught()
            await self.follow(stream, caught, stop)
            return caught

        await served(listen, stop, total, idle_s=LISTEN_S)

    async def follow(
        self,
        stream: Stream,
        caught: Caught,
        stop: asyncio.Event | None = None,
        *,
        since: int | None = None,
        asked: bool = False,
    ) -> bool:
        """Listen until `stop` is set, or without it until nothing more comes; False if somebody else listens.

        A position is kept only when what lies before it is on disk: who dies in between hears it twice.
        """
        held = await self._held(stream.name, lease_us=HOLD, asked=asked)
        if held is None:
            return False
        (upstream, place), home = held, self.home
        try:
            await self._listen(upstream, stream, place, caught, stop=stop, since=since)
        except (Temporary, Refused, BadInput, Backpressure) as error:
            until, code = self._failed(stream.name, error, caught), code_of(error)
            now = home.clock.now()
            await upstream.positions.put_off(home.tenant, place, code=code, now=now, due_at=until)
        finally:
            await stream.close()
        return True

    async def _listen(
        self,
        upstream: Upstream,
        stream: Stream,
        place: Place,
        caught: Caught,
        *,
        stop: asyncio.Event | None,
        since: int | None,
    ) -> None:
        home = self.home
        position, code, held = stream.start(place.position, since=since, now=home.clock.now()), "ok", True
        while held:
            asking = stream.page(position, now=home.clock.now(), wait=stop is not None)
            page = await asking if stop is None else await unless(stop, asking)
            if page is None:
                now = home.clock.now()
                await upstream.positions.put_off(home.tenant, place, code=code, now=now, due_at=now)
                return
            await self._kept(stream, page, caught)
            self._row.pop(stream.name, None)
            position, code = page.position, page.code
            held = await self._moved(upstream, place, page, more=page.more, hold_us=HOLD)
            held = held and page.more

    async def records(self, reader: Reader, caught: Caught) -> None:
        """One batch of records that are due at a vendor."""
        home, begun, upstream = self.home, self.home.clock.now(), self.home.upstream
        if upstream is None:
            return
        todos = await upstream.todos.take(
            home.tenant, reader.vendor, limit=reader.most, now=begun, lease_us=LEASE
        )
        if not todos:
            return
        count(reader.vendor, "asked", len(todos))
        try:
            told = await self._read(reader, [one.record for one in todos])
            caught.items += await self._taken([item for one in told.values() for item in one.items])
        except (Temporary, Backpressure) as error:
            count(reader.vendor, "failed", len(todos))
            until = self._failed(reader.vendor, error, caught)
            await upstream.todos.put_off(home.tenant, todos, until=until, code=code_of(error))
            return
        self._row.pop(reader.vendor, None)
        done = {one: told[one.record].code for one in todos if one.record in told}
        await upstream.todos.settle(home.tenant, done, read_at=begun, now=home.clock.now())
        caught.records += len(done)
        count(reader.vendor, "answered", len(done))
        count(reader.vendor, "failed", len(todos) - len(done))

    async def _read(self, reader: Reader, records: Sequence[Record]) -> Mapping[Record, Told]:
        """What is told of each; where a vendor refuses several at once, they are asked for one by one."""
        try:
            return await reader.read(records, now=self.home.clock.now())
        except (Refused, BadInput) as error:
            if len(records) == 1:
                return {records[0]: Told(code=error.code)}
        found: dict[Record, Told] = {}
        for one in records:
            found |= await self._read(reader, [one])
        return found

    async def poll(
        self, poller: Poller, caught: Caught, *, since: int | None = None, asked: bool = False
    ) -> bool:
        """All that is new since its position, or since `since`; False if it is not due or somebody else holds it.

        A position is kept only when what lies before it is on disk: who dies in between reads a page twice.
        """
        held = await self._held(poller.name, lease_us=LEASE, asked=asked)
        if held is None:
            return False
        (upstream, place), home = held, self.home
        position = place.position
        if since is not None or position is None:
            position = poller.beginning(home.clock.now() - FIRST if since is None else since)
        for left in reversed(range(PAGES)):
            try:
                page = await poller.page(position, now=home.clock.now())
                await self._kept(poller, page, caught)
            except (Temporary, Refused, BadInput, Backpressure) as error:
                until = self._failed(poller.vendor, error, caught)
                await upstream.positions.put_off(
                    home.tenant, place, code=code_of(error), now=home.clock.now(), due_at=until
                )
                return True
            self._row.pop(poller.vendor, None)
            more = page.more and left > 0
            if not await self._moved(upstream, place, page, more=more) or not more:
                return True
            position = page.position
        return True

    async def _held(self, name: str, *, lease_us: int, asked: bool) -> tuple[Upstream, Place] | None:
        """A position, held for so long; None if it is not due or somebody else holds it."""
        upstream, home = self.home.upstream, self.home
        if upstream is None:
            return None
        place = await upstream.positions.take(
            home.tenant, home.region, name, now=home.clock.now(), lease_us=lease_us, asked=asked
        )
        return None if place is None else (upstream, place)

    async def _kept(self, poller: Poller | Stream, page: Page, caught: Caught) -> None:
        """On disk when this returns."""
        await noted(self.home, page.records)
        told = await without_repeated(self.home, Reading(page.items, standing=page.standing))
        caught.items += await self._taken(told.items, news=not page.events)
        caught.pages += 1
        if page.code not in ("ok", "behind"):
            caught.flagged += 1
            now, home = self.home.clock.now(), self.home
            row = AuditEntry(
                tenant=home.tenant, region=home.region, step="sync", code=f"position_{page.code}", at=now,
                detail={"poller": poller.name},
            )  # fmt: skip
            await home.audit.append([row])

    async def _moved(
        self, upstream: Upstream, place: Place, page: Page, *, more: bool, hold_us: int = LEASE
    ) -> bool:
        now = self.home.clock.now()
        # Where pages are left after this turn, the next one goes on at once.
        due_at = None if more else now if page.more else now + upstream.every_us
        return await upstream.positions.move(
            self.home.tenant, place, page.position, code=page.code, now=now, due_at=due_at, hold_us=hold_us
        )

    async def _taken(self, items: Sequence[RawItem], *, news: bool = True) -> int:
        """Through the door, with `news` only those that say something new; how many were."""
        fresh = await News(self.home, self._refusals).of(items) if news else items
        accepted = 0
        for start in range(0, len(fresh), LIMIT):
            batch = list(enumerate(fresh[start : start + LIMIT], start))
            taken = await take(self.home, batch)
            accepted += taken.accepted
            self._refusals.add(fresh[place] for place, _ in taken.quarantined)
        return accepted

    def _failed(self, vendor: str, error: Exception, caught: Caught) -> int:
        """Until when the vendor, or a stream, is left alone: as long as it asks for, or longer from time to time."""
        caught.failed += 1
        row = self._row[vendor] = self._row.get(vendor, 0) + 1
        wait = PAUSES[min(row, len(PAUSES)) - 1]
        if isinstance(error, Throttled | Backpressure):
            wait = round(error.retry_after_s * SECOND) or wait
        until = self._again_at[vendor] = self.home.clock.now() + wait
        return until


async def unless(stop: asyncio.Event, asking: Awaitable[T]) -> T | None:
    """What `asking` gives; None, and it is called off, if `stop` is set before."""
    stopped, asked = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(asking)
    try:
        await asyncio.wait({stopped, asked}, return_when=asyncio.FIRST_COMPLETED)
        return await asked if asked.done() else None
    finally:
        for one in (stopped, asked):
            one.cancel()
        await asyncio.gather(stopped, asked, return_exceptions=True)


def code_of(error: Exception) -> str:
    """A stable word for what kept us from asking."""
    code = getattr(error, "code", None)
    if isinstance(code, str):
        return code
    return "busy" if isinstance(error, Backpressure) else "temporary"


async def sync(home: Home, vendor: str, *, since: int | None = None) -> Mapping[str, int]:
    """Ask `vendor` now, by all its pollers and streams, and read what is to be read; the figures of it.

    `skipped` are pollers and streams that another process holds.
    """
    catching, caught, skipped = CatchingUp(home), Caught(), 0
    upstream = home.upstream
    for poller in upstream.pollers if upstream is not None else ():
        if poller.vendor == vendor:
            skipped += not await catching.poll(poller, caught, since=since, asked=True)
    for stream in upstream.streams if upstream is not None else ():
        if stream.vendor == vendor:
            skipped += not await catching.follow(stream, caught, since=since, asked=True)
    reader = upstream.readers.get(vendor) if upstream is not None else None
    while reader is not None and not caught.failed:
        before = caught.records
        await catching.records(reader, caught)
        if caught.records == before:
            break
    return {**caught.document(), "skipped": skipped}
