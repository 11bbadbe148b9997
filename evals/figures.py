"""The figures of the scoring suite, each with its interval: of all cases, of slices, and over time."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from evals.entrants import MAIN
from learning import metrics, weighted
from learning.intervals import UNKNOWN, Interval, enough, interval, intervals, mean
from learning.weighted import WEIGHTED, Floats, Weighted

RANKING: Final = ("auc", "pr_auc", "lift_at_10", "lift_at_20", "recall_at_10", "recall_at_20")
BESIDE: Final = ("auc", "pr_auc", "brier", "log_loss", "ece", "lift_at_10")
"""What the report says of baselines; of those that only rank, the ranking ones."""
SLICED: Final = ("auc", "brier", "ece")
FEWEST_IN_A_SLICE: Final = 50
MOST_VALUES: Final = 24
"""Values of one slice in a report, the most frequent."""


@dataclass(frozen=True, slots=True)
class Costs:
    """The cost matrix: what a won lead brings, what working a lead costs, in one currency."""

    gain: float = 4.0
    cost: float = 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """Traces as columns: what happened, what each entrant said, and whose rows they are."""

    y: Floats
    said: Mapping[str, Floats]
    points: frozenset[str]
    """Entrants that only rank."""
    accounts: tuple[str, ...]
    slices: Mapping[str, tuple[str, ...]]
    seconds: tuple[float, ...]

    @property
    def main(self) -> str:
        """The entrant that is judged: the learned score, else the first."""
        return MAIN if MAIN in self.said else next(iter(self.said))

    @property
    def others(self) -> tuple[str, ...]:
        """The baselines."""
        return tuple(name for name in self.said if name != self.main)


def main_figures(found: Judged, *, costs: Costs, draws: int, seed: int) -> dict[str, Any]:
    """``intervals`` by figure, and ``more``: decomposition, reliability, months, flags, latency."""
    y, p = found.y, found.said[found.main]
    if found.main in found.points:
        named: Mapping[str, Weighted] = {name: WEIGHTED[name] for name in RANKING}
        return {
            "intervals": intervals(y, p, clusters=found.accounts, figures=named, draws=draws, seed=seed),
            "more": {},
        }
    line = metrics.break_even(costs.gain, costs.cost)
    named = {
        **WEIGHTED,
        "flagged_share": weighted.flagged(line),
        "wins_caught": weighted.caught(line),
        "expected_profit": weighted.profit(line, costs.gain, costs.cost),
        "profit_of_working_all": weighted.profit(0.0, costs.gain, costs.cost),
    }
    more: dict[str, Any] = {
        "brier_parts": {name: round(value, 6) for name, value in asdict(metrics.brier_parts(y, p)).items()},
        "reliability": _bins(y, p),
        "by_month": by_month(found, draws=max(200, draws // 4), seed=seed),
        "costs": asdict(costs) | {"flagged_from": line},
        "lift_curve": {name: lift_curve(y, values) for name, values in found.said.items()},
    }
    if found.seconds:
        more["latency_ms_per_lead"] = round(1_000 * float(np.mean(found.seconds)), 4)
    return {
        "intervals": intervals(y, p, clusters=found.accounts, figures=named, draws=draws, seed=seed),
        "more": more,
    }


def baseline_figures(found: Judged, *, draws: int, seed: int) -> dict[str, dict[str, Interval]]:
    """`BESIDE` of every baseline, on the same draws."""
    wanted = {
        name: BESIDE if name not in found.points else [f for f in BESIDE if f in RANKING]
        for name in found.others
    }
    return {
        name: intervals(found.y, found.said[name], clusters=found.accounts,
                        figures={figure: WEIGHTED[figure] for figure in figures}, draws=draws, seed=seed)
        for name, figures in wanted.items()
    }  # fmt: skip


def slices(found: Judged, *, draws: int, seed: int) -> dict[str, dict[str, Any]]:
    """Figures by slice: ``n``, ``won``, and intervals or the words "insufficient data"."""
    told: dict[str, dict[str, Any]] = {}
    for name, values in found.slices.items():
        if set(values) == {"none"}:
            continue
        common = [value for value, _ in Counter(values).most_common(MOST_VALUES)]
        column = np.asarray(values)
        told[name] = {value: _slice(found, column == value, draws, seed) for value in sorted(common)}
    return told


def _slice(found: Judged, mask: Any, draws: int, seed: int) -> dict[str, Any]:
    y, p = found.y[mask], found.said[found.main][mask]
    head: dict[str, Any] = {"n": len(y), "won": int(y.sum())}
    if len(y) < FEWEST_IN_A_SLICE or not enough(y):
        return head | {"words": "insufficient data"}
    whose = np.asarray(found.accounts)[mask]
    wanted = SLICED if found.main not in found.points else ("auc",)
    seen = intervals(y, p, clusters=whose, figures={f: WEIGHTED[f] for f in wanted}, draws=draws, seed=seed)
    return head | {figure: one.document() for figure, one in seen.items()}


def by_month(found: Judged, *, draws: int, seed: int) -> list[dict[str, Any]]:
    """Calibration over time: mean probability and win rate of each month, with the interval of the rate."""
    months = np.asarray(found.slices.get("month", ()))
    told = []
    for month in sorted(set(months.tolist()) - {"none"}):
        mask = months == month
        y, p = found.y[mask], found.said[found.main][mask]
        rate = mean(y, clusters=np.asarray(found.accounts)[mask], draws=draws, seed=seed)
        error = interval("ece", y, p, draws=draws, seed=seed) if enough(y) else UNKNOWN
        told.append({"month": month, "n": len(y), "said": round(float(p.mean()), 6), "rate": rate.document(),
                     "ece": error.document()})  # fmt: skip
    return told


def lift_curve(y: Floats, p: Floats) -> list[list[float]]:
    """[share worked, share of wins caught] from 5 % to 100 %."""
    if not y.sum():
        return []
    shares = [round(0.05 * step, 2) for step in range(1, 21)]
    return [[share, round(metrics.recall_at(y, p, share), 4)] for share in shares]


def _bins(y: Floats, p: Floats) -> list[dict[str, float]]:
    return [
        {"n": cell.n, "said": round(cell.said, 6), "rate": round(cell.rate, 6)}
        for cell in metrics.reliability(y, p)
    ]
