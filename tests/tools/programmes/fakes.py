"""HubSpot's and Brevo's lists in memory. The ledger holds each change of a membership that took place."""

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from tests.tools.vendor_server import Asked, Said

TOKEN: Final = "lists-secret"
CONTACT: Final = "501"
_CHANGE: Final = re.compile(
    r"/(?:crm/v3/lists|v3/contacts/lists)/(\d+)/(?:memberships|contacts)/(add|remove)"
)


@dataclass
class FakeLists:
    """What both have in common: contacts by our id of the lead, and who is on which list."""

    lead: str
    token: str = TOKEN
    there: bool = True
    out: bool = False
    """Opted out of e-mail."""
    lists: dict[str, set[str]] = field(default_factory=lambda: {"11": set(), "12": set(), "99": {CONTACT}})
    dynamic: frozenset[str] = frozenset()
    ledger: list[tuple[str, str]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def change(self, one: str, way: str) -> bool:
        """Put on or take off; False if nothing changes."""
        on = CONTACT in self.lists[one]
        if on is (way == "add"):
            return False
        (self.lists[one].add if way == "add" else self.lists[one].remove)(CONTACT)
        self.ledger.append((one, way))
        return True

    def on(self) -> list[str]:
        """The lists that the contact is on."""
        return [one for one, who in self.lists.items() if CONTACT in who]


class FakeHubSpotLists(FakeLists):
    """Satisfies `Fake`."""

    contract: ClassVar = "hubspot"

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("authorization") != f"Bearer {self.token}":
            return Said(401, {"message": "secret"})
        changed = _CHANGE.fullmatch(asked.path)
        if changed and asked.method == "PUT" and asked.body == [CONTACT]:
            if not self.there:
                return Said(
                    200, {"recordIdsMissing": [CONTACT], "recordIdsRemoved": [], "recordsIdsAdded": []}
                )
            self.change(changed[1], changed[2])
            return Said(200, {"recordIdsMissing": [], "recordIdsRemoved": [], "recordsIdsAdded": []})
        return self._read(asked)

    def _read(self, asked: Asked) -> Said:
        if asked.path == f"/crm/v3/lists/records/0-1/{CONTACT}/memberships":
            return Said(200, {"results": [{"listId": one} for one in self.on()]})
        if asked.path.startswith("/crm/v3/lists/") and asked.path.rpartition("/")[2] in self.lists:
            kind = "DYNAMIC" if asked.path.rpartition("/")[2] in self.dynamic else "MANUAL"
            return Said(200, {"list": {"processingType": kind}})
        by_ours = asked.query.get("idProperty") == "leadgraph_id"
        name = asked.path.removeprefix("/crm/v3/objects/contacts/")
        if self.there and name == (self.lead if by_ours else CONTACT):
            held = {"hs_email_optout": "true" if self.out else "", "hubspot_owner_id": "901"}
            return Said(200, {"id": CONTACT, "properties": held})
        if asked.method != "GET":
            self.broken.append(f"{asked.method} {asked.path} {asked.body}")
        return Said(404, {"message": "secret"})


class FakeBrevo(FakeLists):
    """Satisfies `Fake`. Who is on a list already cannot be put on it."""

    contract: ClassVar = "brevo"

    def handle(self, asked: Asked) -> Said:
        """Answer one request."""
        if asked.headers.get("api-key") != self.token:
            return Said(401, {"message": "secret"})
        changed = _CHANGE.fullmatch(asked.path)
        if changed and asked.method == "POST" and asked.body == {"ids": [int(CONTACT)]}:
            if not self.there or not self.change(changed[1], changed[2]):
                return Said(400, {"code": "invalid_parameter", "message": "secret"})
            return Said(201, {"contacts": {"success": [int(CONTACT)], "failure": []}})
        return self._read(asked)

    def _read(self, asked: Asked) -> Said:
        name, by = asked.path.rpartition("/")[2], asked.query.get("identifierType")
        if asked.path == "/v3/account":
            return Said(200, {"companyName": "Acme", "email": "secret"})
        if asked.path.startswith("/v3/contacts/lists/") and name in self.lists:
            return Said(200, {"id": int(name)})
        if self.there and name == {"ext_id": self.lead, "contact_id": CONTACT}.get(by or ""):
            lists: list[Any] = [int(one) for one in self.on()]
            return Said(200, {"id": int(CONTACT), "listIds": lists, "emailBlacklisted": self.out})
        if asked.method != "GET":
            self.broken.append(f"{asked.method} {asked.path} {asked.body}")
        return Said(404, {"message": "secret"})
