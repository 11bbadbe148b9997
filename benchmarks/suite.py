"""All benchmarks in one run: ``leadgraph bench``. Ratios first; absolute figures are this machine's, today's."""

import asyncio
import resource
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import durable, one_run, scale
from domain.ports.home import Home

OpenHome = Callable[..., AbstractContextManager[Home]]
Part = Callable[[Home], Coroutine[Any, Any, dict[str, Any]]]


def run_all(open_home: OpenHome, *, told: Callable[[str], None], quick: bool = False) -> dict[str, Any]:
    """Every part in a home of its own. `quick` leaves out the largest store and the long feature run."""
    told("one run, beside bare LangGraph")
    one = _in_home(open_home, one_run.measure)
    told("durable throughput")
    figures = _in_home(open_home, durable.throughput)
    told("latency under a steady load")
    figures |= _in_home(open_home, durable.latency, virtual=False)
    sizes = scale.SIZES[:2] if quick else scale.SIZES
    by_size = {}
    for size in sizes:
        told(f"a store of {size:,} leads")
        by_size[str(size)] = _in_home(open_home, lambda home, size=size: scale.measure(home, size))  # type: ignore[misc]  # binds the size
    told("features")
    from benchmarks import features  # here: Polars takes a while to import

    read = features.measure(200_000 if quick else features.OFFLINE_SIGNALS)
    told("rescoring in bulk")
    from benchmarks import bulk

    rescored = bulk.measure(20_000 if quick else bulk.LEADS)
    told("recall from memory")
    from benchmarks import memory

    recalled = memory.measure(10_000 if quick else memory.STORED)
    return {
        "one_run": one, "durable": figures, "scale": scale.document(by_size), "features": read, "bulk": rescored,
        "recall": recalled,
        "memory_peak_mb": peak_mb(), "aims": aims(one, figures, by_size),
    }  # fmt: skip


def aims(
    one: dict[str, Any], figures: dict[str, Any], by_size: dict[str, dict[str, float]]
) -> dict[str, bool]:
    """The aims this project set itself, and whether this run met them."""
    return {
        "run at most twice bare LangGraph": one["ratio_run_to_bare"] <= 2,
        "at least 5,000 signals/s accepted": figures["signals_accepted_per_second"] >= 5_000,
        "at least 150 leads/s decided": figures["leads_decided_per_second"] >= 150,
        "p99 at most 100 ms at 75 leads/s": figures["latency_p99_ms"] <= 100 and not figures["latency_lost"],
        "flat within 20 % from the smallest to the largest store": all(
            scale.spread(by_size, name) <= 1.2 for name in ("decided_cpu_ms", "accepted_cpu_ms")
        ),
    }


def peak_mb() -> int:
    """Most memory this process has held, in MB (Linux gives KB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1_000_000 if sys.platform == "darwin" else 1_000))


def _in_home(open_home: OpenHome, part: Part, *, virtual: bool = True) -> dict[str, Any]:
    with (
        TemporaryDirectory(prefix="leadgraph-bench-") as scratch,
        open_home(virtual_clock=virtual, home=Path(scratch) / "home") as home,
    ):
        return asyncio.run(part(home))
