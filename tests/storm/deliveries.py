"""What four vendors send, made up from a seed: new things, the same again, our own echoes, and what nobody can use."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.instants import SECOND, Instant, iso
from tests.crash.hot import hot_lead
from tests.surfaces.webhooks.sending import as_json

VENDORS: Final = ("hubspot", "chatwoot", "intercom", "zendesk")
TEXTS: Final = (
    "What do 50 seats cost?",
    "It does not start",
    "Is there SSO?",
    "We want to buy this month",
    "Thanks",
)
TALKS: Final = range(100, 108)
"""Conversations that go to sales while the storm is on."""
CENTURY_S: Final = 3_000_000_000
"""Seconds by which a clock is wrong in what goes to quarantine."""


@dataclass(frozen=True)
class Delivery:
    """One request, and how many events are in it."""

    vendor: str
    body: bytes
    events: int = 1


def storm(number: int, *, seed: int, now_s: int, again: float = 0.3) -> list[Delivery]:
    """`number` deliveries in any order, of which `again` were sent before. `now_s`: seconds since 1970."""
    dice = random.Random(seed)
    once = round(number * (1 - again))
    made = [_SHAPES[VENDORS[n % 4]](n, dice, now_s) for n in range(once)]
    every = made + [dice.choice(made) for _ in range(number - once)]
    dice.shuffle(every)
    return every


def hot(leads: int, *, now_s: int) -> list[Delivery]:
    """Leads about which something is done at once."""
    items = [item for n in range(leads) for item in hot_lead(20_000, f"storm-{n}")]
    at = iso(Instant((now_s - 60) * SECOND))
    return [
        Delivery(
            "standard",
            as_json(
                {
                    **{name: value for name, value in one.items() if name != "source"},
                    "occurred_at": at,
                    "keys": {"crm_id": one["keys"][0]["value"]},
                }
            ),
        )
        for one in items
    ]


def talks(*, now_s: int) -> list[Delivery]:
    """A message of a customer in each of `TALKS`, in which a run finds nothing to be done."""
    return [_message(number, number, "Thanks", now_s - 60) for number in TALKS]


def _hubspot(n: int, dice: random.Random, now_s: int) -> Delivery:
    names = ("jobtitle", "industry", "lifecyclestage", "leadgraph_points")
    events: Sequence[Mapping[str, Any]] = [
        {
            "eventId": n * 10 + k, "portalId": 62, "appId": 5, "occurredAt": now_s * 1000 - n, "attemptNumber": 0,
            "subscriptionType": "contact.propertyChange", "objectId": n % 29, "changeSource": "CRM_UI",
            "propertyName": dice.choice(names), "propertyValue": f"value {k}",
        }
        for k in range(dice.randint(1, 4))
    ]  # fmt: skip
    return Delivery("hubspot", as_json(events), len(events))


def _chatwoot(n: int, dice: random.Random, now_s: int) -> Delivery:
    at = now_s - n + (CENTURY_S if n % 50 == 1 else 0)
    return _message(1_000 + n, n % 23, dice.choice(TEXTS), at, private=n % 20 == 5)


def _message(number: int, talk: int, text: str, at: int, *, private: bool = False) -> Delivery:
    return Delivery("chatwoot", as_json({
        "event": "message_created", "id": number, "content": text, "message_type": "incoming",
        "private": private, "created_at": at, "account": {"id": 1}, "sender": {"id": talk},
        "conversation": {"id": talk, "meta": {"sender": {"id": talk}}},
    }))  # fmt: skip


def _intercom(n: int, dice: random.Random, now_s: int) -> Delivery:
    part = {
        "id": str(n), "part_type": "comment", "body": f"<p>{dice.choice(TEXTS)}</p>", "created_at": now_s - n,
        "author": {"type": "user", "id": f"u{n % 19}"},
    }  # fmt: skip
    item = {
        "id": str(n % 19), "contacts": {"contacts": [{"id": f"u{n % 19}"}]},
        "conversation_parts": {"conversation_parts": [part]},
    }  # fmt: skip
    return Delivery(
        "intercom", as_json({"topic": "conversation.user.replied", "id": f"n{n}", "data": {"item": item}})
    )


def _zendesk(n: int, dice: random.Random, now_s: int) -> Delivery:
    return Delivery("zendesk", as_json({
        "type": "zen:event-type:ticket.comment_added", "id": f"e{n}", "account_id": 8,
        "time": iso(Instant((now_s - n) * SECOND)), "detail": {"id": str(n % 17), "requester_id": str(n % 17)},
        "event": {"comment": {"id": str(n), "body": dice.choice(TEXTS), "is_public": True,
                              "author": {"id": str(n % 17), "is_staff": False}}},
    }))  # fmt: skip


_SHAPES: Final = {"hubspot": _hubspot, "chatwoot": _chatwoot, "intercom": _intercom, "zendesk": _zendesk}
