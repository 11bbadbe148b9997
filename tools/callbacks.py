"""Messages to addresses that others gave us, signed after the Standard Webhooks specification."""

import asyncio
import base64
import hmac
import ssl
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import httpx

from domain.errors import BadInput
from domain.instants import DAY, SECOND
from domain.ports.clock import Clock
from domain.ports.events import Answer, Subscription
from tools.crm.webhook import Secret
from tools.outward import Place, Resolve, looked_up, place_of, reached
from tools.retry_after import retry_after_s

MEDIA: Final = "application/cloudevents+json; charset=utf-8"
TIMEOUT: Final = httpx.Timeout(connect=5.0, read=15.0, write=5.0, pool=5.0)
"""Seconds for each part of a request."""
DEADLINE_S: Final = 20.0
"""Seconds for all of it, looking the name up included."""
OVERLAP: Final = DAY
"""How long the secret before still signs too (microseconds)."""
_TRIED: Final = 3
"""Addresses of one name that are tried."""


class HttpCallbacks:
    """Satisfies `domain.ports.events.Callbacks`. Each message has a connection of its own."""

    def __init__(
        self,
        secret: bytes,
        clock: Clock,
        *,
        here: bool = False,
        resolve: Resolve = looked_up,
        deadline_s: float = DEADLINE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`secret` of this installation: those of subscriptions are derived. `here`: this machine may be reached."""
        self._secret, self._clock, self._here = secret, clock, here
        self._resolve, self._deadline_s, self._transport = resolve, deadline_s, transport
        self._tls: ssl.SSLContext | None = None

    async def checked(self, url: str) -> str:
        """`url`, if we may send there."""
        place = place_of(url, here=self._here)
        try:
            async with asyncio.timeout(self._deadline_s):
                await reached(place, self._resolve)
        except (OSError, TimeoutError):
            raise BadInput(
                "url", "names a host that has no address", "see whether it is written well"
            ) from None
        return url

    def secret(self, subscription: Subscription) -> str:
        """Its signing secret."""
        return self._derived(subscription, subscription.generation)

    async def post(self, subscription: Subscription, message_id: str, body: bytes) -> Answer:
        """Send one message, signed."""
        try:
            place = place_of(subscription.url, here=self._here)
            async with asyncio.timeout(self._deadline_s):
                addresses = await reached(place, self._resolve)
                return await self._sent(subscription, place, addresses, message_id, body)
        except BadInput:
            return Answer("address")
        except (TimeoutError, httpx.TimeoutException):
            return Answer("slow")
        except (OSError, httpx.HTTPError, httpx.InvalidURL):
            return Answer("unreachable")

    async def _sent(
        self, subscription: Subscription, place: Place, addresses: Sequence[str], message_id: str, body: bytes
    ) -> Answer:
        headers = self._headers(subscription, place, message_id, body)
        self._tls = self._tls or httpx.create_ssl_context()  # takes longer than a message
        for number, address in enumerate(addresses[:_TRIED], 1):
            # To the address that was judged, under the name that was asked for: nobody looks the name up again.
            url = httpx.URL(subscription.url).copy_with(host=address)
            try:
                async with (
                    httpx.AsyncClient(
                        verify=self._tls, timeout=TIMEOUT, transport=self._transport, trust_env=False
                    ) as client,
                    # Only the status counts, so the answer's body is never read.
                    client.stream(
                        "POST", url, content=body, headers=headers, extensions={"sni_hostname": place.host}
                    ) as response,
                ):
                    return self._judged(response)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if number == len(addresses[:_TRIED]):
                    raise
        return Answer("unreachable")

    def _headers(
        self, subscription: Subscription, place: Place, message_id: str, body: bytes
    ) -> dict[str, str]:
        timestamp = str(self._clock.now() // SECOND)
        generations = [subscription.generation]
        if subscription.generation and self._clock.now() - subscription.rotated_at < OVERLAP:
            generations.append(subscription.generation - 1)
        secrets = [Secret.of(self._derived(subscription, generation)) for generation in generations]
        return {
            "host": place.named,
            "content-type": MEDIA,
            "user-agent": "leadgraph",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(one.sign(message_id, timestamp, body) for one in secrets),
        }

    def _judged(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if 200 <= status < 300:
            return Answer("ok")
        if status == 410:
            return Answer("gone")
        if status in (429, 503):
            header = response.headers.get("retry-after")
            wait = retry_after_s(header, now=self._clock.now()) if header else 0.0
            return Answer(f"status_{status}", wait)
        return Answer("redirect" if 300 <= status < 400 else f"status_{status}")

    def _derived(self, subscription: Subscription, generation: int) -> str:
        name = f"subscription\n{subscription.tenant}\n{subscription.subscription_id}\n{generation}"
        return "whsec_" + base64.b64encode(hmac.digest(self._secret, name.encode(), sha256)).decode()
