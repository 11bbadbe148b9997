"""Vendors' accounts as they are read: records with their history, a journal, lists in the order of activity."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.instants import SECOND, Instant, iso
from tests.tools.crm.fake_hubspot import FakeHubSpot, Thing
from tests.tools.crm.fake_hubspot import Wrong as NotHubSpot
from tests.tools.crm.fake_salesforce import OUR_USER, ROOT, FakeSalesforce
from tests.tools.crm.fake_salesforce import Wrong as NotSalesforce
from tests.tools.desk.fake_chatwoot import FakeChatwoot, Talk
from tests.tools.vendor_server import Asked, Said
from tools.refresh import PATH

PAGE: Final = 25
"""Conversations of a page."""
PERSON: Final = "005000000000001AAA"
_SOQL: Final = re.compile(r"SELECT ([\w, ]+) FROM (Lead|Contact) WHERE (.+)")
_IDS: Final = re.compile(r"Id IN \(('\w+'(?:, '\w+')*)\)")
_CHANGED: Final = re.compile(
    r"\(SystemModstamp > (\S+) OR \(SystemModstamp = (\S+) AND Id > '(\w*)'\)\)"
    r" ORDER BY SystemModstamp, Id LIMIT (\d+)"
)


class Answers:
    """A vendor that knows some addresses."""

    def __init__(self, **known: Any) -> None:
        self.known = dict(known)

    def handle(self, asked: Asked) -> Said:
        path = asked.path + (f"?ids={asked.query['ids']}" if "ids" in asked.query else "")
        return Said(200, self.known[path]) if path in self.known else Said(404, {})


@dataclass
class Portal(FakeHubSpot):
    """HubSpot, with properties that remember, companies and deals, and a journal."""

    past: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    """(record, property) -> its history, newest first."""
    links: dict[str, list[str]] = field(default_factory=dict)
    """Company or deal -> its contacts."""
    journal: list[tuple[str, Any]] = field(default_factory=list)
    """(offset, file)."""
    address: str = "http://127.0.0.1:1"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.things |= {"companies": {}, "deals": {}}

    def person(self, at: int, **values: str) -> str:
        """A new contact; its id."""
        ref = self.add("contacts", {}).id
        for name, value in values.items():
            self.put(ref, name, value, at)
        return ref

    def put(self, ref: str, name: str, value: str, at: int, *, app: str = "") -> None:
        """Somebody, or the app called `app`, sets a property."""
        thing = next(kind[ref] for kind in self.things.values() if ref in kind)
        thing.values[name] = value
        entry = {
            "value": value, "timestamp": iso(Instant(at)), "sourceType": "INTEGRATION" if app else "CRM_UI",
            "sourceId": app or "userId:1",
        }  # fmt: skip
        self.past.setdefault((ref, name), []).insert(0, entry)

    def join(self, lost: str, kept: str) -> None:
        """Merge two contacts."""
        self.things["contacts"][lost].merged_into = kept
        self.things["contacts"][kept].values["hs_merged_object_ids"] = lost

    def _route(self, asked: Asked) -> Said:
        parts = asked.path.strip("/").split("/")
        if parts[0] == "webhooks-journal":
            return self._entry(parts[3:])
        if parts[0] == "files":
            return Said(200, dict(self.journal)[parts[1]])
        if parts[:3] == ["crm", "v4", "associations"] and parts[4:] == ["contacts", "batch", "read"]:
            rows = [
                {"from": {"id": one["id"]}, "to": [{"toObjectId": int(ref)} for ref in self.links.get(one["id"], [])]}
                for one in asked.body["inputs"]
            ]  # fmt: skip
            return Said(200, {"status": "COMPLETE", "results": rows})
        if parts[4:] == ["batch", "read"] and len(asked.body["inputs"]) > 50:
            raise NotHubSpot(400, "VALIDATION_ERROR")
        return super()._route(asked)

    def _entry(self, rest: list[str]) -> Said:
        offsets = [offset for offset, _ in self.journal]
        if rest == ["earliest"]:
            place = 0
        elif rest[0] == "offset" and rest[1] in offsets:
            place = offsets.index(rest[1]) + 1
        else:
            raise NotHubSpot(404, "OBJECT_NOT_FOUND")
        if place >= len(offsets):
            return Said(204)
        url = f"{self.address}/files/{offsets[place]}"
        return Said(200, {"url": url, "expiresAt": "2030-01-01T00:00:00Z", "currentOffset": offsets[place]})

    def handle(self, asked: Asked) -> Said:
        """Files of the journal need no token, and get none."""
        if asked.path == PATH:
            return Said(200, {"access_token": self.token})
        if asked.path.startswith("/files/"):
            return Said(400) if "authorization" in asked.headers else self._route(asked)
        return super().handle(asked)

    def _one(self, kind: str, what: str, one: Any, body: Any) -> dict[str, Any]:
        if what != "read":
            return super()._one(kind, what, one, body)
        found: Thing = self._get(kind, one["id"], {})
        shown = self._shown(kind, found, {"properties": ",".join(body["properties"])})
        names = body.get("propertiesWithHistory", [])
        return shown | {
            "propertiesWithHistory": {name: self.past.get((found.id, name), []) for name in names}
        }


@dataclass
class Org(FakeSalesforce):
    """Salesforce, with rows that know when they were changed, and by whom."""

    def __post_init__(self) -> None:
        self.rows["Contact"] = {}

    def person(self, at: int, **values: Any) -> str:
        """A new Lead; its id."""
        row = self.add("Lead")
        self.put(row["Id"], at, **values)
        return str(row["Id"])

    def put(self, ref: str, at: int, *, by: str = PERSON, **values: Any) -> None:
        """Somebody changes a Lead."""
        time = iso(Instant(at - at % SECOND)).replace("Z", "+0000")
        self.rows["Lead"][ref].update(values, SystemModstamp=time, LastModifiedDate=time, LastModifiedById=by)

    def _query(self, soql: str) -> list[dict[str, Any]]:
        parts = _SOQL.fullmatch(soql)
        where = parts[3] if parts else ""
        ids, changed = _IDS.fullmatch(where), _CHANGED.fullmatch(where)
        if parts is None or not (ids or changed):
            return super()._query(soql)
        rows = list(self.rows[parts[2]].values())
        if ids:
            rows = [row for row in rows if f"'{row['Id']}'" in ids[1]]
        elif changed:
            at, ref = changed[1], changed[3]
            rows = sorted(rows, key=_moved)
            rows = [row for row in rows if _moved(row)[0] > at or (_moved(row)[0] == at and row["Id"] > ref)]
            rows = rows[: int(changed[4])]
        return [{name: self._value(row, name) for name in parts[1].split(", ")} for row in rows]


def _moved(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row["SystemModstamp"]).replace("+0000", "Z"), str(row["Id"])


@dataclass
class Inbox(FakeChatwoot):
    """Chatwoot, with a list of its conversations, the latest activity first."""

    def begin(self, number: int) -> None:
        """A new conversation."""
        self.talks[number] = Talk(number, status="open")

    def write(self, number: int, text: str, at: int) -> int:
        """The customer of a conversation writes; the number of the message."""
        sender = {"id": 900 + number, "type": "contact", "email": f"p{number}@acme.example"}
        return int(self.say(number, text, sender=sender, at=at // SECOND)["id"])

    def _route(self, asked: Asked) -> Any:
        rest = asked.path.strip("/").split("/")[4:]
        if asked.method != "GET" or rest[0] != "conversations" or len(rest) > 2:
            return super()._route(asked)
        if len(rest) == 2 and int(rest[1]) in self.talks:
            return self._told(self.talks[int(rest[1])])
        if len(rest) == 2:
            return super()._route(asked)
        if set(asked.query) != {"status", "page"}:
            raise NotSalesforce(422, "UNKNOWN_PARAMETER")
        rows = sorted(map(self._told, self.talks.values()), key=lambda one: -one["last_activity_at"])
        first = PAGE * (int(asked.query["page"]) - 1)
        return {"data": {"meta": {}, "payload": rows[first : first + PAGE]}}

    @staticmethod
    def _told(talk: Talk) -> dict[str, Any]:
        times = [one["created_at"] for one in talk.messages] or [1]
        person: dict[str, Any] = next(
            (one["sender"] for one in talk.messages if one["sender"]["type"] == "contact"), {}
        )
        shown = talk.shown()
        meta = {**shown["meta"], "sender": person or shown["meta"]["sender"]}
        return shown | {"created_at": min(times), "last_activity_at": max(times), "meta": meta}

    def _listed(self, talk: Talk, asked: Asked) -> Any:
        before = asked.query.get("before")
        if before is None:
            return super()._listed(talk, asked)
        return {"payload": [one for one in talk.messages if one["id"] < int(before)][-20:]}


__all__ = ["OUR_USER", "PERSON", "ROOT", "Answers", "Inbox", "Org", "Portal"]
