"""Brevo's lists as programmes. A workflow there starts when a contact joins its list."""

import re
from typing import Any, Final
from urllib.parse import quote

from domain.errors import Refused, Temporary
from domain.ports.target import Seen, Subject
from domain.signal import KeyKind
from tools.programmes.membership import Member
from tools.vendor import Answer, Api, Call, Manners

URL: Final = "https://api.brevo.com"
WINDOW_S: Final = 60.0
_ID: Final = re.compile(r"brevo:([0-9]{1,18})")


class BrevoLists:
    """Satisfies `tools.programmes.membership.Lists`."""

    name = "brevo"

    def __init__(self, api: Api) -> None:
        self._api = api

    async def member(self, subject: Subject) -> Member | None:
        """By Brevo's id, else by the ``ext_id`` that holds our id of the lead."""
        keys = (_ID.fullmatch(key.value) for key in subject.keys if key.kind is KeyKind.CRM_ID)
        for one in (found[1] for found in keys if found):
            member = await self.known(one)
            if member is not None:
                return member
        return await self._contact(quote(subject.lead_id, safe=""), "ext_id")

    async def known(self, contact: str) -> Member | None:
        """By Brevo's id."""
        return await self._contact(contact, "contact_id")

    def joining(self, one: str, contact: str) -> Call:
        """Brevo refuses to put on a list who is on it: then it is seen there."""
        return Call("POST", f"/v3/contacts/lists/{one}/contacts/add", {"ids": [int(contact)]})

    def leaving(self, one: str, contact: str) -> Call:
        """Likewise."""
        return Call("POST", f"/v3/contacts/lists/{one}/contacts/remove", {"ids": [int(contact)]})

    def judge(self, answer: Answer) -> None:
        """A contact that could not be changed is named in a good answer."""
        contacts = answer.body.get("contacts") if isinstance(answer.body, dict) else None
        if isinstance(contacts, dict) and contacts.get("failure"):
            raise Refused("brevo: the contact could not be put on or taken off the list", "invalid")

    async def lacks(self, one: str) -> str:
        """A list needs only to be there."""
        body = await self._api.read(Call("GET", f"/v3/contacts/lists/{quote(one, safe='')}"), absent=True)
        return f"there is no list {one}" if body is None else ""

    async def _contact(self, name: str, by: str) -> Member | None:
        body = await self._api.read(Call("GET", f"/v3/contacts/{name}?identifierType={by}"), absent=True)
        if body is None:
            return None
        found, lists = body.get("id"), body.get("listIds")
        if not isinstance(found, int) or not isinstance(lists, list):
            raise Temporary("brevo: the contact cannot be read")
        seen = Seen(do_not_contact=bool(body.get("emailBlacklisted")))
        return Member(str(found), frozenset(str(one) for one in lists), seen)


def _spare(answer: Answer) -> float:
    """Until the count begins anew, if no request is left."""
    reset: Any = answer.headers.get("x-sib-ratelimit-reset", "")
    if answer.headers.get("x-sib-ratelimit-remaining") != "0":
        return 0.0
    return float(reset) if reset.isascii() and reset.isdigit() and len(reset) <= 5 else WINDOW_S


MANNERS: Final = Manners("brevo", lambda token: {"api-key": token}, spare=_spare)
"""Brevo's."""
