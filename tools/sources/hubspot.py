"""HubSpot's webhooks: signature v3 over method, address, body and time; batches of events that name a property each.

The vendor calls event ids not unique, so the key is that of the whole change, without the number of the attempt; a
property's change goes by the property, its value and its time.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

from domain.errors import BadInput
from domain.instants import SECOND
from domain.kinds import Kind
from domain.ports.receivers import Delivery, Form, Reading, Unproven
from tools.proofs import base64_sha256, fresh, header, same, whole
from tools.said import Said, document, key, listed, mark_of, number, table, word

NAME: Final = "hubspot"
FORM: Final = Form()
SIGNED_URL: Final = True
"""The address is part of what is signed."""
CONTACT: Final = "0-1"
"""Type of a contact among HubSpot's objects."""
OURS: Final = "leadgraph_"
"""Begins the names of properties that only we write."""
OWNER: Final = frozenset({"hubspot_owner_id"})
TRAITS: Final[Mapping[str, str]] = {
    "industry": "industry", "country": "country", "jobtitle": "job_title", "seniority": "seniority",
    "job_function": "job_function", "hs_buying_role": "buyer_role", "annualrevenue": "revenue_band",
}  # fmt: skip
"""Property -> trait."""
_STAGES: Final = {"lifecyclestage": "lifecycle", "hs_lead_status": "lead_status"}
_ESCAPES: Final = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""What HubSpot decodes before it signs; nothing else."""


def verify(
    delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "", older: bool = False
) -> None:
    """Raises: Unproven. `older` lets version 1 in where version 3 is not sent: it has no time, so no age."""
    if older and "x-hubspot-signature-v3" not in delivery.headers:
        _verify_1(delivery, secrets)
        return
    given = header(delivery, "x-hubspot-signature-v3")
    timestamp = header(delivery, "x-hubspot-request-timestamp")
    fresh(whole(timestamp, SECOND // 1_000), now)
    text = b"POST" + signed_url(url).encode() + delivery.body + timestamp.encode()
    same(given, base64_sha256(secrets, text))


def signed_url(url: str) -> str:
    """The address as HubSpot signs it.

    >>> signed_url("https://a.example/x%3Ay%20z")
    'https://a.example/x:y%20z'
    """
    return _ESCAPES.sub(lambda found: chr(int(found[0][1:], 16)), url)


def _verify_1(delivery: Delivery, secrets: Sequence[str]) -> None:
    if delivery.headers.get("x-hubspot-signature-version") != "v1":
        raise Unproven("missing")
    wanted = [sha256(secret.encode() + delivery.body).hexdigest() for secret in secrets if secret]
    same(header(delivery, "x-hubspot-signature"), wanted)


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),
    accounts: frozenset[str] = frozenset(),
    written: frozenset[str] = OWNER,
) -> Reading:
    """`actors` are ids of our own apps, `accounts` the portals whose events are taken.

    `written` are the properties of a contact that we write; none where we write nowhere. Raises: BadInput.
    """
    events = document(delivery)
    if not isinstance(events, list):
        raise BadInput("body", "is not a list", "HubSpot sends a list of events", code="not_list")
    said = Said(NAME, now)
    for event in events:
        one = table(event)
        if accounts and word(one.get("portalId")) not in accounts:
            said.ignore("account")
        elif _echo(one, actors, written):
            said.ignore("echo")
        elif written and _creation(one) and _unnamed(one, actors):
            said.ignore("empty")  # it may be ours, and then its record says nothing of a lead
            said.read_back("contact", one.get("objectId"), one.get("occurredAt"))
        else:
            _event(one, said)
    return said.reading()


def _echo(event: Mapping[str, Any], actors: frozenset[str], written: frozenset[str]) -> bool:
    """True for what we wrote ourselves: a property that is ours alone, or a write of our app.

    The app that tells us is ours. Where it cannot be said which integration wrote, what we write counts as ours.
    """
    name = word(event.get("propertyName")) or ""
    if name.startswith(OURS):
        return True
    if event.get("changeSource") != "INTEGRATION":
        return False
    source = _app(event)
    ours = bool(source) and source in {*actors, word(event.get("appId"))}
    return ours or (name in written and _unnamed(event, actors))


def _unnamed(event: Mapping[str, Any], actors: frozenset[str]) -> bool:
    """Whether an integration wrote of which it cannot be said that it is not ours."""
    return event.get("changeSource") == "INTEGRATION" and not (_app(event) and actors)


def _app(event: Mapping[str, Any]) -> str:
    return (word(event.get("sourceId")) or "").rpartition(":")[2]


def _creation(event: Mapping[str, Any]) -> bool:
    kind = event.get("subscriptionType")
    return kind == "contact.creation" or (kind == "object.creation" and event.get("objectTypeId") == CONTACT)


def _event(event: Mapping[str, Any], said: Said) -> None:
    subject, _, what = (word(event.get("subscriptionType")) or "").partition(".")
    if subject == "object" and event.get("objectTypeId") == CONTACT:
        subject = "contact"
    if subject == "conversation" and what == "privacyDeletion":
        keys = [("conversation_id", key(NAME, event.get("objectId")))]
        said.add(Kind.PRIVACY_DELETE, _identifier(event), keys, event.get("occurredAt"))
    elif subject != "contact":
        _other(subject, what, event, said)
    elif what == "merge":
        _merge(event, said)
    elif what == "propertyChange":
        _property(event, said)
    else:
        _record(what, event, said)


def _other(subject: str, what: str, event: Mapping[str, Any], said: Said) -> None:
    """A company or deal is nobody's by itself: its contacts are read there."""
    said.ignore("no_lead" if subject in {"deal", "company", "ticket", "conversation"} else "kind")
    if subject in {"deal", "company"} and what in {"creation", "restore", "propertyChange"}:
        said.read_back(subject, event.get("objectId"), event.get("occurredAt"), kind=None)


def _identifier(event: Mapping[str, Any]) -> list[object]:
    names = ("portalId", "subscriptionType", "objectId", "propertyName", "eventId", "occurredAt")
    return [event.get(name, "") for name in names]


def _change_of(event: Mapping[str, Any]) -> list[object]:
    """A change of a property by what changed and when: the same however often it is told, and when it is read."""
    value = mark_of(word(event.get("propertyValue")))
    return ["property", *(event.get(name, "") for name in ("objectId", "propertyName", "occurredAt")), value]


def _keys(event: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [("crm_id", key(NAME, event.get("objectId")))]


def _record(what: str, event: Mapping[str, Any], said: Said) -> None:
    """A contact came, went or came back."""
    identifier, keys, at = _identifier(event), _keys(event), event.get("occurredAt")
    if what == "privacyDeletion":
        said.add(Kind.PRIVACY_DELETE, identifier, keys, at)
    elif what == "deletion":
        said.add(Kind.STAGE_CHANGE, identifier, keys, at, {"stage": "deleted", "object": "contact"})
    elif what in {"creation", "restore"}:
        said.add(Kind.IDENTIFY, identifier, keys, at, thin=True)
        said.read_back("contact", event.get("objectId"), at)
    else:
        said.ignore("kind")


def _merge(event: Mapping[str, Any], said: Said) -> None:
    """The old ids and the new one are one contact; at most fifteen others an item."""
    first = key(NAME, event.get("primaryObjectId") or event.get("objectId"))
    others = [*listed(event.get("mergedObjectIds")), event.get("newObjectId")]
    known = sorted(
        {one for one in (key(NAME, other) for other in others) if one not in {None, first}}, key=str
    )
    for start in range(0, max(1, len(known)), 15):
        keys = [("crm_id", one) for one in (first, *known[start : start + 15])]
        said.add(Kind.MERGE, [*_identifier(event), start], keys, event.get("occurredAt"))


def _property(event: Mapping[str, Any], said: Said) -> None:
    name, value = word(event.get("propertyName")) or "", word(event.get("propertyValue"))
    identifier, keys, at = _change_of(event), _keys(event), event.get("occurredAt")
    if event.get("isSensitive") is True or value == "REDACTED":
        said.add(Kind.IDENTIFY, identifier, keys, at, thin=True)
        said.read_back("contact", event.get("objectId"), at)
    elif value is None:
        said.ignore("empty")
    elif name in {"email", "phone", "mobilephone"}:
        said.add(Kind.IDENTIFY, identifier, [*keys, ("email" if name == "email" else "phone", value)], at)
    elif name in TRAITS:
        said.add(Kind.IDENTIFY, identifier, keys, at, {TRAITS[name]: value})
    elif name == "numemployees" and number(value) is not None:
        said.add(Kind.IDENTIFY, identifier, keys, at, {"employees": number(value)})
    elif name in _STAGES:
        said.add(Kind.STAGE_CHANGE, identifier, keys, at, {"stage": value, "object": _STAGES[name]})
    else:
        _deed(name, value, event, said)


def _deed(name: str, value: str, event: Mapping[str, Any], said: Said) -> None:
    """Properties that say that somebody did something."""
    identifier, keys, at = _change_of(event), _keys(event), event.get("occurredAt")
    if name == "hubspot_owner_id":
        said.add(Kind.OWNER_CHANGE, identifier, keys, at, {"owner": value})
    elif name == "hs_email_optout" and value.lower() == "true":  # not opted out is no consent
        said.add(Kind.CONSENT, identifier, keys, at, {"status": "withdrawn", "purpose": "marketing"})
    elif name == "message" and event.get("changeSource") == "FORM":
        said.add(Kind.FORM, identifier, keys, at, {"form": "message", "message": value})
    else:
        said.ignore("unlisted")
