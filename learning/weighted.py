"""Figures of merit under row weights: prepared once for (y, p), then taken for many weightings at once.

A bootstrap draw is a weighting (how often each row was drawn), so a thousand draws are one matrix. Rows with the same
`p` are one group: ties are never broken by the order of the rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Prepared = Callable[[Floats], Floats]
"""From weights (draws x rows) to one value per draw; NaN where it is not defined, such as without winners."""
Weighted = Callable[[Floats, Floats], Prepared]
"""From y (0 or 1) and p, both of length n, to what takes the weights."""
BINS: Final = 10
_EDGE: Final = 1e-9
_APART: Final = 50.0
"""A slope per standard deviation from which winners and losers are apart completely."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows gathered by equal `p`, best first: weight of all, and of the winners, per draw and group."""

    order: npt.NDArray[np.intp]
    starts: npt.NDArray[np.intp]
    won: Floats
    p: Floats

    def of(self, weights: Floats) -> tuple[Floats, Floats]:
        """(all, won), each draws x groups."""
        sorted_weights = weights[:, self.order]
        if self.starts.size == self.order.size:
            return sorted_weights, sorted_weights * self.won
        every = np.add.reduceat(sorted_weights, self.starts, axis=1)
        return every, np.add.reduceat(sorted_weights * self.won, self.starts, axis=1)


def groups(y: Floats, p: Floats) -> Groups:
    """Sort by falling `p` and mark where a new value begins."""
    order = np.argsort(-p, kind="stable")
    ordered = p[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return Groups(order, starts, y[order].astype(np.float64), ordered[starts])


def auc(y: Floats, p: Floats) -> Prepared:
    """Share of (winner, loser) pairs ranked rightly, ties half (Mann-Whitney)."""
    grouped = groups(y, p)

    def take(weights: Floats) -> Floats:
        every, won = grouped.of(weights)
        lost = every - won
        below = lost.sum(1, keepdims=True) - np.cumsum(lost, axis=1)
        right = (won * (below + lost / 2)).sum(1)
        return _ratio(right, won.sum(1) * lost.sum(1))

    return take


def pr_auc(y: Floats, p: Floats) -> Prepared:
    """Average precision: precision at each threshold, weighted by the recall it adds."""
    grouped = groups(y, p)

    def take(weights: Floats) -> Floats:
        every, won = grouped.of(weights)
        precision = _ratio(np.cumsum(won, axis=1), np.cumsum(every, axis=1))
        return _ratio((np.nan_to_num(precision) * won).sum(1), won.sum(1))

    return take


def recall_at(share: float) -> Weighted:
    """Share of the winners among the best `share` of rows; a group that straddles the edge counts in part."""

    def prepare(y: Floats, p: Floats) -> Prepared:
        grouped = groups(y, p)

        def take(weights: Floats) -> Floats:
            every, won = grouped.of(weights)
            room = share * every.sum(1, keepdims=True) - (np.cumsum(every, axis=1) - every)
            part = np.clip(room, 0, every) / np.maximum(every, _EDGE)
            return _ratio((part * won).sum(1), won.sum(1))

        return take

    return prepare


def lift_at(share: float) -> Weighted:
    """Base rate among the best `share` of rows over the base rate of all."""
    recall = recall_at(share)

    def prepare(y: Floats, p: Floats) -> Prepared:
        take = recall(y, p)
        return lambda weights: take(weights) / share

    return prepare


def brier(y: Floats, p: Floats) -> Prepared:
    """Mean squared error of the probabilities (Brier 1950)."""
    return _mean((p - y) ** 2)


def log_loss(y: Floats, p: Floats) -> Prepared:
    """Mean negative log-likelihood, natural logarithm; `p` is kept 1e-9 away from 0 and 1."""
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    return _mean(-np.where(y > 0, np.log(inside), np.log1p(-inside)))


def flagged(threshold: float) -> Weighted:
    """Share of rows with `p` at or over the threshold."""
    return lambda _, p: _mean((p >= threshold).astype(np.float64))


def caught(threshold: float) -> Weighted:
    """Share of the winners with `p` at or over the threshold."""

    def prepare(y: Floats, p: Floats) -> Prepared:
        won, over = y.astype(np.float64), y * (p >= threshold)
        return lambda weights: _ratio(weights @ over, weights @ won)

    return prepare


def profit(threshold: float, gain: float, cost: float) -> Weighted:
    """Profit per row if all at or over the threshold are worked: a winner brings `gain`, each costs `cost`."""
    return lambda y, p: _mean(np.where(p >= threshold, gain * y - cost, 0.0))


def ece(y: Floats, p: Floats) -> Prepared:
    """Expected calibration error over `BINS` bins of equal mass: mean distance of rate and mean `p`."""
    grouped = groups(y, p)

    def take(weights: Floats) -> Floats:
        every, won, said = binned(grouped, weights)
        off: Floats = np.abs(won - said).sum(1) / every.sum(1)
        return off

    return take


def binned(grouped: Groups, weights: Floats, bins: int = BINS) -> tuple[Floats, Floats, Floats]:
    """(weight, winners' weight, sum of weight times p), each draws x bins, in bins of equal mass by falling p.

    A group of equal `p` lies in one bin whole, that of its middle.
    """
    every, won = grouped.of(weights)
    middle = np.cumsum(every, axis=1) - every / 2
    place = np.minimum((middle * bins / every.sum(1, keepdims=True)).astype(np.intp), bins - 1)
    flat = (place + bins * np.arange(len(place))[:, None]).ravel()
    parts = (every, won, every * grouped.p)
    sums: list[Floats] = [
        np.bincount(flat, part.ravel(), bins * len(place)).reshape(-1, bins).astype(np.float64)
        for part in parts
    ]
    return sums[0], sums[1], sums[2]


def calibration_slope(y: Floats, p: Floats) -> Prepared:
    """Slope of a logistic regression of y on the log-odds of `p` (Cox 1958); 1 is right, less is overconfident.

    NaN where it does not settle, as where winners and losers are apart completely.
    """
    inside = np.clip(p, _EDGE, 1 - _EDGE)
    log_odds = np.log(inside / (1 - inside))
    spread = float(log_odds.std()) or 1.0
    x = log_odds / spread
    start = _newton(x, y, np.ones((1, len(y))), np.zeros((1, 2)), steps=30)

    def take(weights: Floats) -> Floats:
        fitted = _newton(x, y, weights, np.repeat(start, len(weights), axis=0), steps=6)
        return np.where(np.abs(fitted[:, 1]) < _APART, fitted[:, 1] / spread, np.nan)

    return take


def _newton(x: Floats, y: Floats, weights: Floats, start: Floats, steps: int) -> Floats:
    """Intercept and slope per draw."""
    at = start.copy()
    for _ in range(steps):
        q = 1 / (1 + np.exp(-np.clip(at[:, :1] + at[:, 1:] * x, -40, 40)))
        off, curve = weights * (y - q), weights * q * (1 - q)
        g0, g1 = off.sum(1), off @ x
        h0, h1, h2 = curve.sum(1), curve @ x, curve @ (x * x)
        det = h0 * h2 - h1 * h1
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.stack([(h2 * g0 - h1 * g1) / det, (h0 * g1 - h1 * g0) / det], axis=1)
        at += np.clip(step, -5, 5)
    return at


def _mean(values: Floats) -> Prepared:
    def take(weights: Floats) -> Floats:
        means: Floats = (weights @ values) / weights.sum(1)
        return means

    return take


def _ratio(above: Floats, below: Floats) -> Floats:
    ratio: Floats = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return ratio


WEIGHTED: Final[Mapping[str, Weighted]] = {
    "auc": auc,
    "pr_auc": pr_auc,
    "brier": brier,
    "log_loss": log_loss,
    "ece": ece,
    "calibration_slope": calibration_slope,
    "lift_at_10": lift_at(0.10),
    "lift_at_20": lift_at(0.20),
    "recall_at_10": recall_at(0.10),
    "recall_at_20": recall_at(0.20),
}
"""What every report of a score holds, by name."""
HIGHER_IS_BETTER: Final = frozenset(
    {"auc", "pr_auc", "lift_at_10", "lift_at_20", "recall_at_10", "recall_at_20"}
)
