"""Intercom's conversations as talks. Nothing here writes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from re import compile as pattern
from typing import Any, Final

from domain.errors import Temporary
from domain.handoff import MOST_MESSAGES, MOST_TEXT, Message, Talk
from tools.field_map import FieldMap
from tools.said import key, listed, milliseconds, plain, table, word
from tools.vendor import Api, Call

_NAMED: Final = pattern(r"intercom:([0-9]{1,20})")
_ID: Final = pattern(r"[A-Za-z0-9._:\-]{1,128}")
_CUSTOMERS: Final = frozenset({"user", "lead", "contact"})
_NOTES: Final = frozenset({"note", "note_and_reopen"})


class IntercomTalks:
    """Satisfies `domain.ports.desks.Conversations`."""

    name = "intercom"

    def __init__(self, api: Api, fields: FieldMap, *, admin: int) -> None:
        """`admin` is the admin in whose name we write: no person; `fields` name the others."""
        self._api, self._map, self._us = api, fields, str(admin)

    async def talk(self, conversation: str) -> Talk | None:
        """The conversation with its first message and its public parts, as many as Intercom shows."""
        ref = _NAMED.fullmatch(conversation)
        body = await self._api.read(Call("GET", f"/conversations/{ref[1]}"), absent=True) if ref else None
        if body is None:
            return None
        parts = table(body.get("conversation_parts") if isinstance(body, dict) else None)
        rows = parts.get("conversation_parts")
        if not isinstance(body, dict) or not isinstance(rows, list):
            raise Temporary("intercom: the conversation cannot be read")
        first = table(body.get("source"))
        said = [self._message({**first, "created_at": body.get("created_at")}, first=True)] if first else []
        said += [self._message(table(part)) for part in rows]
        found = {one.id: one for one in said if one is not None}
        messages = tuple(sorted(found.values(), key=lambda one: one.at))[-MOST_MESSAGES:]
        if not messages:
            return None
        people = listed(table(body.get("contacts")).get("contacts"))
        customer = key("crm_id:intercom", table(people[0]).get("id")) if len(people) == 1 else None
        person = word(body.get("admin_assignee_id"))
        return Talk(
            conversation_id=conversation,
            lead=customer,
            messages=messages,
            status=self._stands(body),
            with_bot=self._nobodys(body.get("admin_assignee_id")) and not _team(body),
            person=self._map.rep(person)[:128] if person not in (None, "0") else None,
        )

    def _stands(self, body: Mapping[str, Any]) -> Any:
        if body.get("state") == "closed" or body.get("open") is False:
            return "closed"
        return "open" if self._nobodys(body.get("admin_assignee_id")) else "with_person"

    def _nobodys(self, admin: object) -> bool:
        return word(admin) in (None, "0", self._us)

    def _message(self, part: Mapping[str, Any], *, first: bool = False) -> Message | None:
        """A part as a message, None for a note and for what holds no words. Raises: Temporary."""
        text = plain(part.get("body"))
        gone = part.get("redacted") is True and part.get("part_type") == "comment"
        if part.get("part_type") in _NOTES or (text is None and not gone and not first):
            return None
        number, at = word(part.get("id")), milliseconds(part.get("created_at"))
        if number is None or not _ID.fullmatch(number) or at is None or at < 0:
            raise Temporary("intercom: a part has no number or no time")
        return Message(
            id=number,
            role=self._role(table(part.get("author"))),
            text=(text or "")[:MOST_TEXT],
            at=datetime.fromtimestamp(at / 1_000, UTC),
        )

    def _role(self, author: Mapping[str, Any]) -> Any:
        kind = word(author.get("type"))
        if kind in _CUSTOMERS:
            return "customer"
        return "agent" if kind == "admin" and word(author.get("id")) != self._us else "bot"


def _team(body: Mapping[str, Any]) -> bool:
    return word(body.get("team_assignee_id")) not in (None, "0")
