"""Those that only send: Segment or RudderStack, and whoever signs after Standard Webhooks. Nobody is asked there."""

import base64
import hmac
from hashlib import sha256
from typing import Final

from domain.instants import SECOND
from domain.ports.receivers import JSON, Delivery
from domain.ports.setup import Ask
from tools.setup import trial
from tools.setup.recipe import Recipe

_PUBLIC: Final = Ask(
    "public_url", "address under which Leadgraph is reached, such as https://leads.example.com", needed=False
)


def _standard(secret: str, _url: str, now: int) -> Delivery:
    """An empty list of signals."""
    body, at, name = b"[]", str(now // SECOND), f"trial_{now}"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = base64.b64encode(hmac.digest(key, f"{name}.{at}.".encode() + body, sha256)).decode()
    headers = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": f"v1,{mac}"}
    return Delivery({"content-type": JSON, **headers}, body)


SEGMENT: Final = Recipe(
    name="segment",
    asks=(Ask("webhook_segment_secrets", "shared secret of the destination Webhooks", secret=True), _PUBLIC),
    webhook="segment",
    told=lambda url: (
        f"Connections, Destinations, Webhooks (Actions): URL {url}, the same shared secret, one event a request",
        "RudderStack signs nothing: see docs/webhooks.md for tokens",
    ),
    signed=trial.segment,
)
"""Segment's; RudderStack sends the same calls."""

STANDARD: Final = Recipe(
    name="standard",
    asks=(
        Ask("webhook_standard_secrets", "the secret that your sender signs with (whsec_...)", secret=True),
        _PUBLIC,
    ),
    webhook="standard",
    told=lambda url: (f"let your sender post signals to {url}, signed after Standard Webhooks",),
    signed=_standard,
)
"""Anybody's."""
