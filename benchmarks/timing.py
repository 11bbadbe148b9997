"""Timing of repeated work, in processor time and in wall time."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over blocks, in milliseconds per call."""

    cpu_ms: float
    wall_ms: float


async def in_turn(
    calls: dict[str, Callable[[], Awaitable[object]]], *, blocks: int = 9, each: int = 60
) -> dict[str, Cost]:
    """Cost of each call, measured in turn, block by block, so that a drift of the machine hits all alike."""
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    wall: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(10):
            await call()
    for _ in range(blocks):
        for name, call in calls.items():
            started, worked = time.perf_counter(), time.process_time()
            for _ in range(each):
                await call()
            cpu[name].append((time.process_time() - worked) / each * 1_000)
            wall[name].append((time.perf_counter() - started) / each * 1_000)
    return {name: Cost(median(cpu[name]), median(wall[name])) for name in calls}


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` (0..1) of `values` lie; 0.0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
