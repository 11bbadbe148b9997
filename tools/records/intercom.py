"""Intercom read: contacts and conversations by their ids, as its webhooks would tell them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import orjson

from domain.errors import Refused
from domain.ports.receivers import Delivery
from domain.ports.sources import RawItem
from domain.ports.upstream import Record, Told
from tools.said import table, word
from tools.sources import intercom as told
from tools.vendor import Api, Call

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PATHS: Final = {"contact": "/contacts/", "conversation": "/conversations/"}


@dataclass(frozen=True, slots=True)
class IntercomReader:
    """Satisfies `domain.ports.upstream.Reader`. `actors` are ids of our own admins and bots."""

    api: Api
    actors: frozenset[str] = frozenset()
    vendor: str = told.NAME
    most: int = 10

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """A request for each."""
        return {one: await self._one(one, now) for one in records}

    async def _one(self, record: Record, now: int) -> Told:
        path = _PATHS.get(record.object)
        if path is None or not _ID.fullmatch(record.ref):
            return Told(code="unknown")
        try:
            answer = await self.api.read(Call("GET", path + quote(record.ref, safe="")), absent=True)
        except Refused as error:
            return Told(code=error.code)
        at = record.since // 1_000_000
        if answer is None:
            gone = {"topic": "contact.deleted", "id": f"record:{record.ref}:gone", "created_at": at}
            told_of = self._said(gone, {"id": record.ref}, now) if record.object == "contact" else ()
            return Told(told_of, "gone")
        item = table(answer)
        if record.object == "contact":
            changed = word(item.get("updated_at")) or ""
            head = {"topic": "contact.user.updated", "id": f"record:{record.ref}:{changed}"}
            return Told(self._said({**head, "created_at": item.get("updated_at")}, item, now))
        topics = ["conversation.user.created", "conversation.user.replied"]
        topics += ["conversation.admin.closed"] if item.get("state") == "closed" else []
        return Told(tuple(one for topic in topics for one in self._said({"topic": topic}, item, now)))

    def _said(self, head: Mapping[str, Any], item: Mapping[str, Any], now: int) -> tuple[RawItem, ...]:
        body = {**head, "data": {"item": item}}
        return told.read(Delivery({}, orjson.dumps(body)), now=now, actors=self.actors).items
