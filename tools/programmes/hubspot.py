"""HubSpot's static lists (``MANUAL`` or ``SNAPSHOT``) as programmes."""

import re
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from domain.errors import Refused, Temporary
from domain.instants import instant
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.field_map import FieldMap
from tools.programmes.membership import Member
from tools.vendor import Answer, Api, Call

STATIC: Final = frozenset({"MANUAL", "SNAPSHOT"})
_ID: Final = re.compile(r"hubspot:([0-9]{1,20})")
_TOUCHED, _OPTED_OUT = "hs_last_sales_activity_timestamp", "hs_email_optout"
_CONTACT: Final = "0-1"
"""HubSpot's type of contacts."""


class HubSpotLists:
    """Satisfies `tools.programmes.membership.Lists`."""

    name = "hubspot"

    def __init__(self, api: Api, fields: FieldMap) -> None:
        """`fields` names the properties that hold our id of a lead, and its owner."""
        self._api, self._map = api, fields

    async def member(self, subject: Subject) -> Member | None:
        """By HubSpot's id, else by the property that holds ours."""
        keys = (_ID.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CRM_ID)
        for one in (found[1] for found in keys if found):
            member = await self.known(one)
            if member is not None:
                return member
        return await self._contact(quote(subject.lead_id, safe=""), f"&idProperty={self._map.own['lead']}")

    async def known(self, contact: str) -> Member | None:
        """By HubSpot's id."""
        return await self._contact(contact, "")

    def joining(self, one: str, contact: str) -> Call:
        """Who is on the list already stays."""
        return Call("PUT", f"/crm/v3/lists/{one}/memberships/add", [contact])

    def leaving(self, one: str, contact: str) -> Call:
        """Who is not on the list stays off."""
        return Call("PUT", f"/crm/v3/lists/{one}/memberships/remove", [contact])

    def judge(self, answer: Answer) -> None:
        """A contact that HubSpot does not know is named in a good answer."""
        body = answer.body if isinstance(answer.body, dict) else {}
        if body.get("recordIdsMissing"):
            raise Refused("hubspot: the contact is not there", "gone")

    async def lacks(self, one: str) -> str:
        """Only static lists can be changed from outside."""
        body = await self._api.read(Call("GET", f"/crm/v3/lists/{quote(one, safe='')}"), absent=True)
        if body is None:
            return f"there is no list {one}"
        kind = _part(body, "list").get("processingType")
        return "" if kind in STATIC else f"list {one} fills itself; take a static one"

    async def _contact(self, name: str, more: str) -> Member | None:
        owner = self._map.owner.get("owner", "hubspot_owner_id")
        path = f"/crm/v3/objects/contacts/{name}?properties={owner},{_TOUCHED},{_OPTED_OUT}{more}"
        body = await self._api.read(Call("GET", path), absent=True)
        if body is None:
            return None
        found, held = str(body.get("id") or ""), _part(body, "properties")
        lists = await self._api.read(Call("GET", f"/crm/v3/lists/records/{_CONTACT}/{found}/memberships"))
        rows = lists.get("results") if isinstance(lists, dict) else None
        if not found or not isinstance(rows, list):
            raise Temporary("hubspot: the answer holds no lists")
        who = str(held.get(owner) or "")
        seen = Seen(
            owner=self._map.rep(who) if who else None,
            human_touch_at=_when(held.get(_TOUCHED)),
            do_not_contact=held.get(_OPTED_OUT) == "true",
        )
        return Member(found, frozenset(str(row.get("listId")) for row in rows), seen)


def _when(text: Any) -> int | None:
    try:
        return instant(datetime.fromisoformat(text)) if isinstance(text, str) and text else None
    except (ValueError, OverflowError):
        return None


def _part(body: Any, name: str) -> dict[str, Any]:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, dict):
        raise Temporary(f"hubspot: the answer holds no {name}")
    return value
