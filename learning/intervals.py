"""95 % intervals by bootstrap: whole accounts are drawn, and two scores are compared on the same draws.

Leads of one account stand or fall together, so rows are not independent: drawing accounts (Miller,
arXiv 2411.00640, and the cluster bootstrap of Davison and Hinkley 1997, 3.8) keeps the interval honest. Comparing on
the same draws (paired) takes out what the two scores share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from learning.metrics import Numbers, pair_of
from learning.weighted import WEIGHTED, Floats, Weighted

DRAWS: Final = 1_000
CHUNK: Final = 2_000_000
"""Weights held at once: bounds memory."""
FEWEST: Final = 20
"""Winners, and losers, below which no figure is given."""
_PIVOT: Final = frozenset({"ece"})
"""Figures that noise can only raise: a draw of a draw is noisier, so the interval is mirrored at the value."""
Clusters = Sequence[str | None] | npt.NDArray[np.generic] | None


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; all None where there are too few cases. `se` is the spread of the draws."""

    value: float | None
    low: float | None = None
    high: float | None = None
    se: float | None = None

    def document(self) -> dict[str, float | None]:
        """The JSON form, rounded to six places."""
        return {name: _rounded(getattr(self, name)) for name in ("value", "low", "high")}

    @property
    def words(self) -> str:
        """Such as ``0.885 (0.874 to 0.896)``."""
        if self.value is None:
            return "insufficient data"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


UNKNOWN: Final = Interval(None)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def numbered(clusters: Clusters, n: int) -> npt.NDArray[np.intp]:
    """A number per row, the same for rows of one cluster; a row without a cluster (None) is one of its own."""
    if clusters is None:
        return np.arange(n)
    names = [f"row:{i}" if name is None else f"of:{name}" for i, name in enumerate(clusters)]
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.intp)


def draws_of(clusters: Clusters, n: int, *, draws: int = DRAWS, seed: int = 0) -> Iterator[Floats]:
    """Weights (some draws x n) in chunks: how often each row's cluster was drawn. The same seed, the same draws."""
    numbers = numbered(clusters, n)
    count = int(numbers.max()) + 1 if n else 0
    dice = np.random.default_rng(seed)
    step = max(1, CHUNK // max(1, n))
    for start in range(0, draws, step):
        size = min(step, draws - start)
        picks = dice.integers(0, count, size=(size, count))
        flat = (picks + count * np.arange(size)[:, None]).ravel()
        times = np.bincount(flat, minlength=size * count).reshape(size, count)
        yield times[:, numbers].astype(np.float64)


def enough(y: Numbers) -> bool:
    """True with at least `FEWEST` winners and losers."""
    labels = np.asarray(y)
    won = int((labels == 1).sum())
    return min(won, len(labels) - won) >= FEWEST


def interval(
    what: str | Weighted,
    y: Numbers,
    p: Numbers,
    *,
    clusters: Clusters = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """A figure (a name of `WEIGHTED`, or one's own) with its interval; `UNKNOWN` where cases are too few."""
    labels, scores = pair_of(y, p)
    if not enough(labels):
        return UNKNOWN
    taken = _weighted(what)(labels, scores)
    value = float(taken(np.ones((1, len(labels))))[0])
    values = np.concatenate([taken(w) for w in draws_of(clusters, len(labels), draws=draws, seed=seed)])
    return _between(value, values, pivot=what in _PIVOT)


def intervals(
    y: Numbers,
    p: Numbers,
    *,
    clusters: Clusters = None,
    figures: Mapping[str, Weighted] = WEIGHTED,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Interval]:
    """Several figures, all on the same draws."""
    labels, scores = pair_of(y, p)
    if not enough(labels):
        return dict.fromkeys(figures, UNKNOWN)
    taken = {name: what(labels, scores) for name, what in figures.items()}
    once = np.ones((1, len(labels)))
    values: dict[str, list[Floats]] = {name: [] for name in figures}
    for weights in draws_of(clusters, len(labels), draws=draws, seed=seed):
        for name, take in taken.items():
            values[name].append(take(weights))
    return {
        name: _between(float(take(once)[0]), np.concatenate(values[name]), pivot=name in _PIVOT)
        for name, take in taken.items()
    }


def paired(
    what: str | Weighted,
    y: Numbers,
    p: Numbers,
    other: Numbers,
    *,
    clusters: Clusters = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Interval:
    """Figure of `p` less that of `other`, on the same rows and the same draws."""
    labels, scores = pair_of(y, p)
    _, others = pair_of(y, other)
    if not enough(labels):
        return UNKNOWN
    one, two = _weighted(what)(labels, scores), _weighted(what)(labels, others)
    once = np.ones((1, len(labels)))
    value = float(one(once)[0] - two(once)[0])
    values = [one(w) - two(w) for w in draws_of(clusters, len(labels), draws=draws, seed=seed)]
    return _between(value, np.concatenate(values), pivot=False)


def mean(values: Numbers, *, clusters: Clusters = None, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Mean of any numbers with its interval; `UNKNOWN` under `FEWEST` of them."""
    numbers = np.asarray(values, dtype=np.float64)
    if len(numbers) < FEWEST:
        return UNKNOWN
    found = [
        (weights @ numbers) / weights.sum(1)
        for weights in draws_of(clusters, len(numbers), draws=draws, seed=seed)
    ]
    return _between(float(numbers.mean()), np.concatenate(found), pivot=False)


def _weighted(what: str | Weighted) -> Weighted:
    return WEIGHTED[what] if isinstance(what, str) else what


def _between(value: float, values: Floats, *, pivot: bool) -> Interval:
    """Percentile interval of the draws in which the figure is defined; unknown if that is fewer than nine in ten."""
    known = values[np.isfinite(values)]
    if not np.isfinite(value) or len(known) < 0.9 * len(values):
        return UNKNOWN
    low, high = (float(q) for q in np.quantile(known, (0.025, 0.975)))
    if pivot:
        low, high = max(0.0, min(2 * value - high, value)), max(2 * value - low, value)
    return Interval(value, low, high, float(known.std()))
