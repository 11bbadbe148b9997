"""Signals over HTTP with a durable answer, beside a bare FastAPI application that inserts one row for each request."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.http_batch100 import measure_batches
from benchmarks.http_client import Load, load, post
from benchmarks.http_servers import OpenHome, bare, ours, running
from benchmarks.made_up import signals
from benchmarks.timing import percentile

PATH = "/v1/signals"
CONNECTIONS, BATCH_CONNECTIONS, BATCH = 16, 2, 1_000
LEADS = 2_000
AIM_SINGLE, AIM_BATCH = 0.8, 20.0
WARM = 200
"""Requests to each server before anything is measured."""


def measure(open_home: OpenHome, *, told: Callable[[str], None], quick: bool = False) -> dict[str, Any]:
    """Rates, latencies and ratios; single signals of both servers in turn, so that a drift hits both alike."""
    blocks, singles, batches = (2, 500, 6) if quick else (5, 1_500, 20)
    with (
        TemporaryDirectory(prefix="leadgraph-http-") as scratch,
        running(bare, Path(scratch)) as anchor,
        running(ours, Path(scratch), open_home) as api,
    ):
        items = _items(WARM + blocks * singles + batches * BATCH)
        found = asyncio.run(
            _measured(api, anchor, items, told=told, blocks=blocks, singles=singles, batches=batches)
        )
    hooks = measure_batches(open_home, told=told, quick=quick)
    return {**found, "aims": {**found["aims"], **hooks.pop("aims")}, "webhook_batch": hooks}


async def _measured(
    api: int,
    anchor: int,
    items: Iterator[bytes],
    *,
    told: Callable[[str], None],
    blocks: int,
    singles: int,
    batches: int,
) -> dict[str, Any]:
    mine, theirs = Load(), Load()
    for block in range(-1, blocks):
        told(f"single signals, block {block + 1} of {blocks}")
        some = [post(PATH, next(items)) for _ in range(singles if block >= 0 else WARM)]
        for port, total in ((anchor, theirs), (api, mine)):
            done = await load(port, iter(some), connections=CONNECTIONS)
            if block >= 0:
                total.add(done)
    told(f"batches of {BATCH:,}")
    packed = [post(PATH, b"[" + b",".join(next(items) for _ in range(BATCH)) + b"]") for _ in range(batches)]
    bulk = await load(api, iter(packed), connections=BATCH_CONNECTIONS)
    return document(mine, theirs, bulk)


def document(mine: Load, theirs: Load, bulk: Load) -> dict[str, Any]:
    """The figures. Raises: RuntimeError if anything was not accepted."""
    if any(set(one.statuses) != {202} for one in (mine, theirs, bulk)):
        raise RuntimeError(f"not all was accepted: {mine.statuses}, {theirs.statuses}, {bulk.statuses}")
    single, anchor = len(mine.took) / mine.seconds, len(theirs.took) / theirs.seconds
    batched = len(bulk.took) * BATCH / bulk.seconds
    ratios = {
        "single_to_bare": round(single / anchor, 2),
        "batch_to_bare_per_signal": round(batched / anchor, 1),
    }
    return {
        "single": _figures(mine, 1, CONNECTIONS),
        "bare": _figures(theirs, 1, CONNECTIONS),
        "batch": _figures(bulk, BATCH, BATCH_CONNECTIONS),
        "ratios": ratios,
        "aims": {
            f"single signals at {AIM_SINGLE} of a bare row each or more": single >= AIM_SINGLE * anchor,
            f"batches of {BATCH:,} at {AIM_BATCH:.0f} times a bare row each, per signal": batched
            >= AIM_BATCH * anchor,
        },
    }


def _figures(found: Load, each: int, connections: int) -> dict[str, Any]:
    return {
        "signals_per_second": round(len(found.took) * each / found.seconds),
        "requests": len(found.took),
        "connections": connections,
        **{f"p{share}_ms": round(percentile(found.took, share / 100) * 1_000, 2) for share in (50, 95, 99)},
    }


def _items(count: int) -> Iterator[bytes]:
    """So many signals of `LEADS` leads, each as JSON."""
    return (orjson.dumps(one) for one in signals(LEADS, -(-count // LEADS) + 1))
