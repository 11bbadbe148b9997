"""Does it stay flat? The same work with 1,000, 10,000 and 100,000 leads in the store."""

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.made_up import fresh
from benchmarks.one_run import fill
from domain.instants import SECOND, Instant
from domain.ports.home import Home
from surfaces.door import Item, take
from surfaces.worker import Worker, deps_of

OpenHome = Callable[..., AbstractContextManager[Home]]
SIZES = (1_000, 10_000, 100_000)
TOUCHED, ROUNDS, SIGNALS_BEFORE = 256, 5, 2
AT_ONCE = 50_000
"""Leads that come in before their work is marked as done: the door says no when too many signals wait."""


def settle(database: Path) -> None:
    """Mark all waiting work as done, so that a large store can be filled without running every lead once."""
    with sqlite3.connect(database) as conn:
        conn.execute("UPDATE signal SET state = 'applied' WHERE state = 'waiting'")
        conn.execute("UPDATE lead SET ready_at = NULL, attempt = 0")
        conn.execute("UPDATE tally SET n = 0 WHERE name = 'waiting'")
    conn.close()


async def measure(home: Home, leads: int) -> dict[str, float]:
    """Processor ms per lead decided (claim, run, commit) and per signal accepted, with `leads` in the store."""
    for first in range(0, leads, AT_ONCE):
        await fill(home, min(AT_ONCE, leads - first), SIGNALS_BEFORE, first=first)
        settle(home.root / "leadgraph.db")
    dice, clock = random.Random(leads), home.clock
    worker = Worker(home, deps_of(home))
    decided, accepted = [], []
    for turn in range(ROUNDS + 1):
        clock.advance(Instant(clock.now() + 60 * SECOND))  # type: ignore[attr-defined]  # a benchmark's home is on stream time
        chosen = dice.sample(range(leads), TOUCHED)
        items: list[Item] = [
            (n, fresh(lead, turn * TOUCHED + n, clock.now())) for n, lead in enumerate(chosen)
        ]
        started = time.process_time()
        await take(home, items)
        between = time.process_time()
        tally = await worker.drain()
        if turn:
            accepted.append((between - started) / TOUCHED * 1_000)
            decided.append((time.process_time() - between) / max(tally.decisions, 1) * 1_000)
    return {"decided_cpu_ms": round(median(decided), 3), "accepted_cpu_ms": round(median(accepted), 4)}


def spread(by_size: dict[str, dict[str, float]], name: str) -> float:
    """Cost at the largest size over cost at the smallest."""
    values = [row[name] for row in by_size.values()]
    return round(values[-1] / values[0], 2) if values[0] else 0.0


def document(by_size: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Ratios first, then the figures by number of leads."""
    names = ("decided_cpu_ms", "accepted_cpu_ms")
    return {f"ratio_largest_to_smallest_{name}": spread(by_size, name) for name in names} | {
        "by_leads": by_size
    }
