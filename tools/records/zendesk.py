"""Zendesk read: who asked in a ticket, with the addresses that its events do not tell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import Temporary
from domain.kinds import Kind
from domain.ports.upstream import Record, Told
from tools.said import Said, key, mark_of, table, word
from tools.sources import zendesk as told
from tools.vendor import Api, Call

MOST: Final = 100
_ID: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class ZendeskReader:
    """Satisfies `domain.ports.upstream.Reader`."""

    api: Api
    vendor: str = told.NAME
    most: int = MOST

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """A request for the tickets, and one for their requesters."""
        some = [one for one in records if one.object == "ticket" and _ID.fullmatch(one.ref)]
        tickets = await self._rows("tickets", [one.ref for one in some])
        asked = {ref: word(row.get("requester_id")) for ref, row in tickets.items()}
        people = await self._rows("users", sorted({one for one in asked.values() if one}))
        found = {
            one: _said(one, tickets[one.ref], people.get(asked[one.ref] or "", {}), now)
            if one.ref in tickets
            else Told(code="gone")
            for one in some
        }
        return {one: found.get(one, Told(code="unknown")) for one in records}

    async def _rows(self, kind: str, refs: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        if not refs:
            return {}
        answer = await self.api.read(Call("GET", f"/api/v2/{kind}/show_many.json?ids={','.join(refs)}"))
        rows = table(answer).get(kind)
        if not isinstance(rows, list):
            raise Temporary(f"zendesk: the answer holds no {kind}")
        return {word(table(row).get("id")) or "": table(row) for row in rows}


def _said(record: Record, ticket: Mapping[str, Any], person: Mapping[str, Any], now: int) -> Told:
    """A suspended or staff requester is still who asked; an address counts only where Zendesk has verified it."""
    said = Said(told.NAME, now)
    verified = person.get("verified") is True
    keys = [
        ("conversation_id", key(told.NAME, record.ref)),
        ("crm_id", key(told.NAME, ticket.get("requester_id"))),
        ("email", person.get("email") if verified else None),
        (
            "phone",
            person.get("phone") if verified and person.get("shared_phone_number") is not True else None,
        ),
    ]
    at = word(ticket.get("created_at"))
    said.add(Kind.IDENTIFY, ["record", record.ref, mark_of([*map(str, keys)])], keys, at)
    return Told(said.reading().items)
