"""One storm from its first delivery to the verdict."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Thread
from typing import Any

from app import open_home
from benchmarks.timing import percentile
from domain.instants import SECOND
from tests.crash.processes import Child
from tests.storm.around import Around, around, subscribed
from tests.storm.deliveries import Delivery
from tests.storm.judging import judged
from tests.storm.sending import Sent, send_all
from tests.storm.serving import begun, free_port, most_memory_mb
from tools.clock import SystemClock


def weathered(
    root: Path, deliveries: Sequence[Delivery], *, deeds: Sequence[signal.Signals] = (), worker: bool = True
) -> dict[str, Any]:
    """Send all, ending the server by each of `deeds` on the way and starting it again; then judge what is there."""
    root.mkdir(parents=True, exist_ok=True)
    home = root / "home"
    with around(root, now_s=SystemClock().now() // SECOND) as beside:
        with open_home(home=home, given=beside.settings) as opened:
            subscribed(opened, beside.url)
        figures = _sent(home, deliveries, deeds, beside, worker=worker)
        return {**figures, **asdict(judged(home, deliveries, beside))}


def _sent(
    home: Path,
    deliveries: Sequence[Delivery],
    deeds: Sequence[signal.Signals],
    beside: Around,
    *,
    worker: bool,
) -> dict[str, Any]:
    """How it went."""
    port, file = free_port(), home.with_name("server.txt")
    acked, done = [0], list[Sent]()

    def begin() -> Child:
        return begun(home, port, beside.settings, worker=worker, file=file)

    def told(number: int) -> None:
        acked[0] = number

    def send() -> None:
        done.append(asyncio.run(send_all(deliveries, port, told=told)))

    server, senders, began = begin(), Thread(target=send), time.perf_counter()
    senders.start()
    for place, deed in enumerate(deeds, 1):
        while acked[0] < len(deliveries) * place // (len(deeds) + 1) and senders.is_alive():
            time.sleep(0.005)
        server.send(deed)
        code = server.ended()
        assert code == (0 if deed is signal.SIGTERM else -deed), (code, file.read_text("utf-8")[-2000:])
        server = begin()
    senders.join()
    seconds, memory = time.perf_counter() - began, most_memory_mb(server)
    server.send(signal.SIGTERM)
    assert server.ended() == 0, file.read_text("utf-8")[-2000:]
    assert done, "a sender gave up"
    (sent,) = done
    return {
        "deliveries": len(deliveries),
        "events": sum(one.events for one in deliveries),
        **dict(sent.counts),
        "resent": sent.resent,
        "seconds": round(seconds, 1),
        "per_second": round(len(deliveries) / seconds),
        **{f"ack_p{n}_ms": round(percentile(sent.acks_ms, n / 100), 1) for n in (50, 95, 99)},
        "memory_mb": memory,
    }
