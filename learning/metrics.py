"""Figures of merit of a score: `y` is 0 or 1, `p` a probability (or any ranking score where only order counts).

Each is the weighted figure of `learning.weighted` with all rows alike, so that a value and its interval never differ
in definition.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from learning import weighted
from learning.weighted import BINS, Floats, Weighted

Numbers = Sequence[float] | Sequence[int] | npt.NDArray[np.generic]


def pair_of(y: Numbers, p: Numbers) -> tuple[Floats, Floats]:
    """Both as float arrays of one length. Raises: BadInput if they are not, or if y holds anything but 0 and 1."""
    labels, scores = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise BadInput("p", f"has shape {scores.shape}, y has {labels.shape}", "give one score per label")
    if not np.isin(labels, (0.0, 1.0)).all():
        raise BadInput("y", "holds something else than 0 and 1", "give 1 for won and 0 for lost")
    if not np.isfinite(scores).all():
        raise BadInput("p", "holds NaN or infinity", "give a number for every case")
    return labels, scores


def figure(what: Weighted, y: Numbers, p: Numbers) -> float:
    """One figure with all rows alike; NaN where it is not defined. Raises: BadInput."""
    labels, scores = pair_of(y, p)
    if not len(labels):
        return float("nan")
    return float(what(labels, scores)(np.ones((1, len(labels))))[0])


def auc(y: Numbers, p: Numbers) -> float:
    """Share of (winner, loser) pairs ranked rightly, ties half; 0..1.

    >>> auc([1, 1, 0, 0], [2, 3, 1, 2])
    0.875
    """
    return figure(weighted.auc, y, p)


def pr_auc(y: Numbers, p: Numbers) -> float:
    """Average precision, 0..1; a score that knows nothing gets the base rate."""
    return figure(weighted.pr_auc, y, p)


def brier(y: Numbers, p: Numbers) -> float:
    """Mean squared error of the probabilities, 0..1, lower is better."""
    return figure(weighted.brier, y, p)


def log_loss(y: Numbers, p: Numbers) -> float:
    """Mean negative log-likelihood in nats, lower is better."""
    return figure(weighted.log_loss, y, p)


def ece_equal_mass(y: Numbers, p: Numbers) -> float:
    """Expected calibration error over ten bins of equal mass, 0..1; with few cases noise alone lifts it over 0."""
    return figure(weighted.ece, y, p)


def calibration_slope(y: Numbers, p: Numbers) -> float:
    """1 is right; under 1 the probabilities are too extreme, over 1 too timid."""
    return figure(weighted.calibration_slope, y, p)


def lift_at(y: Numbers, p: Numbers, share: float = 0.10) -> float:
    """Rate among the best `share` (0..1) over the rate of all."""
    return figure(weighted.lift_at(share), y, p)


def recall_at(y: Numbers, p: Numbers, share: float = 0.10) -> float:
    """Share of the winners among the best `share` (0..1)."""
    return figure(weighted.recall_at(share), y, p)


def flagged_share(y: Numbers, p: Numbers, threshold: float) -> float:
    """Share of cases with `p` at or over the threshold."""
    return figure(weighted.flagged(threshold), y, p)


def wins_caught(y: Numbers, p: Numbers, threshold: float) -> float:
    """Share of the winners with `p` at or over the threshold."""
    return figure(weighted.caught(threshold), y, p)


def expected_profit(y: Numbers, p: Numbers, *, gain: float, cost: float) -> float:
    """Profit per case if every case worth it (p * gain >= cost) is worked. Raises: BadInput for a gain not over 0."""
    return figure(weighted.profit(break_even(gain, cost), gain, cost), y, p)


def break_even(gain: float, cost: float) -> float:
    """The probability from which a case is worth its work. Raises: BadInput."""
    if gain <= 0 or cost < 0:
        raise BadInput("cost matrix", f"gain {gain}, cost {cost}", "gain must be over 0, cost at least 0")
    return cost / gain


@dataclass(frozen=True, slots=True)
class Bin:
    """Cases with about the same probability, `said` on average; `rate` of them were won."""

    n: int
    said: float
    rate: float


def reliability(y: Numbers, p: Numbers, bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal mass by rising probability; empty ones (many ties) are left out."""
    labels, scores = pair_of(y, p)
    if not len(labels):
        return ()
    every, won, said = weighted.binned(weighted.groups(labels, scores), np.ones((1, len(labels))), bins)
    return tuple(
        Bin(int(n), float(s / n), float(w / n))
        for n, w, s in zip(every[0][::-1], won[0][::-1], said[0][::-1], strict=True)
        if n
    )


@dataclass(frozen=True, slots=True)
class BrierParts:
    """Murphy (1973): ``brier = reliability - resolution + uncertainty + within``.

    `reliability` (lower is better) is miscalibration, `resolution` (higher is better) how far the bins' rates lie
    apart, `uncertainty` that of the base rate; `within` is what bins of equal mass cannot see.
    """

    reliability: float
    resolution: float
    uncertainty: float
    within: float


def brier_parts(y: Numbers, p: Numbers) -> BrierParts:
    """The decomposition over ten bins of equal mass. Raises: BadInput without cases."""
    labels, scores = pair_of(y, p)
    if not len(labels):
        raise BadInput("y", "is empty", "give at least one case")
    base, n = float(labels.mean()), len(labels)
    cells = reliability(labels, scores)
    off = sum(cell.n * (cell.said - cell.rate) ** 2 for cell in cells) / n
    apart = sum(cell.n * (cell.rate - base) ** 2 for cell in cells) / n
    unsure = base * (1 - base)
    return BrierParts(off, apart, unsure, brier(labels, scores) - (off - apart + unsure))
