"""Conversations as Chatwoot shows them: values, messages, and who we are there. Nothing here writes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import Temporary
from domain.instants import SECOND
from tools.field_map import FieldMap
from tools.vendor import Api, Call, Manners

PAGES: Final = 50
"""Pages of messages that are read to find one; longer conversations wait."""
OUTGOING, ACTIVITY = 1, 2
"""Types of a message: what the desk wrote, and what happened to the conversation."""
DONE: Final = "resolved"
"""The status of a conversation that somebody closed."""
BOT: Final = "pending"
"""The status in which Chatwoot's bot answers, and nobody else is to."""
MARK: Final = "leadgraph:"
MANNERS: Final = Manners("chatwoot", lambda token: {"api_access_token": token})
"""Chatwoot's: what it says by its status is all it says."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it was read."""

    id: str
    owner: str
    """Our name of the agent who has it; empty: nobody."""
    team: str
    priority: str
    status: str
    labels: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Us:
    """Our own user."""

    id: str
    names: frozenset[str]


class Account:
    """One account of Chatwoot's, read with our user's eyes."""

    def __init__(self, api: Api, fields: FieldMap, *, account: int) -> None:
        """`account` is the number in the address of the account."""
        self.api, self.root = api, f"/api/v1/accounts/{account}"
        self._map = fields
        self._us: Us | None = None
        self._asking = asyncio.Lock()

    async def us(self) -> Us:
        """Who we are, asked for once. Raises: Temporary, Unauthorized."""
        async with self._asking:
            if self._us is None:
                body = await self.api.read(Call("GET", "/api/v1/profile"))
                names = (
                    {body.get(name) for name in ("available_name", "name")} if isinstance(body, dict) else {}
                )
                self._us = Us(str(part(body, "id")), frozenset(str(name) for name in names if name))
            return self._us

    async def conversation(self, ref: str) -> Conversation | None:
        """The conversation with this number, None if there is none."""
        body = await self.api.read(self.get(f"/conversations/{ref}"), absent=True)
        if body is None:
            return None
        meta, status, labels = part(body, "meta"), part(body, "status"), body.get("labels") or []
        attributes = body.get("custom_attributes") or {}
        if not isinstance(meta, dict) or not isinstance(attributes, dict) or not isinstance(labels, list):
            raise Temporary("chatwoot: the conversation cannot be read")
        agent = str((meta.get("assignee") or {}).get("id") or "")
        return Conversation(
            ref,
            owner=self._map.rep(agent) if agent else "",
            team=str((meta.get("team") or {}).get("id") or ""),
            priority=str(body.get("priority") or ""),
            status=str(status),
            labels=tuple(str(one) for one in labels),
            attributes=attributes,
        )

    async def messages(
        self, ref: str, after: int | None = None, *, before: int | None = None
    ) -> list[dict[str, Any]]:
        """The newest messages, those after one, or the newest of those before one; the oldest first."""
        query = "" if after is None else f"?after={after}"
        query = query if before is None else f"?before={before}"
        body = await self.api.read(self.get(f"/conversations/{ref}/messages{query}"))
        rows = rows_of(part(body, "payload"))
        if not all(isinstance(one.get("id"), int) for one in rows):
            raise Temporary("chatwoot: a message has no number")
        return rows

    async def after(self, ref: str, last: int) -> Any:
        """Every message after one, page by page. Raises: Temporary if there are too many."""
        for _ in range(PAGES):
            page = await self.messages(ref, last)
            for message in page:
                yield message
            if not page:
                return
            last = max(one["id"] for one in page)
        raise Temporary("chatwoot: too many messages since")

    async def since(self, ref: str, at: int) -> list[dict[str, Any]]:
        """Every message since the Instant `at`, and some before it; the oldest first. Raises: as `after`."""
        rows = await self.messages(ref)
        for _ in range(PAGES):
            if not rows or at_of(rows[0]) < at:
                return rows
            oldest = rows[0]["id"]
            page = [one for one in await self.messages(ref, before=oldest) if one["id"] < oldest]
            if not page:
                return rows
            rows = [*page, *rows]
        raise Temporary("chatwoot: too many messages since")

    async def message(self, ref: str) -> dict[str, Any] | None:
        """A message by ``<conversation>:<message>``."""
        talk, _, number = ref.partition(":")
        page = await self.messages(talk, int(number) - 1)
        return next((one for one in page if one["id"] == int(number)), None)

    def get(self, path: str) -> Call:
        """A reading below the account."""
        return Call("GET", f"{self.root}{path}")


def said_by_us(message: Mapping[str, Any], us: Us) -> bool:
    """If our user wrote it, to the customer or as a note."""
    sender = message.get("sender") or {}
    return (
        message.get("message_type") == OUTGOING
        and sender.get("type") == "user"
        and str(sender.get("id")) == us.id
    )


def told_by_us(message: Mapping[str, Any], us: Us) -> bool:
    """If our user wrote it to the customer."""
    return said_by_us(message, us) and message.get("private") is False and not deleted(message)


def by_person(message: Mapping[str, Any], us: Us) -> bool:
    """If a person of the desk wrote it; we, bots and what was deleted are none."""
    return (
        message.get("message_type") == OUTGOING
        and (message.get("sender") or {}).get("type") == "user"
        and not said_by_us(message, us)
        and MARK not in str(message.get("content"))
        and not deleted(message)
    )


def at_of(message: Mapping[str, Any]) -> int:
    """The Instant at which it was written."""
    return int(message.get("created_at") or 0) * SECOND


def deleted(message: Mapping[str, Any]) -> bool:
    """If it was taken back."""
    return bool((message.get("content_attributes") or {}).get("deleted"))


def part(body: Any, name: str) -> Any:
    """A part of an answer. Raises: Temporary."""
    value = body.get(name) if isinstance(body, dict) else None
    if value is None:
        raise Temporary(f"chatwoot: the answer holds no {name}")
    return value


def rows_of(rows: Any) -> list[dict[str, Any]]:
    """A list of an answer. Raises: Temporary."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary("chatwoot: the answer is no list")
    return rows
