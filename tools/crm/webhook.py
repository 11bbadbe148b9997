"""Outgoing webhooks, signed after the Standard Webhooks specification, and the check for those who receive them.

The id of a message is the key of the step, and its body depends on the step alone: a receiver that keeps ids sees the
same message twice, never two messages.
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import httpx
import orjson

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import (
    ConfigError,
    OutcomeUnknown,
    Permanent,
    Refused,
    Temporary,
    Throttled,
    Unauthorized,
)
from domain.instants import SECOND
from domain.ports.clock import Clock
from domain.ports.target import Change, Seen, Subject
from tools import addresses
from tools.retry_after import retry_after_s
from tools.statuses import REFUSED, UNSENT

TIMEOUT: Final = httpx.Timeout(connect=3.0, read=15.0, write=5.0, pool=5.0)
"""Seconds for each part of a request."""
DEADLINE_S: Final = 25.0
TOLERANCE_S: Final = 300
"""How far the time of a message may lie from ours, both ways."""
MAX_KEY: Final = 300
MAX_SIGNATURES: Final = 16
_SECRET_BYTES: Final = range(24, 65)
SETTING: Final = "webhook_secrets"
"""Where our credentials are set."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing key; its text never shows."""

    key: bytes = field(repr=False)

    @classmethod
    def of(cls, text: str) -> "Secret":
        """From ``whsec_`` and base64 of 24 to 64 bytes. Raises: ConfigError."""
        try:
            key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not text.startswith("whsec_") or len(key) not in _SECRET_BYTES:
            raise ConfigError("a webhook secret is `whsec_` and the base64 of 24 to 64 random bytes")
        return cls(key)

    def sign(self, message_id: str, timestamp: str, body: bytes) -> str:
        """``v1,`` and the base64 of the HMAC-SHA256 over id, time and body, joined by dots."""
        text = f"{message_id}.{timestamp}.".encode() + body
        return "v1," + base64.b64encode(hmac.digest(self.key, text, sha256)).decode()


class Webhook:
    """Satisfies `domain.ports.target.Target`. Closed with `aclose`."""

    def __init__(
        self,
        url: str,
        secrets: Sequence[str],
        clock: Clock,
        *,
        name: str = "webhook",
        takes: frozenset[StepKind] = frozenset({StepKind.NOTIFY}),
        timeout: httpx.Timeout = TIMEOUT,
        deadline_s: float = DEADLINE_S,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Sign with every one of `secrets`: while one is being replaced, receivers may hold either.

        Raises: ConfigError if the address is neither https nor on this machine, or a secret is malformed.
        """
        self.name, self.delivery, self.takes = name, Delivery.KEYED, takes
        self._url, self._clock, self._deadline_s = addresses.checked(url), clock, deadline_s
        self._secrets = [Secret.of(secret) for secret in secrets]
        if not self._secrets:
            raise ConfigError(f"{name}: a webhook needs a secret")
        # No connection is kept: messages are rare, and a kept one would belong to the loop that opened it.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.AsyncClient(timeout=timeout, limits=limits, transport=transport, trust_env=False)

    async def look(self, subject: Subject) -> Seen:  # noqa: ARG002 - as the port has it
        """Nothing: a receiver cannot be asked about a lead."""
        return Seen()

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Post one message. The receipt names its id."""
        if step.kind not in self.takes:
            raise Refused(f"{self.name} does not take {step.kind.value}", "invalid")
        if not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable() and " " not in key):
            raise Refused(f"{self.name}: the key of a message is 1 to {MAX_KEY} signs of ASCII", "invalid")
        body = payload(step, subject)
        timestamp = str(self._clock.now() // SECOND)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(secret.sign(key, timestamp, body) for secret in self._secrets),
        }
        self._judge(*await self._post(body, headers))
        return StepReceipt(ref=key)

    async def find(self, key: str) -> StepReceipt | None:
        """Raises: Permanent: a receiver cannot be asked for a message; the same id is sent again instead."""
        raise Permanent(f"{self.name} cannot be asked whether {key} arrived: send it again")

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        """The messages that would be posted."""
        return [
            Change(step.kind, "message", "", payload(step, subject).decode())
            if step.kind in self.takes
            else Change(step.kind, "refused", "", "invalid")
            for step in steps
        ]

    async def aclose(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, str | None]:
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                # Only the status counts, so the answer's body is never read.
                self._client.stream("POST", self._url, content=body, headers=dict(headers)) as response,
            ):
                return response.status_code, response.headers.get("retry-after")
        except UNSENT as error:
            raise Temporary(f"{self.name} cannot be reached ({type(error).__name__})") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise OutcomeUnknown(f"{self.name}: the answer was lost ({type(error).__name__})") from error

    def _judge(self, status: int, retry_after: str | None) -> None:
        """Return if the message arrived; raise what the status means if not."""
        if 200 <= status < 300:
            return
        if status == 429:
            wait = retry_after_s(retry_after, now=self._clock.now())
            raise Throttled(f"{self.name} asks us to come later", wait)
        if status == 401:
            raise Unauthorized(f"{self.name} does not accept our signature", SETTING)
        if 300 <= status < 400:
            raise Refused(f"{self.name} points elsewhere ({status}); configure the new address", "moved")
        if 400 <= status < 500 and status != 408:
            raise Refused(f"{self.name} refused the message ({status})", REFUSED.get(status, "refused"))
        raise OutcomeUnknown(f"{self.name} answered {status}")


def payload(step: Step, subject: Subject) -> bytes:
    """The body: our ids and the step's parameters; no key of the lead, and no time, so that a resend is the same."""
    data = {"tenant": subject.tenant, "lead_id": subject.lead_id, "params": dict(step.params)}
    return orjson.dumps({"type": f"leadgraph.{step.kind.value}", "data": data}, option=orjson.OPT_SORT_KEYS)


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: int,
    tolerance_s: int = TOLERANCE_S,
) -> bool:
    """True if one of `secrets` signed this id, time and `body`, and the time is within `tolerance_s` of `now`.

    `headers` in lower case; `body` the raw bytes as they came; `now` is an Instant. Raises: ConfigError.
    """
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(now - int(timestamp) * SECOND) > tolerance_s * SECOND:
        return False
    given = headers.get("webhook-signature", "").split(" ", MAX_SIGNATURES)[:MAX_SIGNATURES]
    wanted = [Secret.of(secret).sign(message_id, timestamp, body) for secret in secrets]
    # Every pair is compared, each in constant time.
    same = [hmac.compare_digest(one.encode(), other.encode()) for one in given for other in wanted]
    return any(same)
