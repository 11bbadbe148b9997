"""What is taken and answered at the doors of vendors, for the description of the API alone.

The bytes are proven before anybody reads them, so none of it is checked against these forms.
"""

from typing import Any, Final

from pydantic import BaseModel, Field

from surfaces.api.signals import Refused

_ACK: Final = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>
</soapenv:Body></soapenv:Envelope>"""
_MESSAGE: Final = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>
<notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001EAA</OrganizationId>
<Notification><Id>04l000000000001AAA</Id><sObject xmlns:sf="urn:sobject.enterprise.soap.sforce.com"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="sf:Lead"><sf:Id>00Q000000000001AAA</sf:Id>
</sObject></Notification></notifications></soapenv:Body></soapenv:Envelope>"""


class Kept(BaseModel):
    """What became of the events of a delivery."""

    accepted: int = Field(ge=0, description="New, and on disk.")
    duplicates: int = Field(ge=0, description="Known already.")
    quarantined: list[Refused] = Field(description="Kept aside until somebody releases or discards them.")
    ignored: dict[str, int] = Field(description="Not for us, by reason: `echo`, `kind`, `unlisted`, …")
    thin: int = Field(ge=0, description="Name a record that is read back at the vendor.")


class Heard(BaseModel):
    """Empty, or the word by which Slack tries an address."""

    challenge: str | None = Field(default=None, description="As it was sent.")


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The same, as Salesforce's outbound messages are answered.",
        "content": {"text/xml": {"schema": {"type": "string"}, "example": _ACK}},
    },
    202: {
        "description": "On disk. Events that are not for us are counted and answered alike.",
        "model": Kept,
    },
    400: {"description": "Proven, but not readable."},
    401: {"description": "Not proven. Nothing was stored."},
    404: {"description": "No such source."},
    413: {"description": "Too large, packed or unpacked."},
    415: {"description": "A media type or packing that the source does not send."},
    503: {"description": "Not set up, or too much is waiting: send it again."},
}
BODY: Final[dict[str, Any]] = {
    "description": "What the vendor sends, as it sends it.",
    "required": True,
    "content": {
        "application/json": {
            "schema": {"description": "An event of the vendor, or a list of events."},
            "example": {
                "id": "v-1", "kind": "web.page_view", "keys": {"user_id": "u-9"},
                "occurred_at": "2026-03-01T09:45:00Z", "payload": {"page": "/pricing"},
            },
        },
        "text/xml": {
            "schema": {"type": "string", "description": "An outbound message of Salesforce."},
            "example": _MESSAGE,
        },
    },
}  # fmt: skip
SLACK_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Heard. Who may not decide is told so in the chat.", "model": Heard},
    400: {"description": "Proven, but not readable."},
    401: {"description": "Not proven. Nothing was done."},
    413: {"description": "Too large."},
    415: {"description": "A media type that Slack does not send."},
    503: {"description": "Not set up."},
}
_PRESS: Final = """{"type": "block_actions", "user": {"id": "U1"}, "team": {"id": "T1"},
"actions": [{"type": "button", "action_id": "approve", "value": "ap_1d2c3b4a5f6e7d8c9b0a 9f9f"}]}"""
SLACK_BODY: Final[dict[str, Any]] = {
    "description": "What Slack sends when a button is pressed, or to try the address.",
    "required": True,
    "content": {
        "application/x-www-form-urlencoded": {
            "schema": {
                "type": "object",
                "required": ["payload"],
                "properties": {"payload": {"type": "string", "description": "JSON."}},
            },
            "example": {"payload": _PRESS},
        },
        "application/json": {
            "schema": {"description": "What tries the address; anything else is passed over."},
            "example": {"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmd"},
        },
    },
}
