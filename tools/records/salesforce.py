"""Salesforce read: leads and contacts by their ids, and by when they were last changed, deleted ones too."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

import orjson

from domain.errors import Temporary
from domain.instants import MINUTE, Instant, instant, iso
from domain.kinds import Kind
from domain.ports.receivers import Delivery
from domain.ports.sources import RawItem
from domain.ports.upstream import Page, Record, Told
from tools.crm.salesforce import ROOT
from tools.login import Login
from tools.said import Said, key, listed, table, word
from tools.sources import salesforce as told
from tools.vendor import Api, Call

MOST: Final = 100
"""Ids in one query: it travels in an address."""
PAGE: Final = 200
OVERLAP: Final = 2 * MINUTE
"""A transaction that takes this long may show a change with a time that we have passed already."""
_SHARED: Final = (
    "Id", "IsDeleted", "MasterRecordId", "SystemModstamp", "LastModifiedDate", "LastModifiedById", "Email", "Phone",
    "MobilePhone", "Title", "LeadSource", "OwnerId", "HasOptedOutOfEmail",
)  # fmt: skip
FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "Lead": (*_SHARED, "Company", "Industry", "Country", "NumberOfEmployees", "Status", "ConvertedContactId"),
    "Contact": (*_SHARED, "MailingCountry"),
}
_ID: Final = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_TIMES: Final = ("SystemModstamp", "LastModifiedDate")
_NOT_TOLD: Final = frozenset({"Id", "IsDeleted", "MasterRecordId", "LastModifiedById", "attributes"})


@dataclass(frozen=True, slots=True)
class Org:
    """An org as we ask it. `actors` are ids of our own users; the one we log in as is known after the first answer."""

    api: Api
    login: Login | None = None
    actors: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    """Fields of a Lead that we write."""

    async def query(self, entity: str, where: str, more: str = "") -> list[Mapping[str, Any]]:
        """Rows, deleted ones too. Raises: Temporary if it is no answer to a query."""
        soql = " ".join(["SELECT", ", ".join(FIELDS[entity]), "FROM", entity, "WHERE", where + more])
        answer = await self.api.read(Call("GET", f"{ROOT}/queryAll?q={quote(soql)}"))
        rows = table(answer).get("records")
        if not isinstance(rows, list):
            raise Temporary("salesforce: the answer holds no records")
        return [table(row) for row in rows]

    def items(self, entity: str, row: Mapping[str, Any], now: int) -> Told:
        """What a row says, as a flow would send it; what we wrote last says nothing of what we write."""
        ref, master = word(row.get("Id")), word(row.get("MasterRecordId"))
        row = {**row, **{name: _utc(row, name) for name in _TIMES if row.get(name) is not None}}
        at = word(row.get("SystemModstamp"))
        if row.get("IsDeleted") is True:
            return _gone(entity, ref, master, at, now)
        users = self.actors | ({self.login.user} if self.login and self.login.user else set())
        ours = told.Ours(frozenset(one[:15] for one in users), self.written)
        hidden = _NOT_TOLD | ours.hidden(word(row.get("LastModifiedById")))
        fields = {name: value for name, value in row.items() if name not in hidden}
        event = {"object": entity, "id": ref, "fields": fields}
        return Told(told.read(Delivery({}, orjson.dumps(event)), now=now).items)


@dataclass(frozen=True, slots=True)
class SalesforceReader:
    """Satisfies `domain.ports.upstream.Reader`."""

    org: Org
    vendor: str = told.NAME
    most: int = MOST

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """A query for each sort of record."""
        found: dict[Record, Told] = {}
        for entity in FIELDS:
            some = {one.ref: one for one in records if one.object == entity and _ID.fullmatch(one.ref)}
            if not some:
                continue
            ids = ", ".join(f"'{ref}'" for ref in sorted(some))
            rows = {word(row.get("Id")): row for row in await self.org.query(entity, f"Id IN ({ids})")}
            for ref, one in some.items():
                row = rows.get(ref) or next((row for known, row in rows.items() if _same(known, ref)), None)
                found[one] = (
                    self.org.items(entity, row, now)
                    if row
                    else _gone(entity, ref, None, iso(Instant(one.since)), now)
                )
        return {one: found.get(one, Told(code="unknown")) for one in records}


@dataclass(frozen=True, slots=True)
class SalesforcePoller:
    """Satisfies `domain.ports.upstream.Poller`: what was changed since, in the order of change and then of ids.

    A position is (time, id). Several records may bear the same second, so the time alone would pass over some; and a
    slow transaction shows late what bears an earlier time, so the last minutes are looked at again.
    """

    org: Org
    entity: str
    size: int = PAGE
    """Rows of a page."""
    vendor: str = told.NAME

    @property
    def name(self) -> str:
        """One for each sort of record."""
        return f"{told.NAME}.{self.entity.lower()}"

    def beginning(self, since: int) -> str:
        """From that time on."""
        return _place(iso(Instant(since)), "")

    async def page(self, position: str, *, now: int) -> Page:
        """One page of changed rows."""
        at, ref = _parted(position)
        where = f"(SystemModstamp > {at} OR (SystemModstamp = {at} AND Id > '{ref}'))"
        order = f" ORDER BY SystemModstamp, Id LIMIT {self.size}"
        rows = await self.org.query(self.entity, where, order)
        items: list[RawItem] = []
        for row in rows:
            items += self.org.items(self.entity, row, now).items
        if len(rows) >= self.size:
            return Page(_place(_utc(rows[-1]), word(rows[-1].get("Id")) or ""), tuple(items), more=True)
        if not rows and not ref:
            return Page(position)
        back = iso(Instant(instant(datetime.fromisoformat(max([at, *map(_utc, rows)]))) - OVERLAP))
        return Page(_place(back if ref else max(back, at), ""), tuple(items))


def _gone(entity: str, ref: str | None, master: str | None, at: str | None, now: int) -> Told:
    """Deleted, or merged into another one."""
    said, keys = Said(told.NAME, now), [("crm_id", key(told.NAME, ref))]
    if master is not None:
        both = [*keys, ("crm_id", key(told.NAME, master))]
        said.add(Kind.MERGE, [entity, ref, "merged", master], both, at)
        return Told(said.reading().items, "merged")
    payload = {"stage": "deleted", "object": entity}
    said.add(Kind.STAGE_CHANGE, [entity, ref, "gone", at or ""], keys, at, payload)
    return Told(said.reading().items, "gone")


def _same(one: str | None, other: str) -> bool:
    """Ids of 15 and of 18 signs of one record."""
    return one is not None and one[:15] == other[:15] and 15 in (len(one), len(other))


def _place(at: str, ref: str) -> str:
    return orjson.dumps([at, ref]).decode()


def _parted(position: str) -> tuple[str, str]:
    """Raises: Temporary for a position that we did not write."""
    try:
        at, ref = map(str, listed(orjson.loads(position)))
        at = iso(instant(datetime.fromisoformat(at)))
    except ValueError:
        raise Temporary("salesforce: the position cannot be read; give --since") from None
    if ref and not _ID.fullmatch(ref):
        raise Temporary("salesforce: the position cannot be read; give --since")
    return at, ref


def _utc(row: Mapping[str, Any], name: str = "SystemModstamp") -> str:
    """A time of a row in the form that webhooks and positions have. Raises: Temporary."""
    try:
        return iso(instant(datetime.fromisoformat(word(row.get(name)) or "")))
    except ValueError:
        raise Temporary("salesforce: a row holds no time of its change") from None
