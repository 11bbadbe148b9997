"""Segment and RudderStack: tracking calls, one a request or several in a list.

Segment signs with HMAC-SHA1 and no time, and of a list only the first event; RudderStack signs nothing. So a signature
alone is enough for a single event only. Everything else needs a token that we issued, sent as a header.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.errors import BadInput
from domain.kinds import Kind
from domain.ports.receivers import Delivery, Form, Reading
from tools.proofs import header, hex_sha1, same, with_token
from tools.said import Said, document, mark_of, number, table, word

NAME: Final = "segment"
FORM: Final = Form(limit=500 * 1024)
SIGNED_URL: Final = False
_FIELDS: Final[Mapping[str, tuple[Kind, Mapping[str, str]]]] = {
    "trial started": (Kind.TRIAL_STARTED, {"plan": "plan"}),
    "form submitted": (Kind.FORM, {"form_name": "form", "form_id": "form", "industry": "industry"}),
    "email opened": (Kind.EMAIL_OPENED, {"campaign_name": "campaign"}),
    "email link clicked": (Kind.EMAIL_CLICKED, {"campaign_name": "campaign", "link_id": "link"}),
}
"""Events with a kind of their own, by name in lower case: property -> field."""
_TRAITS: Final[Mapping[str, str]] = {
    "title": "job_title", "job_title": "job_title", "industry": "industry", "seniority": "seniority",
    "job_function": "job_function", "country": "country",
}  # fmt: skip


def verify(
    delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "", tokens: Sequence[str] = ()
) -> None:
    """Raises: Unproven. A list is proven by a token alone, as its signature leaves out all but the first event."""
    del now, url  # neither is signed
    signed = "x-signature" in delivery.headers
    if signed and not _is_list(delivery.body):
        same(header(delivery, "x-signature"), hex_sha1(secrets, delivery.body))
        return
    with_token(delivery, tokens)
    if signed and secrets:
        same(header(delivery, "x-signature"), hex_sha1(secrets, first_of(delivery.body)))


def first_of(body: bytes) -> bytes:
    """The bytes of the first event of a list as they were sent; of what is no list, none."""
    try:
        text = body.decode()
        start = len(text) - len(text.lstrip()) + 1
        start += len(text[start:]) - len(text[start:].lstrip())
        return text[start : json.JSONDecoder().raw_decode(text, start)[1]].encode()
    except (ValueError, RecursionError):
        return b""


def _is_list(body: bytes) -> bool:
    return body.lstrip().startswith(b"[")


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),  # noqa: ARG001 - nothing of ours goes into this stream
    accounts: frozenset[str] = frozenset(),  # noqa: ARG001 - the secret is that of one destination
) -> Reading:
    """Raises: BadInput if the body is neither an event nor a list of events."""
    body = document(delivery)
    if not isinstance(body, dict | list):
        raise BadInput("body", "is no event", "Segment sends an object or a list", code="not_object")
    said = Said(NAME, now)
    for event in body if isinstance(body, list) else [body]:
        _event(table(event), said)
    return said.reading()


def _event(event: Mapping[str, Any], said: Said) -> None:
    what = word(event.get("type")) or ""
    reader = _READERS.get(what)
    if reader is None:
        said.ignore("kind")
    else:
        reader(event, said)


def _identifier(event: Mapping[str, Any]) -> list[object]:
    """The message's id, or a hash of the event where an old library sends none."""
    sent = {name: value for name, value in event.items() if name not in {"sentAt", "receivedAt"}}
    return [word(event.get("messageId")) or f"{event.get('type')}:{mark_of(sent)}"]


def _keys(event: Mapping[str, Any]) -> list[tuple[str, object]]:
    traits = {**table(table(event.get("context")).get("traits")), **table(event.get("traits"))}
    return [
        ("user_id", event.get("userId")),
        ("anonymous_id", event.get("anonymousId")),
        ("email", traits.get("email")),
        ("phone", traits.get("phone")),
    ]


def _at(event: Mapping[str, Any]) -> object:
    return word(event.get("timestamp")) or word(event.get("receivedAt"))


def _account(event: Mapping[str, Any]) -> str | None:
    company = table(table(event.get("traits")).get("company"))
    context = table(event.get("context"))
    return word(event.get("groupId")) or word(company.get("id")) or word(context.get("groupId"))


def _identify(event: Mapping[str, Any], said: Said) -> None:
    """What a person, or with `group` a company, is like."""
    traits = table(event.get("traits"))
    payload: dict[str, Any] = {
        to: word(traits.get(name)) for name, to in _TRAITS.items() if word(traits.get(name)) is not None
    }
    payload.setdefault("country", word(table(traits.get("address")).get("country")))
    company = table(traits.get("company"))
    payload["employees"] = number(traits.get("employees")) or number(company.get("employee_count"))
    payload.setdefault("industry", word(company.get("industry")))
    keys = _keys(event)
    if event.get("type") == "group":
        keys = keys[:2]  # the address of a group is the company's, not the person's
    said.add(Kind.IDENTIFY, _identifier(event), keys, _at(event), payload, account=_account(event))


def _track(event: Mapping[str, Any], said: Said) -> None:
    name, properties = word(event.get("event")), table(event.get("properties"))
    kind, fields = _FIELDS.get((name or "").lower(), (Kind.FEATURE_USED, {}))
    payload: dict[str, Any] = {"feature": name, "form": name, "plan": word(properties.get("plan"))}
    payload |= {
        to: word(properties.get(given))
        for given, to in fields.items()
        if word(properties.get(given)) is not None
    }
    if (name or "").lower() == "unsubscribed":
        kind, payload = Kind.CONSENT, {"status": "withdrawn", "purpose": "marketing"}
    said.add(kind, _identifier(event), _keys(event), _at(event), payload, account=_account(event))


def _page(event: Mapping[str, Any], said: Said) -> None:
    """The path alone: an address with its query may hold anything."""
    properties, context = table(event.get("properties")), table(event.get("context"))
    page = word(properties.get("path")) or word(event.get("name")) or word(properties.get("name"))
    payload = {
        "page": page,
        "section": word(event.get("category")),
        "campaign": word(table(context.get("campaign")).get("name")),
    }
    said.add(Kind.PAGE_VIEW, _identifier(event), _keys(event), _at(event), payload, account=_account(event))


def _alias(event: Mapping[str, Any], said: Said) -> None:
    """The earlier id is that of a visitor or of a user; it does not say which."""
    earlier = event.get("previousId")
    keys = [("user_id", event.get("userId")), ("user_id", earlier), ("anonymous_id", earlier)]
    said.add(Kind.ALIAS, _identifier(event), keys, _at(event))


def _delete(event: Mapping[str, Any], said: Said) -> None:
    said.add(Kind.PRIVACY_DELETE, _identifier(event), _keys(event), _at(event))


_READERS: Final = {
    "identify": _identify,
    "group": _identify,
    "track": _track,
    "page": _page,
    "screen": _page,
    "alias": _alias,
    "delete": _delete,
}
