"""Standard Webhooks: for anybody who can sign. The body holds signals of our own contract, or a CloudEvent with one."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.instants import SECOND
from domain.ports.receivers import Delivery, Form, Reading, Unproven
from domain.ports.sources import RawItem
from tools.crm.webhook import verify as signed
from tools.proofs import fresh, header, whole
from tools.said import document, table, word

NAME: Final = "standard"
FORM: Final = Form(frozenset({"application/json", "application/cloudevents+json"}), gzip=True)
SIGNED_URL: Final = False


def verify(delivery: Delivery, *, now: int, secrets: Sequence[str], url: str = "") -> None:  # noqa: ARG001 - as all
    """Raises: Unproven, ConfigError for a secret that is not ``whsec_`` and base64."""
    for name in ("webhook-id", "webhook-signature"):
        header(delivery, name)
    fresh(whole(header(delivery, "webhook-timestamp"), SECOND), now)
    if not signed([secret for secret in secrets if secret], delivery.headers, delivery.body, now=now):
        raise Unproven("signature")


def read(
    delivery: Delivery,
    *,
    now: int,  # noqa: ARG001 - a signal of our contract has its own time
    actors: frozenset[str] = frozenset(),  # noqa: ARG001 - whoever sends our contract knows what is its own
    accounts: frozenset[str] = frozenset(),  # noqa: ARG001 - the secret is the account
) -> Reading:
    """One signal, a list of them, or a CloudEvent whose data is one. Raises: BadInput."""
    body = document(delivery)
    many = body if isinstance(body, list) else [body]
    message = delivery.headers.get("webhook-id", "")
    ids = [message if len(many) == 1 else f"{message}:{place}" for place in range(len(many))]
    return Reading(tuple(_item(table(one), name) for one, name in zip(many, ids, strict=True)))


def _item(one: Mapping[str, Any], name: str) -> RawItem:
    """The signal, under a source of ours: nobody signs in another's name. Without an id it has the message's."""
    item: dict[str, Any] = {"id": name}
    if "specversion" in one:
        item |= {
            "id": one.get("id"),
            "kind": one.get("type"),
            "occurred_at": one.get("time"),
            **table(one.get("data")),
        }
    else:
        item |= one
    source = word(item.get("source"))
    return item | {"source": NAME if source is None else f"{NAME}.{source}"}
