"""Salesforce's change events and platform events, listened to from the last replay id that is on disk.

A position holds the replay id, when something was last heard, the organisation, and what still has to be asked for by
queries: what was changed while nobody listened for longer than Salesforce keeps events, or more than it tells one by
one. That debt is part of the position, so it outlives whoever took it on.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson

from domain.errors import BadInput, Refused, Temporary, Throttled
from domain.instants import HOUR, MINUTE, SECOND, instant
from domain.ports.receivers import Delivery
from domain.ports.sources import RawItem
from domain.ports.upstream import Page, Poller, Record
from tools.login import Login
from tools.records.salesforce_session import Anew, Expired, Session
from tools.said import Said, listed, table, word
from tools.sources import salesforce as told
from tools.vendor import Api

EARLIEST: Final = -2
"""All events that Salesforce still has. -1, only new ones, is never asked for: it would leave a hole."""
KEPT: Final = 72 * HOUR
"""How long Salesforce keeps events for certain."""
BACK: Final = 15 * MINUTE
"""How much farther back than the last event a query goes: a transaction may show a change that late."""
QUIET_S: Final = 5.0
"""Silence after which a channel counts as read to its end: Salesforce does not say."""
PATIENT_S: Final = 5.0
"""A wait for our own guards that is waited out in between."""
ENTITIES: Final[Mapping[str, str]] = {"/data/LeadChangeEvent": "Lead", "/data/ContactChangeEvent": "Contact"}
"""Channels of one sort of record; others may tell of any."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a channel has been read."""

    replay: int
    heard: int
    """When the last event happened, or, without any, when we began to listen (Instant)."""
    org: str = ""
    owed: Mapping[str, str] = field(default_factory=dict)
    """Sort of record -> position of the query that still has to be made."""
    until: int = 0
    """Events up to this Instant come first: what they tell is no news to the query."""

    def text(self) -> str:
        """As it is kept."""
        return orjson.dumps([self.replay, self.heard, self.org, dict(self.owed), self.until]).decode()


def position_of(text: str) -> Position:
    """As it was kept. Raises: Temporary for a position that we did not write."""
    try:
        replay, heard, org, owed, until = listed(orjson.loads(text))
        replay, heard, until = int(replay), int(heard), int(until)
    except (ValueError, TypeError):
        raise Temporary("salesforce: the position of a stream cannot be read; give --since") from None
    return Position(replay, heard, str(org), {str(k): str(v) for k, v in table(owed).items()}, until)


@dataclass(slots=True)
class SalesforceStream:
    """Satisfies `domain.ports.upstream.Stream` for one channel, such as ``/data/LeadChangeEvent``."""

    api: Api
    login: Login
    channel: str
    queries: Mapping[str, Poller]
    """Sort of record -> what asks for its changes since a time."""
    actors: frozenset[str] = frozenset()
    """Ids of our own users."""
    accounts: frozenset[str] = frozenset()
    """Organisations that may be listened to; empty: any."""
    written: frozenset[str] = frozenset()
    """Fields of a Lead that we write."""
    quiet_s: float = QUIET_S
    vendor: str = told.NAME
    _session: Session | None = None
    _read: bool = False
    """Whether the channel has been read to its end, as far as can be told."""
    _started: int = 0
    """When `start` was called (Instant): whoever does not wait reads no farther than to what happened since."""

    @property
    def name(self) -> str:
        """One for each channel."""
        return f"{told.NAME}.stream{self.channel}"

    def start(self, position: str | None, *, since: int | None, now: int) -> str:
        """From the last replay id on; without one from the earliest event that there is."""
        self._read, self._started = False, now
        try:
            place = Position(EARLIEST, now) if position is None else position_of(position)
        except Temporary:
            if since is None:
                raise
            place = Position(EARLIEST, now)
        return (place if since is None else self._owing(place, since, now)).text()

    async def page(self, position: str, *, now: int, wait: bool) -> Page:
        """Events, or where they have been read, a page of what is owed."""
        place = position_of(position)
        if place.owed and self._read:
            return await self._asked_for(place, now)
        if self._session is None and place.replay == EARLIEST and now - place.heard > KEPT:
            return self._expired(place, now)
        asked_at = time.monotonic()
        try:
            events = await self._events(place, wait=wait)
        except Expired:
            await self.close()
            another = place.org and self.login.org not in ("", place.org)
            if place.replay == EARLIEST and not another:
                raise  # there is nothing farther back to begin at
            return self._expired(place, now)
        place = place if self.login.org in ("", place.org) else replace(place, org=self.login.org)
        if not events:
            self._read = True
            return Page(place.text(), more=wait or bool(place.owed), code=_code(place))
        # A question may be held for minutes: what came is younger than `now`, and so is what is to be read back.
        heard_at = now + round((time.monotonic() - asked_at) * SECOND)
        return self._page(place, events, heard_at, wait=wait)

    async def close(self) -> None:
        """Let the session go."""
        session, self._session = self._session, None
        if session is not None and session.client:
            await session.goodbye()

    async def _events(self, place: Position, *, wait: bool) -> Sequence[Mapping[str, Any]]:
        """The next ones. A session that is gone is made anew once, from the position. Raises: Expired, Temporary."""
        try:
            return await self._heard(place, wait=wait)
        except Anew:
            self._session = None
            return await self._heard(place, wait=wait)

    async def _heard(self, place: Position, *, wait: bool) -> Sequence[Mapping[str, Any]]:
        if self._session is not None and self._session.lost:
            await self.close()
        session = self._session or await self._begun(place)
        if wait:
            return await session.events()
        if not session.begun and (events := await session.question()):
            return events
        try:
            async with asyncio.timeout(self.quiet_s):
                while not (events := await session.events()):
                    pass
                return events
        except TimeoutError:
            return ()

    async def _begun(self, place: Position) -> Session:
        """A session that listens. Raises: Expired where the position is another organisation's; Refused."""
        session = Session(self.api, self.channel)
        await session.handshake()
        self._session = session
        org = self.login.org
        if self.accounts and not any(org[:15] == one[:15] for one in self.accounts):
            raise Refused(
                "salesforce: our login is of an organisation that webhook_accounts does not name", "account"
            )
        if org and place.org and org != place.org:
            raise Expired("salesforce: the position is another organisation's")
        await session.subscribe(place.replay)
        return session

    def _page(
        self, place: Position, events: Sequence[Mapping[str, Any]], now: int, *, wait: bool = True
    ) -> Page:
        items: list[RawItem] = []
        records: list[Record] = []
        unread, replay, at = 0, place.replay, place.heard
        missed: dict[str, int] = {}
        standing: dict[int, str] = {}
        ours = {"actors": self.actors | ({self.login.user} - {""}), "written": self.written}
        for event in events:
            data = table(event["data"])
            replay, at = _replay(data, replay), min(_when(data) or at, now)
            for entity, since in _unnamed(data, now):
                missed[entity] = min(since, missed.get(entity, since))
            try:
                reading = told.read(Delivery({}, orjson.dumps(event)), now=now, **ours)
            except (BadInput, orjson.JSONEncodeError):
                unread += 1
                records += _named(data, now)
                continue
            standing |= {len(items) + place: reason for place, reason in reading.standing.items()}
            items += reading.items
            records += reading.records
        self._read = self._read or at >= place.until
        after = replace(place, replay=replay, heard=at)
        for entity, since in missed.items():
            after = self._owing(after, since, now, only=entity)
        code = "overflow" if missed else "unreadable" if unread else _code(after)
        more = wait or bool(after.owed) or at <= self._started
        page = Page(after.text(), tuple(items), tuple(records), more=more, code=code, events=True)
        return replace(page, standing=standing)

    def _expired(self, place: Position, now: int) -> Page:
        """Everything that there still is, and a query for what was changed since we last heard anything."""
        org = self.login.org or place.org
        after = self._owing(replace(place, replay=EARLIEST, org=org), place.heard, now)
        return Page(replace(after, heard=now).text(), more=True, code="expired")

    def _owing(self, place: Position, since: int, now: int, *, only: str | None = None) -> Position:
        """`place` with a query from `since` on; one that was owed from farther back stays."""
        owed, one = dict(place.owed), only or ENTITIES.get(self.channel)
        for entity in [one] if one else self.queries:
            if entity in self.queries:
                wanted = self.queries[entity].beginning(max(since - BACK, 0))
                owed[entity] = min(owed.get(entity, wanted), wanted)
        self._read = False
        return replace(place, owed=owed, until=now)

    async def _asked_for(self, place: Position, now: int) -> Page:
        """One page of the first query that is owed."""
        entity = min(place.owed)
        try:
            found = await self.queries[entity].page(place.owed[entity], now=now)
        except Throttled as busy:
            if busy.code != "own_rate" or busy.retry_after_s > PATIENT_S:
                raise
            await asyncio.sleep(busy.retry_after_s)
            return Page(place.text(), more=True, code=_code(place))
        rest = {name: where for name, where in place.owed.items() if name != entity}
        after = replace(place, owed=rest | ({entity: found.position} if found.more else {}))
        return Page(after.text(), found.items, more=True, code=_code(after))


def _code(place: Position) -> str:
    return "behind" if place.owed else "ok"


def _replay(data: Mapping[str, Any], last: int) -> int:
    """Replay ids are no numbers to reckon with: the last one that came is the one to go on from."""
    found = table(data.get("event")).get("replayId")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**63 else last


def _when(data: Mapping[str, Any]) -> int | None:
    """When the transaction of a change event ended, or a platform event was made (Instant)."""
    payload = table(data.get("payload"))
    at = table(payload.get("ChangeEventHeader")).get("commitTimestamp")
    if isinstance(at, int) and not isinstance(at, bool) and 0 <= at < 10**15:
        return at * 1_000
    try:
        return instant(datetime.fromisoformat(word(payload.get("CreatedDate")) or ""))
    except (ValueError, OverflowError):
        return None


def _named(data: Mapping[str, Any], now: int) -> Sequence[Record]:
    """The records that an event names which cannot be read itself: they are read back."""
    head = table(table(data.get("payload")).get("ChangeEventHeader"))
    said, entity = Said(told.NAME, now), word(head.get("entityName")) or ""
    for ref in listed(head.get("recordIds")) or [head.get("recordId")]:
        if entity in told.PEOPLE and not told.unnamed(ref):
            said.read_back(entity, ref, head.get("commitTimestamp"))
    return said.records


def _unnamed(data: Mapping[str, Any], now: int) -> Sequence[tuple[str, int]]:
    """(sort of record, since) where an event says that records changed, and not which."""
    head = table(table(data.get("payload")).get("ChangeEventHeader"))
    entity = word(head.get("entityName")) or ""
    names = listed(head.get("recordIds")) or [head.get("recordId")]
    many = head.get("changeType") == "GAP_OVERFLOW" or any(told.unnamed(one) for one in names)
    return [(entity, _when(data) or now)] if many and entity in told.PEOPLE else []
