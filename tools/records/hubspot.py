"""HubSpot read: contacts, companies and deals in batches, and the journal of what webhooks told.

A property with its history reads as the webhook would have told it, with the same id: what was told and what is read
count once.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import orjson

from domain.errors import ConfigError, Refused, Temporary, Unauthorized
from domain.instants import Instant, instant, iso
from domain.kinds import Kind
from domain.ports.receivers import Delivery
from domain.ports.sources import RawItem
from domain.ports.upstream import Page, Record, Told
from tools import addresses
from tools.refresh import PATH
from tools.said import Said, key, listed, mark_of, number, table, word
from tools.sources import hubspot as told
from tools.vendor import TIMEOUT, Api, Call, Manners

MOST: Final = 50
"""Records with their history that HubSpot reads at once."""
PEOPLE: Final = 50
"""Contacts of a company or deal that hear of it."""
JOURNAL: Final = "/webhooks-journal/journal/2026-03"
STORES: Final = (".amazonaws.com", ".hubspot.com", ".hubapi.com")
"""Where files of the journal lie."""
READS: Final[Mapping[str, tuple[str, ...]]] = {
    "contact": (
        "email", "phone", "mobilephone", *told.TRAITS, "numemployees", "lifecyclestage", "hs_lead_status",
        "hubspot_owner_id", "hs_email_optout",
    ),
    "company": ("name", "domain", "industry", "numberofemployees", "annualrevenue", "country"),
    "deal": ("dealstage", "pipeline", "amount"),
}  # fmt: skip
_PLURAL: Final = {"contact": "contacts", "company": "companies", "deal": "deals"}
_TYPES: Final = {"0-1": "contact", "0-2": "company", "0-3": "deal"}
_MERGED: Final = "hs_merged_object_ids"
_ID: Final = re.compile(r"[0-9]{1,20}")
_OFFSET: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class HubSpotReader:
    """Satisfies `domain.ports.upstream.Reader`.

    `actors` are ids of our own apps, `written` the properties of a contact that we write.
    """

    api: Api
    actors: frozenset[str] = frozenset()
    written: frozenset[str] = told.OWNER
    vendor: str = told.NAME
    most: int = MOST

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """A request for each sort of record, and one for the contacts of companies and deals."""
        found = {
            one: Told(code="unknown")
            for one in records
            if one.object not in READS or not _ID.fullmatch(one.ref)
        }
        for kind in READS:
            some = [one for one in records if one.object == kind and one not in found]
            if some:
                found |= await self._some(kind, some, now)
        return found

    async def _some(self, kind: str, records: Sequence[Record], now: int) -> dict[Record, Told]:
        rows, missing = await self._rows(kind, [one.ref for one in records])
        people: dict[str, list[str]] = {}
        if kind != "contact":
            people = await self._people(kind, [one.ref for one in records if one.ref in rows])
        found: dict[Record, Told] = {}
        for one in records:
            row = rows.get(one.ref)
            if row is None and missing:
                found[one] = self._gone(one, now)
            elif row is not None:
                found[one] = (
                    self._contact(one, row, now)
                    if kind == "contact"
                    else _of_all(kind, one, row, people.get(one.ref, []), now)
                )
        return found

    async def _rows(self, kind: str, refs: Sequence[str]) -> tuple[dict[str, Mapping[str, Any]], bool]:
        """By the id asked for, also where the record has been merged since; and if HubSpot says that some are gone."""
        names = READS[kind]
        body = {
            "inputs": [{"id": ref} for ref in refs],
            "properties": [*names, _MERGED],
            "propertiesWithHistory": list(names),
        }
        answer = await self.api.read(Call("POST", f"/crm/v3/objects/{_PLURAL[kind]}/batch/read", body))
        found: dict[str, Mapping[str, Any]] = {}
        for row in _results(answer):
            merged = (word(table(row.get("properties")).get(_MERGED)) or "").split(";")
            for ref in (word(row.get("id")), *merged):
                if ref is not None and ref in refs:
                    found[ref] = row
        errors = listed(table(answer).get("errors"))
        return found, any(table(one).get("category") == "OBJECT_NOT_FOUND" for one in errors)

    async def _people(self, kind: str, refs: Sequence[str]) -> dict[str, list[str]]:
        if not refs:
            return {}
        path = f"/crm/v4/associations/{_PLURAL[kind]}/contacts/batch/read"
        answer = await self.api.read(Call("POST", path, {"inputs": [{"id": ref} for ref in refs]}))
        found: dict[str, list[str]] = {}
        for row in _results(answer):
            ids = (word(table(one).get("toObjectId")) for one in listed(row.get("to")))
            found[word(table(row.get("from")).get("id")) or ""] = [one for one in ids if one][:PEOPLE]
        return found

    def _gone(self, record: Record, now: int) -> Told:
        at = record.since // 1_000
        gone = {"subscriptionType": "contact.deletion", "objectId": record.ref, "occurredAt": at}
        return Told(self._said([gone], now) if record.object == "contact" else (), "gone")

    def _contact(self, record: Record, row: Mapping[str, Any], now: int) -> Told:
        at, ref = record.since // 1_000, word(row.get("id"))
        events = [_change(ref, name, value, past) for name, value, past in _values(row, "contact")]
        if ref != record.ref:
            events.append({
                "subscriptionType": "contact.merge", "primaryObjectId": ref, "mergedObjectIds": [record.ref],
                "objectId": ref, "occurredAt": at,
            })  # fmt: skip
        return Told(self._said(events, now))

    def _said(self, events: Sequence[Mapping[str, Any]], now: int) -> tuple[RawItem, ...]:
        """As the webhook's events of them would be read."""
        ours = {"actors": self.actors, "written": self.written}
        return told.read(Delivery({}, orjson.dumps(events)), now=now, **ours).items


@dataclass(slots=True)
class HubSpotJournal:
    """Satisfies `domain.ports.upstream.Poller`: which records changed, told by the journal of the last three days.

    Its files name the records; what they say is read from the records. `files` fetches a file, without our token, and
    only from HubSpot (`host` is where we ask it) or its store.
    """

    api: Api
    files: Api
    host: str
    portals: frozenset[str] = frozenset()
    name: str = "hubspot.journal"
    vendor: str = told.NAME

    def beginning(self, since: int) -> str:
        """The journal knows no times: the earliest entry that there is."""
        del since
        return ""

    async def page(self, position: str, *, now: int) -> Page:
        """One file of it."""
        code = "ok"
        path = f"/offset/{position}/next" if _OFFSET.fullmatch(position) else "/earliest"
        try:
            answer = await self.api.read(Call("GET", JOURNAL + path))
        except Refused as error:
            if error.code not in ("gone", "invalid", "refused") or path == "/earliest":
                raise
            code, answer = "expired", await self.api.read(Call("GET", f"{JOURNAL}/earliest"))
        entry = table(answer)
        url, offset = word(entry.get("url")), word(entry.get("currentOffset"))
        if url is None or offset is None or not _OFFSET.fullmatch(offset):
            return Page(position if code == "ok" else "", code=code)
        content = await self.files.read(Call("GET", self._safe(url)))
        items, records = self._read(content, now)
        return Page(offset, items, records, more=offset != position, code=code)

    def _safe(self, url: str) -> str:
        """The address of a file. Raises: Temporary if it lies where HubSpot keeps none."""
        try:
            host = urlsplit(addresses.checked(url)).hostname or ""
        except ConfigError:
            host = ""
        if host != self.host and not host.endswith(STORES):
            raise Temporary("hubspot: a file of the journal is said to lie where HubSpot keeps none")
        return url

    def _read(self, content: Any, now: int) -> tuple[tuple[RawItem, ...], tuple[Record, ...]]:
        events = listed(table(content).get("journalEvents")) or listed(content)
        forgotten, records = [], []
        for event in map(table, events):
            ref, at = word(event.get("objectId")), _when(event.get("occurredAt")) or now
            kind = _TYPES.get(word(event.get("objectTypeId")) or "")
            if self.portals and word(event.get("portalId")) not in self.portals:
                continue
            if kind is None or ref is None or not _ID.fullmatch(ref):
                continue
            if event.get("action") == "GDPR_DELETE":
                forgotten.append({"subscriptionType": "contact.privacyDeletion", "objectId": ref,
                                  "occurredAt": at // 1_000})  # fmt: skip
            else:
                records.append(record_of(kind, ref, at))
        items = told.read(Delivery({}, orjson.dumps(forgotten)), now=now).items if forgotten else ()
        return items, tuple(records)


@dataclass(frozen=True, slots=True)
class JournalLogin:
    """A token for the journal, by the app's own credentials; satisfies `tools.vendor.Renew`."""

    url: str
    client: str
    secret: str = field(repr=False)
    transport: httpx.AsyncBaseTransport | None = None

    async def __call__(self, _stale: str | None) -> str:
        """A new token. Raises: Temporary, Unauthorized."""
        form = {
            "grant_type": "client_credentials", "client_id": self.client, "client_secret": self.secret,
            "scope": "developer.webhooks_journal.read",
        }  # fmt: skip
        url = addresses.checked(self.url).rstrip("/")
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT, transport=self.transport, trust_env=False) as asked:
                answer = await asked.post(url + PATH, data=form)
        except httpx.HTTPError as error:
            raise Temporary(f"hubspot gives no token now ({type(error).__name__})") from None
        if answer.status_code in (400, 401, 403):
            raise Unauthorized("hubspot does not accept the app's credentials", "crm_client_secret")
        try:
            token = table(orjson.loads(answer.content)).get("access_token")
        except orjson.JSONDecodeError:
            token = None
        if answer.status_code != 200 or not isinstance(token, str):
            raise Temporary(f"hubspot gives no token now ({answer.status_code})")
        return token


FILES: Final = Manners("hubspot's journal", lambda _: {})
"""Files of the journal lie elsewhere, at an address that is its own key."""


async def no_token(_stale: str | None) -> str:
    """For `FILES`."""
    return "none"


def record_of(kind: str, ref: str, at: int) -> Record:
    """A contact is a lead's; a company or deal is nobody's by itself."""
    record = Record(told.NAME, kind, ref, at)
    return record if kind == "contact" else replace(record, kind=None)


def _results(answer: Any) -> list[Mapping[str, Any]]:
    rows = table(answer).get("results")
    if not isinstance(rows, list):
        raise Temporary("hubspot: the answer holds no results")
    return [table(row) for row in rows]


def _values(row: Mapping[str, Any], kind: str) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """(property, value, newest entry of its history) where there is a value."""
    held, history = table(row.get("properties")), table(row.get("propertiesWithHistory"))
    for name in READS[kind]:
        value, past = word(held.get(name)), listed(history.get(name))
        if value is not None:
            yield name, value, table(past[0]) if past else {"timestamp": row.get("updatedAt")}


def _change(ref: str | None, name: str, value: str, past: Mapping[str, Any]) -> Mapping[str, Any]:
    at = _when(past.get("timestamp"))
    return {
        "subscriptionType": "contact.propertyChange", "objectId": ref, "propertyName": name, "propertyValue": value,
        "occurredAt": None if at is None else at // 1_000, "changeSource": past.get("sourceType"),
        "sourceId": past.get("sourceId"),
    }  # fmt: skip


def _of_all(kind: str, record: Record, row: Mapping[str, Any], people: Sequence[str], now: int) -> Told:
    """What a company or deal says of each of its contacts."""
    said = Said(told.NAME, now)
    values = {name: (value, _when(past.get("timestamp"))) for name, value, past in _values(row, kind)}
    for ref in people:
        keys: list[tuple[str, object]] = [("crm_id", key(told.NAME, ref))]
        if kind == "company":
            _company(said, [kind, record.ref, ref], keys, values)
        elif "dealstage" in values:
            stage, at = values["dealstage"]
            amount = _number(values.get("amount", ("", None))[0])
            payload = {
                "stage": stage,
                "object": "deal",
                "amount": amount,
                "pipeline": values.get("pipeline", [None])[0],
            }
            identifier = [kind, record.ref, ref, mark_of(payload), at or ""]
            said.add(Kind.STAGE_CHANGE, identifier, keys, None if at is None else iso(at), payload)
    return Told(said.reading().items)


def _company(
    said: Said,
    identifier: list[object],
    keys: list[tuple[str, object]],
    values: Mapping[str, tuple[str, Instant | None]],
) -> None:
    held = {name: value for name, (value, _) in values.items()}
    at = max((moment for _, moment in values.values() if moment is not None), default=None)
    payload = {
        "industry": held.get("industry"), "country": held.get("country"), "revenue_band": held.get("annualrevenue"),
        "employees": number(held.get("numberofemployees")),
    }  # fmt: skip
    account = held.get("domain") or held.get("name")
    identifier = [*identifier, mark_of([payload, account]), at or ""]
    said.add(Kind.IDENTIFY, identifier, keys, None if at is None else iso(at), payload, account=account)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _when(text: object) -> Instant | None:
    """An instant from RFC 3339 text or milliseconds; None for anything else."""
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 10**15:
        return Instant(text * 1_000)
    try:
        return instant(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
