"""Vendors as they send: each signs after its own published scheme, written down here a second time."""

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha1, sha256
from typing import Any

URL = "https://leads.example.com"
"""Where the vendors think that we are."""
TOKEN = "token-that-we-issued-1"
SECRET = "0123456789abcdef-secret"
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
JSON = {"content-type": "application/json"}

Headers = dict[str, str]
Sign = Callable[[bytes, float, str], Headers]
"""Body, seconds since 1970, secret -> headers."""


def hubspot(body: bytes, at: float, secret: str) -> Headers:
    timestamp = str(round(at * 1000))
    text = b"POST" + f"{URL}/v1/webhooks/hubspot".encode() + body + timestamp.encode()
    mac = base64.b64encode(hmac.new(secret.encode(), text, sha256).digest()).decode()
    return {"x-hubspot-signature-v3": mac, "x-hubspot-request-timestamp": timestamp}


def chatwoot(body: bytes, at: float, secret: str) -> Headers:
    timestamp = str(int(at))
    mac = hmac.new(secret.encode(), timestamp.encode() + b"." + body, sha256).hexdigest()
    return {
        "x-chatwoot-signature": f"sha256={mac}",
        "x-chatwoot-timestamp": timestamp,
        "x-chatwoot-delivery": "d-1",
    }


def intercom(body: bytes, at: float, secret: str) -> Headers:
    return {"x-hub-signature": f"sha1={hmac.new(secret.encode(), body, sha1).hexdigest()}"}


def zendesk(body: bytes, at: float, secret: str) -> Headers:
    timestamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    mac = base64.b64encode(hmac.new(secret.encode(), timestamp.encode() + body, sha256).digest()).decode()
    return {"x-zendesk-webhook-signature": mac, "x-zendesk-webhook-signature-timestamp": timestamp}


def segment(body: bytes, at: float, secret: str) -> Headers:
    return {"x-signature": hmac.new(secret.encode(), body, sha1).hexdigest()}


def standard(body: bytes, at: float, secret: str) -> Headers:
    timestamp, key = str(int(at)), base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.new(key, b"msg_1." + timestamp.encode() + b"." + body, sha256).digest())
    return {"webhook-id": "msg_1", "webhook-timestamp": timestamp, "webhook-signature": f"v1,{mac.decode()}"}


def salesforce(body: bytes, at: float, secret: str) -> Headers:
    return {"authorization": f"Bearer {secret}"}


@dataclass(frozen=True)
class Sender:
    """One vendor. `timed` are its headers with a time; `body` something small that it sends, with one event."""

    name: str
    sign: Sign
    body: bytes
    secret: str = SECRET
    timed: bool = True

    @property
    def setting(self) -> str:
        return f"webhook_{self.name}_secrets"


def as_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


CHANGE: Mapping[str, Any] = {
    "eventId": 7, "subscriptionId": 1, "portalId": 62, "appId": 5, "occurredAt": 1709286300000,
    "subscriptionType": "contact.propertyChange", "attemptNumber": 0, "objectId": 123, "changeSource": "CRM_UI",
    "propertyName": "jobtitle", "propertyValue": "CTO",
}  # fmt: skip
"""An event of HubSpot."""
WORDS: Mapping[str, Any] = {
    "event": "message_created", "id": 41, "content": "What does it cost?", "message_type": "incoming",
    "private": False, "created_at": "2024-03-01T09:50:00.771Z", "account": {"id": 1},
    "sender": {"id": 10, "email": "ann@acme.example"},
    "conversation": {"id": 7, "meta": {"sender": {"id": 10, "email": "ann@acme.example"}}},
}  # fmt: skip
"""A message of Chatwoot."""
REPLY: Mapping[str, Any] = {
    "type": "notification_event", "id": "notif_1", "topic": "conversation.user.replied", "app_id": "a",
    "created_at": 1709286300,
    "data": {"item": {
        "type": "conversation", "id": "88", "contacts": {"contacts": [{"id": "5ee3", "external_id": "u-9"}]},
        "conversation_parts": {"conversation_parts": [{
            "id": "601", "part_type": "comment", "body": "<p>Is there <b>SSO</b>?</p>", "created_at": 1709286300,
            "author": {"type": "user", "id": "5ee3"},
        }]},
    }},
}  # fmt: skip
"""A reply in Intercom."""
TICKET: Mapping[str, Any] = {
    "type": "zen:event-type:ticket.created", "account_id": 8, "id": "01HN", "time": "2024-03-01T09:45:00.123456789Z",
    "subject": "zen:ticket:354", "detail": {"id": "354", "priority": "HIGH", "subject": "More seats", "actor_id": "3",
                                            "requester_id": "77"},
    "event": {},
}  # fmt: skip
"""A new ticket in Zendesk."""
TRACK: Mapping[str, Any] = {
    "version": 1, "type": "track", "messageId": "m-1", "userId": "u-9", "event": "Report Exported",
    "timestamp": "2024-03-01T09:45:00Z",
}  # fmt: skip
"""An event of Segment."""
LEAD: Mapping[str, Any] = {
    "ChangeEventHeader": {
        "entityName": "Lead", "recordIds": ["00Q1"], "changeType": "UPDATE", "transactionKey": "t-1",
        "changeOrigin": "com/salesforce/api/rest/66.0;client=Setup/", "sequenceNumber": 1,
        "commitTimestamp": 1709286300000, "commitUser": "0051", "changedFields": ["Title", "Status"],
    },
    "Title": "CTO", "Status": "Working",
}  # fmt: skip
"""A change event of Salesforce."""
VISIT: Mapping[str, Any] = {
    "id": "v-1", "kind": "web.page_view", "keys": {"user_id": "u-9"}, "occurred_at": "2024-03-01T09:45:00Z",
    "payload": {"page": "/pricing"},
}  # fmt: skip
"""A signal of our own contract."""

SENDERS: Mapping[str, Sender] = {
    sender.name: sender
    for sender in (
        Sender("hubspot", hubspot, as_json([CHANGE])),
        Sender("salesforce", salesforce, as_json(LEAD), TOKEN, timed=False),
        Sender("segment", segment, as_json(TRACK), timed=False),
        Sender("chatwoot", chatwoot, as_json(WORDS)),
        Sender("intercom", intercom, as_json(REPLY), timed=False),
        Sender("zendesk", zendesk, as_json(TICKET)),
        Sender("standard", standard, as_json(VISIT), STANDARD),
    )
}
