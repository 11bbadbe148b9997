"""Senders that send until they are answered 2xx, as vendors do, only faster.

Each has a bare connection of its own: a client with a pool takes more of the processor than the server, and some
requests wait in it ten times as long as for their answer.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from benchmarks.http_client import Wire, post
from domain.instants import SECOND
from tests.storm.deliveries import Delivery
from tests.surfaces.webhooks.sending import JSON, SENDERS
from tools.clock import SystemClock

AT_ONCE: Final = 16
"""Requests that are under way at a time, of all vendors together."""
PAUSE_S: Final = 0.02
ANSWER_S: Final = 20.0
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

    async def sender() -> None:
        wire = Wire(port)
        for delivery in waiting:
            await _send(wire, delivery, sent)
            told(len(sent.acks_ms))
        await wire.close()

    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    return sent


async def _send(wire: Wire, delivery: Delivery, sent: Sent) -> None:
    sender, end = SENDERS[delivery.vendor], time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        proof = sender.sign(delivery.body, SystemClock().now() / SECOND, sender.secret)
        request = post(f"/v1/webhooks/{delivery.vendor}", delivery.body, {**JSON, **proof})
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_S):
                status, body = await wire.ask(request)
        except OSError:  # TimeoutError is one
            status, body = 0, b""
        if status == HTTPStatus.ACCEPTED:
            sent.acks_ms.append((time.perf_counter() - began) * 1_000)
            sent.add(json.loads(body))
            return
        assert status == 0 or status >= HTTPStatus.INTERNAL_SERVER_ERROR, (status, body)
        sent.resent += 1
        await asyncio.sleep(PAUSE_S)
    raise AssertionError("a delivery was never acknowledged")
