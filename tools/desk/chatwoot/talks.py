"""Chatwoot's conversations as talks. Nothing here writes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from re import compile as pattern
from typing import Any, Final

from domain.errors import Temporary
from domain.handoff import MOST_MESSAGES, MOST_TEXT, Message, Talk
from tools.desk.chatwoot.reading import BOT, DONE, Account, Us, said_by_us
from tools.field_map import FieldMap
from tools.said import key, language, milliseconds, table, word
from tools.vendor import Api, Call

PAGES: Final = 30
"""Pages of twenty messages, from the newest backwards, that are read of a conversation."""
_NAMED: Final = pattern(r"chatwoot:([0-9]{1,15})")
_ROLES: Final[Mapping[object, Any]] = {0: "customer", 1: "agent", 3: "bot"}
"""By the type of a message; 2 is what happened to the conversation, and nobody's words."""


class ChatwootTalks:
    """Satisfies `domain.ports.desks.Conversations`."""

    name = "chatwoot"

    def __init__(self, api: Api, fields: FieldMap, *, account: int) -> None:
        """`account` is the number in the address of the account; `fields` name its people."""
        self._api, self._map, self._root = api, fields, f"/api/v1/accounts/{account}/conversations"
        self._read = Account(api, fields, account=account)

    async def talk(self, conversation: str) -> Talk | None:
        """The conversation with its public messages; what was deleted or has no text keeps its place."""
        ref = _NAMED.fullmatch(conversation)
        if ref is None:
            return None
        body = await self._api.read(Call("GET", f"{self._root}/{ref[1]}"), absent=True)
        if body is None:
            return None
        meta, status = table(table(body).get("meta")), table(body).get("status")
        if not isinstance(status, str):
            raise Temporary("chatwoot: the conversation cannot be read")
        messages = await self._messages(ref[1])
        if not messages:
            return None
        customer = key("crm_id:chatwoot", table(meta.get("sender")).get("id"))
        person = word(table(meta.get("assignee")).get("id"))
        return Talk(
            conversation_id=conversation,
            lead=customer,
            messages=messages,
            status=_stands(status, meta),
            with_bot=status == BOT or not (meta.get("assignee") or meta.get("team")),
            person=self._map.rep(person)[:128] if person is not None else None,
            language=language(table(table(body).get("additional_attributes")).get("browser_language")),
        )

    async def _messages(self, ref: str) -> tuple[Message, ...]:
        """The newest `MOST_MESSAGES`, the oldest of them first."""
        us = await self._read.us()
        found: dict[int, Message] = {}
        before: int | None = None
        for _ in range(PAGES):
            rows = await self._page(ref, before)
            found |= {row["id"]: said for row in rows if (said := _message(row, us)) is not None}
            oldest = min((row["id"] for row in rows), default=None)
            if oldest is None or (before is not None and oldest >= before) or len(found) >= MOST_MESSAGES:
                break
            before = oldest
        return tuple(found[number] for number in sorted(found)[-MOST_MESSAGES:])

    async def _page(self, ref: str, before: int | None) -> list[dict[str, Any]]:
        query = "" if before is None else f"?before={before}"
        body = await self._api.read(Call("GET", f"{self._root}/{ref}/messages{query}"))
        rows = table(body).get("payload")
        if not isinstance(rows, list) or not all(_numbered(row) for row in rows):
            raise Temporary("chatwoot: the messages cannot be read")
        return rows


def _stands(status: str, meta: Mapping[str, Any]) -> Any:
    if status == DONE:
        return "closed"
    by_person = table(meta.get("assignee")).get("id") and meta.get("assignee_type") != "AgentBot"
    return "with_person" if by_person else "open"


def _numbered(row: object) -> bool:
    number = table(row).get("id")
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number < 10**15


def _message(row: Mapping[str, Any], us: Us) -> Message | None:
    """A message, None for a private note and for what nobody said. Raises: Temporary."""
    kind = row.get("message_type")
    role: Any = _ROLES.get(kind) if isinstance(kind, int) and not isinstance(kind, bool) else None
    if role is None or row.get("private") is not False:
        return None
    if role == "agent" and (table(row.get("sender")).get("type") != "user" or said_by_us(row, us)):
        role = "bot"
    at = milliseconds(row.get("created_at"))
    if at is None or at < 0:
        raise Temporary("chatwoot: a message has no time")
    text = row.get("content")
    deleted = table(row.get("content_attributes")).get("deleted")
    return Message(
        id=str(row["id"]),
        role=role,
        text=text[:MOST_TEXT] if isinstance(text, str) and not deleted else "",
        at=datetime.fromtimestamp(at / 1_000, UTC),
    )
