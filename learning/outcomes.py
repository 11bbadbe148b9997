"""What came of leads in business terms, by band and by version of the scorer. It describes; it proves no effect.

A case is a lead's first decision under a version. It is *closed* once its window is over. Win rates are of closed
cases; who was called hot was also worked harder, so a higher rate of hot leads is no merit of the score by itself
(`learning.uplift` tells what is).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from domain.instants import DAY
from domain.model import wilson

NOT_STATED: Final = "not stated"
MONTH: Final = 30 * DAY
FEWEST: Final = 20
"""Cases below which no rate or median is given."""


@dataclass(frozen=True, slots=True)
class Case:
    """A lead at its first decision under a version. Times are Instants; `won_at` lies within the window."""

    lead_id: str
    unit: str
    version: str
    arm: str
    band: str
    at: int
    first_seen: int
    closed: bool
    won_at: int | None


@dataclass(frozen=True, slots=True)
class Group:
    """Figures of one band under one version; None = insufficient data."""

    version: str
    band: str
    cases: int
    closed: int
    won: int
    win_rate: tuple[float, float, float] | None
    """Value, low and high of the 95 % interval (Wilson)."""
    cycle_days: tuple[float, float, float] | None
    """Median days from the first signal to the sale, with its 95 % interval by order statistics."""

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "version": self.version, "band": self.band, "cases": self.cases, "closed": self.closed,
            "won": self.won, "win_rate": _interval(self.win_rate), "cycle_days": _interval(self.cycle_days),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Velocity:
    """Leads that became hot for the first time, in the last 30 days and in the 30 before."""

    now: int
    before: int

    def document(self) -> dict[str, Any]:
        """The JSON form; growth None where there was nothing before."""
        growth = None if not self.before else round(self.now / self.before - 1, 4)
        return {"qualified_30d": self.now, "qualified_30d_before": self.before, "growth": growth}


def groups_of(cases: Iterable[Case]) -> tuple[Group, ...]:
    """Figures by version and band, versions in the order of their first case."""
    kept: dict[tuple[str, str], list[Case]] = {}
    order: dict[str, int] = {}
    for case in sorted(cases, key=lambda one: one.at):
        order.setdefault(case.version, len(order))
        kept.setdefault((case.version, case.band), []).append(case)
    bands = {"hot": 0, "warm": 1, "cold": 2}
    keys = sorted(kept, key=lambda key: (order[key[0]], bands.get(key[1], 3)))
    return tuple(_group(version, band, kept[version, band]) for version, band in keys)


def velocity(hot_since: Iterable[int], now: int) -> Velocity:
    """`hot_since`: the Instant at which each lead was found hot for the first time."""
    ages = [now - at for at in hot_since]
    return Velocity(sum(0 <= age < MONTH for age in ages), sum(MONTH <= age < 2 * MONTH for age in ages))


def cost_per_qualified(spend: float | None, qualified: int) -> float | str:
    """Spend of a period over the leads that qualified in it, in the unit of the spend; `NOT_STATED` without a spend."""
    if spend is None:
        return NOT_STATED
    return round(spend / qualified, 2) if qualified else "no lead qualified"


def _group(version: str, band: str, cases: Sequence[Case]) -> Group:
    closed = [case for case in cases if case.closed]
    won = [case for case in closed if case.won_at is not None]
    rate = None
    if len(closed) >= FEWEST:
        low, high = wilson(len(won), len(closed))
        rate = len(won) / len(closed), low, high
    days = [((case.won_at or 0) - case.first_seen) / DAY for case in won]
    return Group(version, band, len(cases), len(closed), len(won), rate, median_of(days))


def median_of(values: Sequence[float]) -> tuple[float, float, float] | None:
    """Median with a 95 % interval by order statistics (no assumption on the shape); None under `FEWEST` values."""
    if len(values) < FEWEST:
        return None
    from scipy.stats import binom

    ordered = np.sort(np.array(values))
    n = len(ordered)
    below = int(binom.ppf(0.025, n, 0.5))
    return float(median(ordered)), float(ordered[max(0, below - 1)]), float(ordered[min(n - 1, n - below)])


def _interval(told: tuple[float, float, float] | None) -> dict[str, float] | str:
    if told is None:
        return "insufficient data"
    return {"value": round(told[0], 4), "low": round(told[1], 4), "high": round(told[2], 4)}
