"""Salesforce: change events and platform events that a relay posts, flow callouts, and outbound messages.

None of them carries a signature, so each needs a token that we issued: in the address for outbound messages, which
can send no header, else as a bearer token or the password of a Basic login.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from domain.errors import BadInput
from domain.kinds import Kind
from domain.ports.receivers import JSON, Delivery, Form, Reading
from tools.proofs import with_token
from tools.said import LEVELS, Said, document, key, listed, mark_of, number, table, word

NAME: Final = "salesforce"
XML: Final = frozenset({"text/xml", "application/xml"})
ACK: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/'
    b'envelope/"><soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true'
    b"</Ack></notificationsResponse></soapenv:Body></soapenv:Envelope>"
)
FORM: Final = Form(XML | {JSON}, answer=("text/xml", ACK))
SIGNED_URL: Final = False
OUTBOUND: Final = "{http://soap.sforce.com/2005/09/outbound}"
CLIENT: Final = "leadgraph"
"""As whom our own writes name themselves in ``Sforce-Call-Options``."""
PEOPLE: Final = frozenset({"Lead", "Contact"})
TRAITS: Final[Mapping[str, str]] = {
    "Industry": "industry", "Title": "job_title", "LeadSource": "lead_source", "Country": "country",
    "MailingCountry": "country",
}  # fmt: skip
"""Field -> trait."""
NOBODY: Final = "000000000000000AAA"
"""The id of an overflow: more changed in a transaction than is told one by one."""
OWNER: Final = "OwnerId"
_FIELDS: Final = frozenset({*TRAITS, "Email", "Phone", "MobilePhone", "Company", "NumberOfEmployees"})
_TIMES: Final = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
_BY: Final = "LastModifiedById"
_SHORT: Final = re.compile(r"[A-Za-z0-9]{15}")
_BITS: Final = re.compile(r"(?:[0-9]{1,4}-)?0x[0-9A-Fa-f]{1,400}")
"""Changed fields as the Pub/Sub API has them: as a map of bits over its schema, which nobody posts along."""


@dataclass(frozen=True, slots=True)
class Ours:
    """Who we are in the organisation, and what we write there."""

    actors: frozenset[str] = frozenset()
    """Our users, by the 15 signs that tell."""
    written: frozenset[str] = frozenset()
    """Fields of a Lead."""

    def wrote(self, user: object) -> bool:
        """Whether the user is ours."""
        return (word(user) or "")[:15] in self.actors

    def hidden(self, by: str | None) -> frozenset[str]:
        """The fields of a record, last changed by `by`, that say nothing of the lead.

        As long as nobody says who changed it, the owner counts: it may be a person's choice.
        """
        if by is not None and self.wrote(by):
            return self.written | {OWNER}
        return self.written - {OWNER} if by is None or not self.actors else frozenset()


def long_id(record: object) -> object:
    """An id of 18 signs for one of 15, which means the same record; anything else as it is.

    >>> long_id("001D000000IqhSL")
    '001D000000IqhSLIAZ'
    """
    text = word(record)
    if text is None or not _SHORT.fullmatch(text):
        return record
    parts = (text[start : start + 5] for start in (0, 5, 10))
    bits = (sum(sign.isupper() << place for place, sign in enumerate(part)) for part in parts)
    return text + "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[number] for number in bits)


def verify(delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "") -> None:
    """Raises: Unproven."""
    del now, url  # nothing is signed
    with_token(delivery, secrets)


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),
    accounts: frozenset[str] = frozenset(),
    written: frozenset[str] = frozenset(),
) -> Reading:
    """`actors` are ids of our own users, `accounts` the organisations whose messages are taken.

    `written` are the fields of a Lead that we write. Raises: BadInput.
    """
    said, ours = Said(NAME, now), Ours(frozenset(one[:15] for one in actors), written)
    if delivery.headers.get("content-type", "").partition(";")[0].strip().lower() in XML:
        _outbound(delivery.body, said, accounts, ours)
        return said.reading()
    body = document(delivery)
    for event in body if isinstance(body, list) else [body]:
        _event(table(event), said, ours)
    return said.reading()


def _event(event: Mapping[str, Any], said: Said, ours: Ours) -> None:
    """A change event or platform event, bare or as a relay wraps it, or what a flow sends."""
    inner = table(event.get("data")) or event
    payload = table(inner.get("payload")) or inner
    head = table(payload.get("ChangeEventHeader"))
    replay = word(table(inner.get("event")).get("replayId"))
    if head:
        _change(head, payload, said, ours)
    elif word(event.get("object")) is not None:
        beside = {name: event[name] for name in (*_TIMES, _BY) if name in event}
        fields = {**table(event.get("fields")), **beside, "Id": event.get("id")}
        _snapshot([word(event.get("id")) or ""], str(event["object"]), fields, said, ours)
    elif replay is not None or "EventUuid" in payload or "CreatedDate" in payload:
        fields = {name.removesuffix("__c"): value for name, value in payload.items()}
        identifier = ["event", word(payload.get("EventUuid")) or replay or mark_of(fields)]
        fields = {_BY: fields.get("CreatedById"), **fields, "Id": fields.get("RecordId")}
        _snapshot(identifier, word(fields.get("Object")) or "", fields, said, ours)
    else:
        said.ignore("kind")


def _own(head: Mapping[str, Any], ours: Ours) -> bool:
    client = (word(head.get("changeOrigin")) or "").partition("client=")[2].strip("/")
    return client == CLIENT or ours.wrote(head.get("commitUser"))


def _change(head: Mapping[str, Any], fields: Mapping[str, Any], said: Said, ours: Ours) -> None:
    """One change of one or more records."""
    records = listed(head.get("recordIds")) or [head.get("recordId")]
    for record in records:
        if _own(head, ours):
            said.ignore("echo")
        elif word(head.get("entityName")) not in PEOPLE:
            said.ignore("no_lead")
        elif unnamed(record):
            said.ignore("wildcard")
        else:
            _record(record, head, fields, said)


def unnamed(record: object) -> bool:
    """Whether the id stands for many records: a wildcard, or the empty id of an overflow."""
    return "*" in (word(record) or "") or record == NOBODY


def _record(record: object, head: Mapping[str, Any], fields: Mapping[str, Any], said: Said) -> None:
    entity, what = head.get("entityName"), (word(head.get("changeType")) or "").removeprefix("GAP_")
    identifier = [entity, record, head.get("transactionKey"), head.get("sequenceNumber")]
    at, keys = head.get("commitTimestamp"), [("crm_id", key(NAME, long_id(record)))]
    changed = {str(name).partition(".")[2] or str(name) for name in listed(head.get("changedFields"))}
    if what == "DELETE":
        said.add(Kind.STAGE_CHANGE, identifier, keys, at, {"stage": "deleted", "object": str(entity)})
        # A merge deletes its loser, and only the record says into what.
        said.read_back(str(entity), record, at)
    elif what in {"UNDELETE", "OVERFLOW"} or head.get("changeType") != what or _told_in_bits(changed):
        said.add(Kind.IDENTIFY, identifier, keys, at, thin=True)
        said.read_back(str(entity), record, at)
    elif what in {"CREATE", "UPDATE", "SNAPSHOT"}:
        given = _flat(fields)
        kept = (
            given if what != "UPDATE" else {name: value for name, value in given.items() if name in changed}
        )
        before = len(said.items)
        _said_of(identifier, str(entity), kept, said, keys=keys, at=at)
        if len(said.items) == before:
            said.ignore("unlisted")
    else:
        said.ignore("kind")


def _told_in_bits(changed: Collection[str]) -> bool:
    return any(_BITS.fullmatch(name) for name in changed)


def _flat(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Compound fields, such as an address, as the fields they hold."""
    parts = [
        value for name, value in fields.items() if isinstance(value, dict) and name != "ChangeEventHeader"
    ]
    return {
        name: value for one in (*parts, fields) for name, value in one.items() if word(value) or value is True
    }


def _snapshot(identifier: list[Any], entity: str, fields: Mapping[str, Any], said: Said, ours: Ours) -> None:
    """A record as it is now. Sent again later it may say more: then it is another statement.

    Our own write brings it about as well, and shows what a person has changed since: so it stands as a whole, and what
    is known of it is no news. Of a record that somebody else has changed all is taken.
    """
    if entity not in PEOPLE:
        said.ignore("no_lead")
        return
    whole, by = _flat(fields), word(fields.get(_BY))
    own = ours.wrote(by)
    given = {name: value for name, value in whole.items() if name not in ours.hidden(by)}
    at = next((word(given[name]) for name in _TIMES if word(given.get(name))), None)
    at = at if at is None else at.replace("+0000", "Z")  # as Apex writes it
    record, first = long_id(fields.get("Id")), len(said.items)
    identifier = [*identifier, mark_of({name: word(value) for name, value in given.items()})]
    stated = None if at is None else [entity, record, at]
    keys = [("crm_id", key(NAME, record))]
    _said_of(identifier, entity, given, said, keys=keys, at=at, stated=stated, always=True)
    if own or by is None or not ours.actors:
        said.stands(first, "echo" if own else "unchanged")
    if not own and not {"Email", OWNER} <= whole.keys():
        said.read_back(entity, fields.get("Id"), None)


def _said_of(
    identifier: list[Any],
    entity: str,
    fields: Mapping[str, Any],
    said: Said,
    *,
    keys: Sequence[tuple[str, object]],
    at: object,
    stated: list[Any] | None = None,
    always: bool = False,
) -> None:
    """What the fields of a lead or contact say, an item for each kind of statement.

    With `stated` (record and time) a statement goes by that and by what it says, however it came.
    """

    def part(name: str, value: object) -> list[Any]:
        return [*identifier, name] if stated is None else [*stated, name, value]

    if always or fields.keys() & _FIELDS:
        known = [
            ("email", fields.get("Email")),
            ("phone", fields.get("Phone")),
            ("phone", fields.get("MobilePhone")),
        ]
        payload: dict[str, Any] = {to: word(fields[name]) for name, to in TRAITS.items() if name in fields}
        payload["employees"] = number(fields.get("NumberOfEmployees"))
        said.add(Kind.IDENTIFY, identifier, [*keys, *known], at, payload, account=word(fields.get("Company")))
    if "Status" in fields:
        stage = {"stage": word(fields["Status"]), "object": entity}
        said.add(Kind.STAGE_CHANGE, part("stage", fields["Status"]), keys, at, stage)
    if "OwnerId" in fields:
        said.add(
            Kind.OWNER_CHANGE, part("owner", fields["OwnerId"]), keys, at, {"owner": word(fields["OwnerId"])}
        )
    if str(fields.get("HasOptedOutOfEmail", "")).lower() == "true":
        consent = {"status": "withdrawn", "purpose": "marketing"}
        said.add(Kind.CONSENT, part("consent", ""), keys, at, consent)
    if word(fields.get("ConvertedContactId")) is not None:
        both = [*keys, ("crm_id", key(NAME, long_id(fields["ConvertedContactId"])))]
        said.add(Kind.MERGE, part("converted", fields["ConvertedContactId"]), both, at)


def _outbound(body: bytes, said: Said, accounts: frozenset[str], ours: Ours) -> None:
    """An outbound message: the session that it may hold is never looked at."""
    messages = _parsed(body).find(f".//{OUTBOUND}notifications")
    if messages is None:
        raise BadInput(
            "body", "is no outbound message", "send `notifications` in a SOAP body", code="not_soap"
        )
    found = messages.findall(f"{OUTBOUND}Notification")
    organisation = (messages.findtext(f"{OUTBOUND}OrganizationId") or "")[:15]
    foreign = bool(accounts) and organisation not in {one[:15] for one in accounts}
    for notification in found:
        record = notification.find(f"{OUTBOUND}sObject")
        if foreign:
            said.ignore("account")
        elif record is None:
            said.ignore("no_lead")
        else:
            entity = record.get("{http://www.w3.org/2001/XMLSchema-instance}type", "").rpartition(":")[2]
            fields = {one.tag.rpartition("}")[2]: one.text for one in record}
            _snapshot([notification.findtext(f"{OUTBOUND}Id")], entity, fields, said, ours)


def _parsed(body: bytes) -> Element:
    """The root, read without entities, document types or too many levels. Raises: BadInput."""
    root: Element | None = None
    level = 0
    try:
        for event, element in iterparse(BytesIO(body), events=("start", "end"), forbid_dtd=True):
            root = element if root is None else root
            level += 1 if event == "start" else -1
            if level > LEVELS:
                raise BadInput("body", f"is nested deeper than {LEVELS} levels", "send less", code="too_deep")
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise BadInput(
            "body", "is not plain XML", "send XML without a document type", code="not_xml"
        ) from None
    if root is None:
        raise BadInput("body", "is empty", "send XML", code="not_xml")
    return root
