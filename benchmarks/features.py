"""Features: reading and updating one lead online, and signals per second offline.

``python -m benchmarks.features --json`` prints what `measure` returns; ``--signals N`` sets the size offline.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from benchmarks.timing import percentile
from domain.features import Catalogue
from domain.instants import DAY, HOUR, SECOND
from domain.lead import absorb
from domain.signal import FACT, Event
from learning.offline import point_in_time
from tools.catalogue import load_catalogue

SHIPPED = Path(__file__).resolve().parent.parent / "config" / "features.toml"
NOW = 1_700_000_000 * SECOND
SPAN_DAYS = 60
KINDS = (
    *("web.page_view",) * 6, *("product.feature_used",) * 4, *("web.session", "marketing.email_opened") * 3,
    *("crm.activity", FACT) * 2, "web.form", "support.message", "marketing.content", "crm.stage_change",
)  # fmt: skip
SUBJECTS = ("pricing", "docs", "home", "demo", "industry", "employees", "customer")
SIZES = (20, 100, 1_000)
OFFLINE_SIGNALS = 2_000_000
EVENTS_PER_LEAD = 20
DECAYED = 15
LEADS = 40


def measure(offline_signals: int = OFFLINE_SIGNALS) -> dict[str, Any]:
    """Microseconds per online read and update by number of events; signals/s offline, one ask per lead."""
    catalogue = load_catalogue(SHIPPED)
    frame = frame_of_events(max(offline_signals, LEADS * max(SIZES)))
    return {
        "features": len(catalogue.plan("lead").empty),
        "online_us": {str(size): _online(catalogue, frame, size) for size in SIZES},
        "offline": _offline(catalogue, frame.head(offline_signals)),
    }


def frame_of_events(signals: int) -> pl.DataFrame:
    """Made-up events, the same on every machine: spread over `SPAN_DAYS`, in no order."""
    number = pl.int_range(signals, dtype=pl.UInt64, eager=True)

    def dice(seed: int, sides: int) -> pl.Series:
        mixed = (number * 2_654_435_761 + seed * 40_503) % 4_294_967_291
        return ((mixed * 48_271 + seed) % 2_147_483_647 % sides).cast(pl.Int64)

    at = NOW - dice(1, SPAN_DAYS * DAY // SECOND) * SECOND
    return pl.DataFrame(
        {
            "lead_id": dice(2, max(1, signals // EVENTS_PER_LEAD)).cast(pl.String),
            "at": at,
            "ref": "bench:" + number.cast(pl.String),
            "subject": pl.Series(SUBJECTS).gather(dice(3, len(SUBJECTS))),
            "kind": pl.Series(KINDS).gather(dice(4, len(KINDS))),
            "value": "x",
            "amount": dice(5, 5) * 1_000_000,
            "known": at + SECOND,
        },
        strict=False,
    )


def _online(catalogue: Catalogue, frame: pl.DataFrame, size: int) -> dict[str, float]:
    """Medians over `LEADS` leads of `size` events; ``again`` is a further time on a lead prepared before."""
    columns = frame.select("at", "ref", "subject", "kind", "value", "amount", "known").head(LEADS * size)
    events = [Event._make((*row, ())) for row in columns.iter_rows()]
    leads = [tuple(sorted(events[i * size : (i + 1) * size])) for i in range(LEADS)]
    some = frozenset([name for name in catalogue.plan("lead").empty if name.startswith("decayed.")][:DECAYED])
    newest = Event(NOW + HOUR, "bench:new", "pricing", "web.page_view", "", 0, NOW + HOUR, ())
    late = newest._replace(at=NOW - SPAN_DAYS * DAY // 3)
    ready = [catalogue.prepare(lead) for lead in leads]
    reads = _each(leads, lambda lead: catalogue.evaluate(lead, NOW))
    figures = {
        "read_all": median(reads),
        "read_all_p99": percentile(reads, 0.99),
        "read_decayed": median(_each(leads, lambda lead: catalogue.evaluate(lead, NOW, names=some))),
        "read_decayed_again": median(_each(ready, lambda one: one.at(NOW - DAY, some))),
        "update_newest": median(_each(leads, lambda lead: absorb(lead, (newest,)))),
        "update_late": median(_each(leads, lambda lead: absorb(lead, (late,)))),
    }
    return {name: round(taken, 1) for name, taken in figures.items()}


def _each(things: list[Any], call: Callable[[Any], object], rounds: int = 25) -> list[float]:
    """Microseconds of `call` on each thing, in turn, over and over."""
    taken = []
    for _ in range(rounds):
        for thing in things:
            started = time.perf_counter()
            call(thing)
            taken.append((time.perf_counter() - started) * 1e6)
    return taken


def _offline(catalogue: Catalogue, frame: pl.DataFrame) -> dict[str, int | float]:
    """One ask per lead, everything known; the whole catalogue."""
    asks = frame.select("lead_id").unique().with_columns(as_of=pl.lit(NOW))
    started = time.perf_counter()
    answered = point_in_time(catalogue, frame, asks)
    seconds = time.perf_counter() - started
    return {
        "signals": frame.height,
        "asks": answered.height,
        "seconds": round(seconds, 2),
        "signals_per_second": round(frame.height / seconds),
    }


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", action="store_true", help="one JSON document")
    options.add_argument("--signals", type=int, default=OFFLINE_SIGNALS, help="signals offline")
    given = options.parse_args()
    figures = measure(given.signals)
    print(json.dumps(figures) if given.json else json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
