"""Intercom's webhooks: conversations and contacts, signed with HMAC-SHA1 over the body.

The scheme has no time: a captured request could be sent again for ever. It then says the same thing under the same
id, so it is a duplicate and changes nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.kinds import Kind
from domain.ports.receivers import Delivery, Form, Reading
from domain.signal import KeyKind
from tools.proofs import header, hex_sha1, same
from tools.said import Said, document, key, listed, milliseconds, plain, table, word

NAME: Final = "intercom"
FORM: Final = Form()
SIGNED_URL: Final = False
_ROLES: Final = {
    "admin": "agent",
    "bot": "bot",
    "user": "customer",
    "lead": "customer",
    "contact": "customer",
}
_MADE_UP: Final = "-qualification-company"
_GONE: Final = {"deleted": "deleted", "archived": "archived", "archive": "archived"}
"""What a topic calls it, in one version of the API or another -> the stage."""
_BACK: Final = frozenset({"merged", "added_email", "restored", "unarchived", "unarchive"})
"""Topics after which the contact is read: of a merge Intercom names only who remains."""


def verify(delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "") -> None:
    """Raises: Unproven."""
    del now, url  # neither is signed
    given = header(delivery, "x-hub-signature")
    same(given, [f"sha1={one}" for one in hex_sha1(secrets, delivery.body)])


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),
    accounts: frozenset[str] = frozenset(),
) -> Reading:
    """`actors` are ids of our own admins and bots, `accounts` the apps whose events are taken. Raises: BadInput."""
    body = table(document(delivery))
    said = Said(NAME, now)
    topic, item = word(body.get("topic")) or "", table(table(body.get("data")).get("item"))
    subject, _, what = topic.partition(".")
    if accounts and word(body.get("app_id")) not in accounts:
        said.ignore("account")
    elif subject == "conversation":
        _conversation(what, item, said, actors)
    elif subject in {"contact", "user"}:
        item = table(item.get("contact")) or item  # as `unsubscribed` has it, beside the subscription
        _contact(what.removeprefix("user.").removeprefix("lead."), body, item, said)
    else:
        said.ignore("ping" if topic == "ping" else "kind")
    return said.reading()


def _conversation(what: str, item: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:
    if what == "admin.closed" and _closer(item) in actors:
        said.ignore("echo")
    elif what == "admin.closed":
        at = milliseconds(item.get("updated_at"))
        payload = {"ticket_id": key(NAME, item.get("id"))}
        said.add(Kind.TICKET_SOLVED, ["solved", item.get("id"), at or ""], _keys(item), at, payload)
    elif what == "user.created":
        first = item.get("source") or item.get("conversation_message")
        _message({"created_at": item.get("created_at"), **table(first)}, item, said, actors)
    elif what in {"user.replied", "admin.replied", "admin.noted", "admin.assigned"}:
        parts = listed(table(item.get("conversation_parts")).get("conversation_parts"))
        for part in parts:
            _message(table(part), item, said, actors)
        if not parts:
            said.ignore("no_text")
            at = milliseconds(item.get("updated_at"))
            said.read_back("conversation", item.get("id"), at, kind=KeyKind.CONVERSATION)
    else:
        said.ignore("kind")


def _closer(item: Mapping[str, Any]) -> str | None:
    """Who closed the conversation last."""
    parts = (table(one) for one in listed(table(item.get("conversation_parts")).get("conversation_parts")))
    by = [table(part.get("author")).get("id") for part in parts if part.get("part_type") == "close"]
    return word(by[-1] if by else table(item.get("statistics")).get("last_closed_by_id"))


def _message(part: Mapping[str, Any], item: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:
    author = table(part.get("author"))
    role, text = _ROLES.get(word(author.get("type")) or ""), plain(part.get("body"))
    if role != "customer" and word(author.get("id")) in actors:
        said.ignore("echo")
    elif part.get("part_type") == "note":
        said.ignore("private")
    elif text is None:
        said.ignore("no_text")
    elif role is None:
        said.ignore("kind")
    else:
        payload = {"text": text, "role": role, "conversation_id": key(NAME, item.get("id"))}
        identifier = ["conversation", item.get("id"), "part", part.get("id")]
        said.add(Kind.MESSAGE, identifier, _keys(item), milliseconds(part.get("created_at")), payload)


def _keys(item: Mapping[str, Any]) -> list[tuple[str, object]]:
    """Of a conversation with one customer; where several take part, no message is one person's."""
    people = listed(table(item.get("contacts")).get("contacts")) or [item.get("user")]
    keys: list[tuple[str, object]] = [("conversation_id", key(NAME, item.get("id")))]
    return keys + _person(table(people[0])) if len(people) == 1 else keys


def _person(one: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        ("crm_id", key(NAME, one.get("id"))),
        ("user_id", one.get("external_id") or one.get("user_id")),
        ("email", one.get("email")),
        ("phone", one.get("phone")),
    ]


def _contact(what: str, body: Mapping[str, Any], item: Mapping[str, Any], said: Said) -> None:
    at, identifier, keys = milliseconds(body.get("created_at")), [body.get("id")], _person(item)
    if what in _GONE:
        said.add(Kind.STAGE_CHANGE, identifier, keys, at, {"stage": _GONE[what], "object": "contact"})
    elif what == "unsubscribed":
        said.add(Kind.CONSENT, identifier, keys, at, {"status": "withdrawn", "purpose": "marketing"})
    elif what in {"created", "updated", "signed_up", "email.updated"}:
        place, more = table(item.get("location_data")), table(item.get("custom_attributes"))
        place = place or table(item.get("location"))
        payload = {
            "country": word(place.get("country_name")) or word(place.get("country")),
            "job_title": word(more.get("job_title")),
            "industry": word(more.get("industry")),
        }
        first = len(said.items)
        said.add(Kind.IDENTIFY, identifier, keys, at, payload, account=_company(item))
        if what.endswith("updated"):  # nobody is named, and attributes that we write change a contact as well
            said.stands(first, "unchanged")
    elif what in _BACK:
        said.add(Kind.IDENTIFY, identifier, keys, at, thin=True)
        said.read_back("contact", item.get("id"), at)
    else:
        said.ignore("kind")


def _company(item: Mapping[str, Any]) -> str | None:
    """The company's id at our customer; where Intercom made one up for a lead, its name."""
    companies = table(item.get("companies"))
    every = listed(companies.get("companies")) or listed(companies.get("data"))
    first = table(every[0]) if every else {}
    own = word(first.get("company_id"))
    return (
        word(first.get("name"))
        if own is not None and own.endswith(_MADE_UP)
        else own or word(first.get("id"))
    )
