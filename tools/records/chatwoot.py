"""Chatwoot read: a conversation with its messages, and which conversations had something new.

A message reads as its webhook would have told it, with the same id: what came and what is read count once. Who writes
is told as well: an address that has become known since the messages were told is news of the contact, not of them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from domain.errors import Refused, Temporary
from domain.instants import MINUTE, SECOND
from domain.ports.receivers import Delivery
from domain.ports.sources import RawItem
from domain.ports.upstream import Page, Record, Told
from domain.signal import KeyKind
from tools.said import listed, number, table, word
from tools.sources import chatwoot as told
from tools.vendor import Api, Call

OVERLAP: Final = 5 * MINUTE
"""How far behind the newest activity the list is read again."""
PAGES: Final = 10
"""Pages of messages of one conversation; what lies before them is not read."""
MOST_PAGES: Final = 2_000
"""Pages of the list of conversations."""
_ID: Final = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class ChatwootReader:
    """Satisfies `domain.ports.upstream.Reader`. `actors` are ids of our own users and bots."""

    api: Api
    account: int
    actors: frozenset[str] = frozenset()
    vendor: str = told.NAME
    most: int = 10

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """Two requests for a conversation, and one for each further page of messages."""
        return {
            one: await self._talk(one, now)
            if one.object == "conversation" and _ID.fullmatch(one.ref)
            else Told(code="unknown")
            for one in records
        }

    async def _talk(self, record: Record, now: int) -> Told:
        path = f"/api/v1/accounts/{self.account}/conversations/{record.ref}"
        try:
            talk = await self.api.read(Call("GET", path), absent=True)
        except Refused as error:
            return Told(code=error.code)
        if talk is None:
            return Told(code="gone")
        conversation = table(talk)
        back_to = (record.since if record.back_to is None else record.back_to) - OVERLAP
        messages = await self._messages(path, back_to // SECOND)
        items: list[RawItem] = []
        for event in ("conversation_created", "conversation_status_changed"):
            items += self._said({**conversation, "event": event}, now)
        for message in messages:
            sent = {**message, "event": "message_created", "conversation": conversation}
            items += self._said(sent, now)
        person = table(table(conversation.get("meta")).get("sender"))
        if person.get("email") or person.get("phone_number"):
            items += self._said({**person, "event": "contact_updated"}, now)
        return Told(tuple(items))

    async def _messages(self, path: str, back_to_s: int) -> list[Mapping[str, Any]]:
        """Newest first by pages, back to a time; each page in the order of its ids."""
        found: dict[int, Mapping[str, Any]] = {}
        query = ""
        for _ in range(PAGES):
            answer = await self.api.read(Call("GET", f"{path}/messages{query}"))
            rows = table(answer).get("payload")
            if not isinstance(rows, list):
                raise Temporary("chatwoot: the answer holds no messages")
            page = {ref: table(row) for row in rows if (ref := number(table(row).get("id"))) is not None}
            new = page.keys() - found.keys()
            found |= page
            oldest = min(page, default=0)
            if not new or _seconds(page[oldest].get("created_at")) < back_to_s:
                break
            query = f"?before={oldest}"
        return [found[ref] for ref in sorted(found)]

    def _said(self, body: Mapping[str, Any], now: int) -> tuple[RawItem, ...]:
        return told.read(Delivery({}, orjson.dumps(body)), now=now, actors=self.actors).items


@dataclass(frozen=True, slots=True)
class ChatwootPoller:
    """Satisfies `domain.ports.upstream.Poller`: conversations by their last activity, newest first.

    A position is [time, page, newest]: everything before the time is known; while pages are read, the page that comes
    next and the newest time of the first one. What moves while we read moves to the front: nothing falls between pages.
    """

    api: Api
    account: int
    name: str = told.NAME
    vendor: str = told.NAME

    def beginning(self, since: int) -> str:
        """From that time on."""
        return _place(since // SECOND, 1, 0)

    async def page(self, position: str, *, now: int) -> Page:
        """One page of the list."""
        at, page, newest = _parted(position)
        path = f"/api/v1/accounts/{self.account}/conversations?status=all&page={page}"
        data = table(table(await self.api.read(Call("GET", path))).get("data"))
        rows = data.get("payload")
        if not isinstance(rows, list):
            raise Temporary("chatwoot: the answer holds no conversations")
        back_to = at - OVERLAP // SECOND
        times = [(_seconds(table(row).get("last_activity_at")), word(table(row).get("id"))) for row in rows]
        fresh = [(time, ref) for time, ref in times if ref and time >= back_to]
        newest = max([newest, *(time for time, _ in fresh if time <= now // SECOND + 60)])
        records = tuple(
            Record(told.NAME, "conversation", ref, time * SECOND, back_to * SECOND, KeyKind.CONVERSATION)
            for time, ref in fresh
        )
        if rows and len(fresh) == len(times) and page < MOST_PAGES:
            return Page(_place(at, page + 1, newest), records=records, more=True)
        return Page(_place(max(at, newest), 1, 0), records=records)


def _seconds(value: object) -> int:
    """Seconds since 1970; 0 for anything else."""
    return (
        int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11
        else 0
    )


def _place(at: int, page: int, newest: int) -> str:
    return orjson.dumps([at, page, newest]).decode()


def _parted(position: str) -> tuple[int, int, int]:
    """Raises: Temporary for a position that we did not write."""
    try:
        at, page, newest = map(int, listed(orjson.loads(position)))
    except (ValueError, TypeError):
        raise Temporary("chatwoot: the position cannot be read; give --since") from None
    return at, max(1, page), newest
