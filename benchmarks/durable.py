"""The durable path: signals accepted, leads decided, and the time from a signal to its decision under a steady load."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from benchmarks.made_up import fresh, signals
from benchmarks.one_run import NOW
from benchmarks.timing import percentile
from domain.ports.home import Home
from graph.run import Ran
from surfaces.door import Item, take
from surfaces.supervising import Crew
from surfaces.worker import Worker, deps_of

OpenHome = Callable[..., AbstractContextManager[Home]]
LEADS, EACH = 2_000, 10
RATE, SECONDS = 75, 12


async def throughput(home: Home) -> dict[str, Any]:
    """Signals/s accepted in durable batches of 1,000, then leads/s decided, each with `EACH` new signals."""
    clock: Any = home.clock
    clock.advance(NOW)
    items: list[Item] = list(enumerate(signals(LEADS, EACH)))
    started = time.perf_counter()
    for at in range(0, len(items), 1_000):
        await take(home, items[at : at + 1_000])
    accepted = time.perf_counter() - started
    started = time.perf_counter()
    tally = await Worker(home, deps_of(home)).drain()
    decided = time.perf_counter() - started
    return {
        "signals_accepted_per_second": round(len(items) / accepted),
        "leads_decided_per_second": round(tally.decisions / decided),
    }


async def latency(home: Home) -> dict[str, Any]:
    """p50/p95/p99 in ms from handing a signal to the door until its decision is committed, at `RATE` signals/s."""
    sent: dict[str, float] = {}
    took: list[float] = []

    def decided(ran: Ran) -> None:
        now = time.perf_counter()
        took.extend((now - sent.pop(ref)) * 1_000 for ref in ran.decision.signals if ref in sent)

    worker = Worker(home, deps_of(home), decided=decided)
    stop = asyncio.Event()
    serving = asyncio.create_task(worker.serve(stop, Crew(), idle_s=0.002))
    start = time.perf_counter()
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        sent[f"bench:live-{number}"] = time.perf_counter()
        await take(home, [(0, fresh(number % LEADS, number, home.clock.now()))])
    await asyncio.sleep(1.0)
    stop.set()
    await serving
    return {
        "latency_rate_per_second": RATE, "latency_samples": len(took), "latency_lost": len(sent),
        "latency_p50_ms": round(percentile(took, 0.5), 1), "latency_p95_ms": round(percentile(took, 0.95), 1),
        "latency_p99_ms": round(percentile(took, 0.99), 1),
    }  # fmt: skip
