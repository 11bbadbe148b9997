"""Those that only send: Segment or RudderStack, and whoever signs after Standard Webhooks. Nobody is asked there."""

from typing import Final

from domain.instants import SECOND
from domain.ports.receivers import JSON, Delivery
from domain.ports.setup import Ask
from tools.crm.webhook import Secret
from tools.setup import trial
from tools.setup.recipe import Recipe

_PUBLIC: Final = Ask(
    "public_url", "address under which Leadgraph is reached, such as https://leads.example.com", needed=False
)


def _standard(secret: str, _url: str, now: int) -> Delivery:
    """An empty list of signals. Raises: ConfigError for a secret that is none."""
    body, at, name = b"[]", str(now // SECOND), f"trial_{now}"
    signature = Secret.of(secret).sign(name, at, body)
    headers = {"webhook-id": name, "webhook-timestamp": at, "webhook-signature": signature}
    return Delivery({"content-type": JSON, **headers}, body)


SEGMENT: Final = Recipe(
    name="segment",
    asks=(
        Ask(
            "webhook_segment_secrets",
            "shared secret of the destination Webhooks; Enter for RudderStack, which signs nothing",
            secret=True,
            unless="webhook_segment_tokens",
        ),
        Ask(
            "webhook_segment_tokens",
            "a token that you make for RudderStack, or for lists of events: openssl rand -hex 24",
            secret=True,
            needed=False,
        ),
        _PUBLIC,
    ),
    webhook="segment",
    told=lambda url: (
        f"Connections, Destinations, Webhooks (Actions): URL {url}, the same shared secret, one event a request",
        "RudderStack, and lists of events: the header Authorization: Bearer TOKEN, TOKEN being the one that you made",
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
