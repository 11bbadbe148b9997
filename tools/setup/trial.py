"""A request as each vendor signs it, to see that the door takes it: the event says nothing of any lead."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha1, sha256
from typing import Any, Final

import orjson

from domain.instants import SECOND
from domain.ports.receivers import JSON, Delivery

_HUBSPOT: Final = {
    "eventId": 100, "subscriptionId": 0, "portalId": 0, "appId": 0, "occurredAt": 0, "attemptNumber": 0,
    "subscriptionType": "product.creation", "objectId": 123, "changeSource": "CRM",
}  # fmt: skip


def hubspot(secret: str, url: str, now: int) -> Delivery:
    """Signature v3 over method, address, body and time."""
    body = orjson.dumps([_HUBSPOT | {"occurredAt": now // 1000}])
    at = str(now // 1000)
    mac = hmac.digest(secret.encode(), b"POST" + url.encode() + body + at.encode(), sha256)
    return _delivery(body, {"x-hubspot-signature-v3": _base64(mac), "x-hubspot-request-timestamp": at})


def chatwoot(secret: str, _url: str, now: int) -> Delivery:
    """Body and time in whole seconds."""
    body, at = orjson.dumps({"event": "webwidget_triggered", "id": 0}), str(now // SECOND)
    mac = hmac.digest(secret.encode(), f"{at}.".encode() + body, sha256).hex()
    headers = {"x-chatwoot-signature": f"sha256={mac}", "x-chatwoot-timestamp": at}
    return _delivery(body, headers | {"x-chatwoot-delivery": f"trial-{at}"})


def intercom(secret: str, _url: str, now: int) -> Delivery:
    """The body alone: Intercom signs no time. A ping, as Intercom sends when a webhook is set up."""
    ping = {"type": "notification_event", "id": f"notif_trial_{now}", "topic": "ping", "data": {"item": {}}}
    body = orjson.dumps(ping)
    return _delivery(body, {"x-hub-signature": f"sha1={hmac.digest(secret.encode(), body, sha1).hex()}"})


def zendesk(secret: str, _url: str, now: int) -> Delivery:
    """Time in ISO 8601, then the body."""
    at = datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "type": "zen:event-type:article.published", "id": f"trial-{now}", "account_id": 0, "time": at,
        "subject": "zen:article:0", "detail": {"id": "0"}, "event": {},
    }  # fmt: skip
    body = orjson.dumps(event)
    mac = hmac.digest(secret.encode(), at.encode() + body, sha256)
    name = "x-zendesk-webhook-signature"
    return _delivery(body, {name: _base64(mac), f"{name}-timestamp": at})


def segment(secret: str, _url: str, now: int) -> Delivery:
    """HMAC-SHA1 of the body. A call of a type that says nothing of a lead."""
    body = orjson.dumps({"version": 2, "type": "heartbeat", "messageId": f"trial-{now}", "userId": "trial"})
    return _delivery(body, {"x-signature": hmac.digest(secret.encode(), body, sha1).hex()})


def salesforce(secret: str, _url: str, now: int) -> Delivery:
    """The token that we issued; of an object that is not read."""
    body = orjson.dumps(
        {"object": "Campaign", "id": "701000000000000", "SystemModstamp": _iso(now), "fields": {}}
    )
    return _delivery(body, {"authorization": f"Bearer {secret}"})


def _delivery(body: bytes, headers: Mapping[str, Any]) -> Delivery:
    return Delivery({"content-type": JSON, **headers}, body)


def _base64(mac: bytes) -> str:
    return base64.b64encode(mac).decode()


def _iso(now: int) -> str:
    return datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
