"""Chatwoot's webhooks: messages, conversations and contacts of a support desk, signed with a time since 4.13.

The same event is often sent twice under different delivery ids, so messages go by their own id.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.instants import SECOND
from domain.kinds import Kind
from domain.ports.receivers import Delivery, Form, Reading
from domain.signal import KeyKind
from tools.proofs import fresh, header, hex_sha256, same, whole
from tools.said import Said, document, key, listed, mark_of, milliseconds, table, word

NAME: Final = "chatwoot"
FORM: Final = Form()
SIGNED_URL: Final = False
OURS: Final = "leadgraph_"
"""Begins the names of attributes that only we write."""
_ROLES: Final[Mapping[object, str]] = {
    "incoming": "customer", "outgoing": "agent", "template": "bot", 0: "customer", 1: "agent", 3: "bot",
}  # fmt: skip
"""By the type of a message, a word at the top level and a number inside a conversation."""
_FRACTION: Final = re.compile(r"\.[0-9]+")
_SEVERITY: Final = {"low": "low", "medium": "normal", "high": "high", "urgent": "urgent"}


def verify(delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "") -> None:  # noqa: ARG001 - as all
    """Raises: Unproven."""
    timestamp = header(delivery, "x-chatwoot-timestamp")
    given = header(delivery, "x-chatwoot-signature")
    fresh(whole(timestamp, SECOND), now)
    text = timestamp.encode() + b"." + delivery.body
    same(given, [f"sha256={one}" for one in hex_sha256(secrets, text)])


def read(
    delivery: Delivery,
    *,
    now: int,
    actors: frozenset[str] = frozenset(),
    accounts: frozenset[str] = frozenset(),
) -> Reading:
    """`actors` are ids of our own users and bots, `accounts` those whose events are taken. Raises: BadInput."""
    body = table(document(delivery))
    if isinstance(body.get("message"), dict):  # as a live connection wraps it
        body = {**table(body["message"].get("data")), "event": body["message"].get("event")}
    said = Said(NAME, now)
    account = word(table(body.get("account")).get("id")) or word(body.get("account_id"))
    event = (word(body.get("event")) or "").replace(".", "_")
    reader = _READERS.get(event)
    if accounts and account is not None and account not in accounts:
        said.ignore("account")
    elif reader is None:
        said.ignore("kind")
    else:
        reader(body, said, actors)
    return said.reading()


def _person(sender: Mapping[str, Any], *, proven: bool) -> list[tuple[str, object]]:
    """Keys of a contact. A visitor may state any identifier: only one that the site has signed for counts."""
    return [
        ("crm_id", key(NAME, sender.get("id"))),
        ("user_id", sender.get("identifier") if proven else None),
        ("email", sender.get("email")),
        ("phone", sender.get("phone_number")),
    ]


def _talk(conversation: Mapping[str, Any], number: object) -> list[tuple[str, object]]:
    meta, inbox = table(conversation.get("meta")), table(conversation.get("contact_inbox"))
    proven = meta.get("hmac_verified") is True or inbox.get("hmac_verified") is True
    return [("conversation_id", key(NAME, number)), *_person(table(meta.get("sender")), proven=proven)]


def _message(body: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:
    sender, conversation = table(body.get("sender")), table(body.get("conversation"))
    role = _ROLES.get(body.get("message_type")) if isinstance(body.get("message_type"), str | int) else None
    staff = role != "customer"
    if staff and _own(sender, actors):
        said.ignore("echo")
    elif body.get("private") is True:
        said.ignore("private")
    elif role is None:
        said.ignore("kind")
    elif word(body.get("content")) is None:
        said.ignore("no_text")
    else:
        bot = staff and sender.get("type") == "agent_bot"
        number = conversation.get("id") or body.get("conversation_id")
        keys = _talk(conversation, number)
        if not staff and not table(conversation.get("meta")).get("sender"):
            keys += _person(sender, proven=False)
        payload = {
            "text": body.get("content"),
            "role": "bot" if bot else role,
            "conversation_id": key(NAME, number),
        }
        said.add(
            Kind.MESSAGE, ["message", body.get("id")], keys, _to_the_second(body.get("created_at")), payload
        )


def _to_the_second(at: object) -> str | int | None:
    """A time in whole seconds: a webhook tells of a message with a fraction, the API of the same one without.

    >>> _to_the_second("2024-03-01T09:50:00.771Z"), _to_the_second(1709286600.7)
    ('2024-03-01T09:50:00Z', 1709286600000)
    """
    if isinstance(at, str):
        return _FRACTION.sub("", at)
    given = milliseconds(at)
    return None if given is None else given // 1_000 * 1_000


def _own(sender: Mapping[str, Any], actors: frozenset[str]) -> bool:
    """Users and bots are counted apart: `agent_bot:3` names one, a bare number either."""
    identifier = word(sender.get("id"))
    return identifier is not None and bool({identifier, f"{sender.get('type')}:{identifier}"} & actors)


def _opened(body: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:  # noqa: ARG001 - as all
    at = _to_the_second(body.get("created_at") or body.get("timestamp"))
    payload = {
        "ticket_id": key(NAME, body.get("id")),
        "severity": _SEVERITY.get(word(body.get("priority")) or ""),
    }
    said.add(Kind.TICKET_OPENED, ["conversation", body.get("id")], _talk(body, body.get("id")), at, payload)
    said.read_back("conversation", body.get("id"), at, kind=KeyKind.CONVERSATION)


def _moved(body: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:  # noqa: ARG001 - as all
    if body.get("status") != "resolved":
        said.ignore("unlisted")
        return
    at = milliseconds(body.get("updated_at") or body.get("timestamp"))
    keys, payload = _talk(body, body.get("id")), {"ticket_id": key(NAME, body.get("id"))}
    said.add(Kind.TICKET_SOLVED, ["solved", body.get("id"), at or ""], keys, at, payload)


def _changed(body: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:  # noqa: ARG001 - as all
    """Nothing of a changed conversation is taken; what changed tells whether it was us."""
    said.ignore("echo" if _ours_alone(body) else "unlisted")


def _ours_alone(body: Mapping[str, Any]) -> bool:
    """True if only attributes changed that nobody but us writes."""
    changes = [
        (name, table(how))
        for one in listed(body.get("changed_attributes"))
        for name, how in table(one).items()
    ]
    touched: set[str] = set()
    for name, how in changes:
        if name != "custom_attributes":
            return False
        before, after = table(how.get("previous_value")), table(how.get("current_value"))
        touched |= {each for each in {*before, *after} if before.get(each) != after.get(each)}
    return bool(touched) and all(name.startswith(OURS) for name in touched)


def _contact(body: Mapping[str, Any], said: Said, actors: frozenset[str]) -> None:  # noqa: ARG001 - as all
    """A contact as it is now: Chatwoot sends no time of the change."""
    if _ours_alone(body):
        said.ignore("echo")
        return
    more = table(body.get("additional_attributes"))
    payload = {"country": word(more.get("country"))}
    keys = _person(body, proven=False)
    identifier = ["contact", body.get("id"), mark_of([keys, payload, word(more.get("company_name"))])]
    said.add(Kind.IDENTIFY, identifier, keys, None, payload, account=word(more.get("company_name")))


_READERS: Final = {
    "message_created": _message,
    "conversation_created": _opened,
    "conversation_status_changed": _moved,
    "conversation_updated": _changed,
    "contact_created": _contact,
    "contact_updated": _contact,
}
