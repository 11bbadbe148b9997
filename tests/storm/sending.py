"""Senders that send until they are answered 2xx, as vendors do, only faster."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from domain.instants import SECOND
from tests.storm.deliveries import Delivery
from tests.surfaces.webhooks.sending import JSON, SENDERS
from tools.clock import SystemClock

AT_ONCE: Final = 16
"""Requests that are under way at a time, of all vendors together."""
PAUSE_S: Final = 0.02
PATIENCE_S: Final = 120.0


@dataclass
class Sent:
    """What was answered. `acks_ms` are the times of the requests that were answered 2xx, in milliseconds."""

    counts: Counter[str] = field(default_factory=Counter)
    acks_ms: list[float] = field(default_factory=list)
    resent: int = 0
    """Requests that were sent anew because nothing, or no 2xx, came back."""

    def add(self, answer: dict[str, object]) -> None:
        quarantined, ignored = answer["quarantined"], answer["ignored"]
        assert isinstance(quarantined, list)
        assert isinstance(ignored, dict)
        for name in ("accepted", "duplicates"):
            self.counts[name] += int(str(answer[name]))
        self.counts["quarantined"] += len(quarantined)
        self.counts["ignored"] += sum(ignored.values())


async def send_all(
    deliveries: Sequence[Delivery], port: int, *, told: Callable[[int], None] = lambda _: None
) -> Sent:
    """Send each until it is acknowledged; `told` how many are. Raises: AssertionError for one that is refused."""
    sent, waiting = Sent(), iter(deliveries)
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=20.0, limits=limits, trust_env=False
    ) as client:

        async def sender() -> None:
            for delivery in waiting:
                await _send(client, delivery, sent)
                told(len(sent.acks_ms))

        await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return sent


async def _send(client: httpx.AsyncClient, delivery: Delivery, sent: Sent) -> None:
    sender, end = SENDERS[delivery.vendor], time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        proof = sender.sign(delivery.body, SystemClock().now() / SECOND, sender.secret)
        began = time.perf_counter()
        try:
            answer = await client.post(
                f"/v1/webhooks/{delivery.vendor}", content=delivery.body, headers={**JSON, **proof}
            )
        except httpx.HTTPError:
            answer = None
        if answer is not None and answer.status_code == 202:
            sent.acks_ms.append((time.perf_counter() - began) * 1_000)
            sent.add(answer.json())
            return
        assert answer is None or answer.status_code >= 500, (answer.status_code, answer.text)
        sent.resent += 1
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("a delivery was never acknowledged")
