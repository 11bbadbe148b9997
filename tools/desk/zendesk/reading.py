"""Tickets as Zendesk shows them: values, comments, and the ticket as a talk. Nothing here writes."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from domain.errors import Temporary, Unauthorized
from domain.handoff import MOST_MESSAGES, MOST_TEXT, Message, Talk
from tools.field_map import FieldMap
from tools.said import language, plain
from tools.vendor import Api, Call

PAGES: Final = 20
"""Pages of a hundred that are read; a longer ticket waits."""
STAFF: Final = frozenset({"agent", "admin"})
DONE: Final = frozenset({"solved", "closed"})
NAMED: Final = re.compile(r"zendesk:([0-9]{1,15})")
"""The id of a conversation."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket as it was read: `held` in our words, the rest in Zendesk's. `stamp` is the time of its last change."""

    id: str
    held: Mapping[str, str]
    marks: str
    stamp: str
    status: str
    requester: str
    assignee: str


class Tickets:
    """Satisfies `domain.ports.desks.Conversations`."""

    name = "zendesk"

    def __init__(self, api: Api, fields: FieldMap) -> None:
        """`fields` says which ticket fields and which tag are ours."""
        self._api, self._map = api, fields
        self._ids: Mapping[str, int] = {}
        self._me = ""
        self._asking = asyncio.Lock()

    async def talk(self, conversation: str) -> Talk | None:
        """The ticket with its public comments; `Conversations.talk`."""
        ref = NAMED.fullmatch(conversation)
        ticket = await self.ticket(ref[1]) if ref else None
        if ticket is None:
            return None
        us = await self.us()
        public = [one async for one in self.comments(ticket.id) if one.get("public")]
        said = [_message(one, us) for one in public]
        kept = sorted((one for one in said if one is not None), key=lambda one: (one.at, int(one.id)))
        if not kept:
            return None
        status: Any = "with_person" if ticket.assignee not in ("", us) else "open"
        return Talk(
            conversation_id=conversation,
            lead=f"zendesk:{ticket.requester}" if ticket.requester else None,
            messages=tuple(kept[-MOST_MESSAGES:]),
            status="closed" if ticket.status in DONE else status,
            with_bot=status == "open" and not ticket.held["queue"],
            person=ticket.held["owner"] or None,
            language=next(
                (language(one["locale"]) for one in public if role_of(one, us) == "customer"), None
            ),
        )

    async def ticket(self, ref: str) -> Ticket | None:
        body = await self._api.read(Call("GET", f"/api/v2/tickets/{ref}"), absent=True)
        if body is None:
            return None
        ticket, ids = part(body, "ticket"), await self.fields()
        status, stamp, tags = ticket.get("status"), ticket.get("updated_at"), ticket.get("tags")
        if not isinstance(status, str) or not isinstance(stamp, str) or not isinstance(tags, list):
            raise Temporary("zendesk: the ticket cannot be read")
        if status == "deleted":
            return None
        rows = {one.get("id"): one.get("value") for one in rows_of(ticket.get("custom_fields") or [])}
        own = {ours: str(rows.get(ids.get(self._map.own[ours], 0)) or "") for ours in ("marks", "queue")}
        group, agent = str(ticket.get("group_id") or ""), str(ticket.get("assignee_id") or "")
        queue, label = self._map.queue(group, own["queue"]), self._map.own["label"]
        held = {
            "owner": self._map.rep(agent) if agent else "", "queue": queue, "status": status,
            "priority": str(ticket.get("priority") or ""), "label": label if label in tags else "",
        }  # fmt: skip
        requester = str(ticket.get("requester_id") or "")
        return Ticket(ref, held, own["marks"], stamp, status, requester, agent)

    async def comments(self, ref: str, *, until: str = "") -> AsyncIterator[dict[str, Any]]:
        """Comments, the newest first, up to and without `until`. Raises: Temporary if there are too many."""
        after = ""
        for _ in range(PAGES):
            page, after = await self.page(ref, after)
            for comment in page:
                if str(comment["id"]) == until:
                    return
                yield comment
            if not after:
                return
        raise Temporary("zendesk: too many comments")

    async def page(self, ref: str, after: str) -> tuple[list[dict[str, Any]], str]:
        """A page of comments, each with role and language of who wrote it, and where the next begins."""
        more = f"&page%5Bafter%5D={quote(after, safe='')}" if after else ""
        path = f"/api/v2/tickets/{ref}/comments?sort=-created_at&include=users&page%5Bsize%5D=100{more}"
        body = await self._api.read(Call("GET", path))
        comments = rows_of(part(body, "comments", list))
        users = {one.get("id"): one for one in rows_of(body.get("users") or [])}
        if not all(isinstance(one.get("id"), int) for one in comments):
            raise Temporary("zendesk: a comment has no number")
        found = ((one, users.get(one.get("author_id")) or {}) for one in comments)
        shown = [{**one, "role": user.get("role"), "locale": user.get("locale")} for one, user in found]
        return shown, _next(body)

    async def comment(self, ref: str) -> dict[str, Any] | None:
        ticket, _, number = ref.partition(":")
        if await self.ticket(ticket) is None:
            return None
        async for comment in self.comments(ticket):
            if str(comment["id"]) == number:
                return comment
        return None

    async def fields(self) -> Mapping[str, int]:
        """Zendesk's ids of ticket fields, by their titles; asked for until both of ours are there."""
        async with self._asking:
            if not {self._map.own["marks"], self._map.own["queue"]} <= self._ids.keys():
                rows = await self.listed("/api/v2/ticket_fields", "ticket_fields")
                self._ids = {
                    str(one.get("title")): one["id"] for one in rows if isinstance(one.get("id"), int)
                }
            return self._ids

    async def us(self) -> str:
        """Zendesk's id of our user. Raises: Unauthorized where Zendesk takes us for nobody."""
        if not self._me:
            user = part(await self._api.read(Call("GET", "/api/v2/users/me")), "user")
            if not user.get("id") or user.get("role") not in STAFF:
                raise Unauthorized("zendesk: the token is not an agent's", "desk_token")
            self._me = str(user["id"])
        return self._me

    async def listed(self, path: str, name: str) -> list[dict[str, Any]]:
        found, after = list[dict[str, Any]](), ""
        for _ in range(PAGES):
            more = f"&page%5Bafter%5D={quote(after, safe='')}" if after else ""
            body = await self._api.read(Call("GET", f"{path}?page%5Bsize%5D=100{more}"))
            found += rows_of(part(body, name, list))
            after = _next(body)
            if not after:
                return found
        raise Temporary(f"zendesk: too many {name}")


def body_of(comment: Mapping[str, Any]) -> str:
    return str(comment.get("body") or "")


def role_of(comment: Mapping[str, Any], us: str) -> str:
    """Who wrote it: ``customer``, ``agent`` (a person of the desk) or ``bot`` (we, a trigger, or nobody known)."""
    via = comment.get("via")
    by_rule = isinstance(via, dict) and via.get("channel") == "rule"
    if str(comment.get("author_id")) == us or by_rule:
        return "bot"
    return {"end-user": "customer", **dict.fromkeys(STAFF, "agent")}.get(str(comment.get("role")), "bot")


def told_by(comment: Mapping[str, Any], us: str) -> bool:
    """If our user `us` wrote it to the customer; what a trigger writes in its name is not it."""
    via = comment.get("via")
    by_rule = isinstance(via, dict) and via.get("channel") == "rule"
    return comment.get("public") is True and str(comment.get("author_id")) == us and not by_rule


def _message(comment: Mapping[str, Any], us: str) -> Message | None:
    """A comment as a message, None if it holds no text."""
    text = plain(comment.get("html_body") or comment.get("body"))
    if text is None:
        return None
    role: Any = role_of(comment, us)
    return Message(id=str(comment["id"]), role=role, text=text[:MOST_TEXT], at=at_of(comment))


def at_of(comment: Mapping[str, Any]) -> datetime:
    """When it was written. Raises: Temporary."""
    try:
        at = datetime.fromisoformat(str(comment.get("created_at")))
    except ValueError:
        raise Temporary("zendesk: a comment has no time") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _next(body: Mapping[str, Any]) -> str:
    """Where the next page begins, empty after the last."""
    meta = body.get("meta") or {}
    return str(meta.get("after_cursor") or "") if meta.get("has_more") else ""


def part(body: Any, name: str, kind: type = dict) -> Any:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise Temporary(f"zendesk: the answer holds no {name}")
    return value


def rows_of(rows: Any) -> list[dict[str, Any]]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Temporary("zendesk: the answer is no list")
    return rows
