"""Zendesk's event webhooks: tickets, messaging and users, signed over time and body with nothing between them.

Ids are unique per event; the events of one action arrive in any order. A merge deletes one of its users, and no event
tells a deletion for the sake of privacy from another: so a deleted user is a change of stage.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from domain.instants import instant
from domain.kinds import Kind
from domain.ports.receivers import Delivery, Form, Reading, Unproven
from domain.signal import KeyKind
from tools.proofs import base64_sha256, fresh, header, same
from tools.said import Said, document, key, plain, table, word

NAME: Final = "zendesk"
FORM: Final = Form()
SIGNED_URL: Final = False
EVENT: Final = re.compile(r"zen:event-type[:/]")
"""Begins the names of events; Zendesk's documentation writes some of them with a slash."""
_ROLES: Final = {"end_user": "customer", "agent": "agent", "system": "bot", "trigger": "bot"}
_DONE: Final = frozenset({"solved", "closed"})
_SEVERITY: Final = frozenset({"low", "normal", "high", "urgent"})


def verify(delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "") -> None:  # noqa: ARG001 - as all
    """Raises: Unproven."""
    timestamp = header(delivery, "x-zendesk-webhook-signature-timestamp")
    given = header(delivery, "x-zendesk-webhook-signature")
    try:
        at = instant(datetime.fromisoformat(timestamp[:40]))
    except (ValueError, OverflowError):
        raise Unproven("signature") from None
    fresh(at, now)
    same(given, base64_sha256(secrets, timestamp.encode() + delivery.body))


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),
    accounts: frozenset[str] = frozenset(),
) -> Reading:
    """`actors` are ids of our own users, `accounts` those whose events are taken. Raises: BadInput."""
    body = table(document(delivery))
    said = Said(NAME, now)
    what = EVENT.sub("", word(body.get("type")) or "", count=1)
    event, detail = table(body.get("event")), table(body.get("detail"))
    reader = _READERS.get(what)
    if accounts and word(body.get("account_id")) not in accounts:
        said.ignore("account")
    elif _actor(what, event, detail) in actors:
        said.ignore("echo")
    elif "current" in event and event["current"] == event.get("previous"):
        said.ignore("unchanged")
    elif reader is None:
        said.ignore("kind")
    else:
        reader(body, said)
    return said.reading()


def _actor(what: str, event: Mapping[str, Any], detail: Mapping[str, Any]) -> str | None:
    """Who did it: a new ticket tells nothing by its requester, so only acts of staff count as ours."""
    author = table(table(event.get("comment")).get("author"))
    said = word(table(event.get("actor")).get("id")) or word(author.get("id"))
    return said or (word(detail.get("actor_id")) if what.startswith("ticket.") else None)


def _keys(detail: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [
        ("conversation_id", key(NAME, detail.get("id"))),
        ("crm_id", key(NAME, detail.get("requester_id"))),
    ]


def _opened(body: Mapping[str, Any], said: Said) -> None:
    detail = table(body.get("detail"))
    priority = (word(detail.get("priority")) or "").lower()
    payload = {
        "ticket_id": key(NAME, detail.get("id")),
        "severity": priority if priority in _SEVERITY else None,
        "subject": word(detail.get("subject")),
    }
    said.add(Kind.TICKET_OPENED, [body.get("id")], _keys(detail), body.get("time"), payload)
    said.read_back("ticket", detail.get("id"), None, kind=KeyKind.CONVERSATION)


def _moved(body: Mapping[str, Any], said: Said) -> None:
    detail, event = table(body.get("detail")), table(body.get("event"))
    if (word(event.get("current")) or "").lower() not in _DONE:
        said.ignore("unlisted")
        return
    payload = {"ticket_id": key(NAME, detail.get("id"))}
    said.add(Kind.TICKET_SOLVED, [body.get("id")], _keys(detail), body.get("time"), payload)


def _comment(body: Mapping[str, Any], said: Said) -> None:
    comment = table(table(body.get("event")).get("comment"))
    staff = table(comment.get("author")).get("is_staff") is not False
    if comment.get("is_public") is not True:
        said.ignore("private")
    else:
        _say(body, said, comment.get("body"), "agent" if staff else "customer")


def _message(body: Mapping[str, Any], said: Said) -> None:
    event = table(body.get("event"))
    role = _ROLES.get(word(table(event.get("actor")).get("type")) or "")
    if role is None:
        said.ignore("kind")
    else:
        _say(body, said, table(event.get("message")).get("body"), role)


def _say(body: Mapping[str, Any], said: Said, text: object, role: str) -> None:
    detail, words = table(body.get("detail")), plain(text)
    if words is None:
        said.ignore("no_text")
        return
    payload = {"text": words, "role": role, "conversation_id": key(NAME, detail.get("id"))}
    said.add(Kind.MESSAGE, [body.get("id")], _keys(detail), body.get("time"), payload)


def _user(body: Mapping[str, Any]) -> list[tuple[str, object]]:
    return [("crm_id", key(NAME, table(body.get("detail")).get("id")))]


def _merged(body: Mapping[str, Any], said: Said) -> None:
    """Two users are one person; which of them remains makes no difference."""
    other = key(NAME, table(table(body.get("event")).get("user")).get("id"))
    keys = [*_user(body), ("crm_id", other)]
    if other is None or len({value for _, value in keys}) < 2:
        said.ignore("no_lead")
    else:
        said.add(Kind.MERGE, [body.get("id")], keys, body.get("time"))


def _gone(body: Mapping[str, Any], said: Said) -> None:
    gone = {"stage": "deleted", "object": "contact"}
    said.add(Kind.STAGE_CHANGE, [body.get("id")], _user(body), body.get("time"), gone)


def _active(body: Mapping[str, Any], said: Said) -> None:
    """Deleted, or back again."""
    current = table(body.get("event")).get("current")
    if str(current).lower() == "false":
        _gone(body, said)
    elif str(current).lower() == "true":
        said.add(Kind.IDENTIFY, [body.get("id")], _user(body), body.get("time"))
    else:
        said.ignore("empty")


_READERS: Final = {
    "user.merged": _merged,
    "user.deleted": _gone,
    "user.active_changed": _active,
    "ticket.created": _opened,
    "ticket.status_changed": _moved,
    "ticket.comment_added": _comment,
    "messaging_ticket.message_added": _message,
}
