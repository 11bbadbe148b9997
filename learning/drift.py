"""Has the world moved since a package was trained? Features, intents, scores, and how the probabilities turned out.

Each histogram of recent leads is held against that of the training rows. Two things must hold for an alert: the
difference is more than chance (chi-square test of homogeneity, with Holm's correction over all that is tested, so that
many features do not cry wolf), and it is large enough to matter (population stability index). Where the bins
of a feature are few cases, chance is large and there is no alert. Kolmogorov and Smirnov's distance is shown beside, as
it tells a shift of numbers better than the index does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from learning.evidence import NEVER, moved, stake
from learning.reference import SCORE, Histogram, Reference
from learning.rows import INTENT
from learning.weighted import Floats

FALSE_ALARMS: Final = 0.001
"""Probability, about, of any alert in one report on a world that has not moved; at most, as far as chi-square holds."""
PSI_ALERT: Final = 0.10
"""Below 0.1 a shift is usually called small, above 0.25 large."""
PSI_LARGE: Final = 0.25
FEWEST: Final = 50
"""Recent leads below which nothing is said."""
CALIBRATION_LIMIT: Final = 1_000.0
CALIBRATION_ROOM: Final = log(1.5)
"""How far the true log-odds may lie from the stated ones before the calibration counts as broken."""
_SHIFTS: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)
_SLOPES: Final = (-1.0, 0.0, 0.5, 1.0, 1.5)
Topic = Literal["feature", "intent", "score", "calibration"]


@dataclass(frozen=True, slots=True)
class Moved:
    """One thing that was held against the reference; `alert` if it moved by more than chance and enough to matter."""

    topic: Topic
    name: str
    psi: float
    ks: float | None
    """None for codes."""
    p: float
    """After Holm's correction."""
    alert: bool
    words: str
    before: tuple[float, ...] = ()
    now: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    """Shares of the bins, and their names."""

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "topic": self.topic, "name": self.name, "psi": round(self.psi, 4),
            "ks": None if self.ks is None else round(self.ks, 4), "p": float(f"{self.p:.3g}"),
            "alert": self.alert, "words": self.words,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether probabilities turned out: cases whose window has closed since the training."""

    cases: int
    won: int
    expected: float
    stake: float
    alert: bool
    words: str

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "cases": self.cases, "won": self.won, "expected": round(self.expected, 1),
            "stake": round(self.stake, 3), "alert": self.alert, "words": self.words,
        }  # fmt: skip


def drifted(reference: Reference, recent: pl.DataFrame, scores: Floats) -> tuple[Moved, ...]:
    """Every feature, every intent and the score, the greatest alert first; nothing under `FEWEST` recent leads."""
    if recent.height < FEWEST:
        return ()
    found = [
        (_topic(name), name, histogram, histogram.count(recent[name]))
        for name, histogram in reference.features.items()
        if name in recent.columns
    ]
    told = pl.Series(SCORE, scores)
    found.append(("score", SCORE, reference.score, reference.score.count(told)))
    chances = _holm([_chance(histogram.counts, counts) for _, _, histogram, counts in found])
    moved = [_moved(*one, chance) for one, chance in zip(found, chances, strict=True)]
    return tuple(sorted(moved, key=lambda one: (not one.alert, -one.psi, one.name)))


def calibration_since(y: Floats, p: Floats) -> Calibration:
    """Do leads decided since the training win as often as was said? Rows in order of decision time.

    The bound: every true log-odds lies within `CALIBRATION_ROOM` of the stated one; see `learning.evidence`.
    """
    told = np.clip(p, 0.005, 0.995)
    bets = [np.clip(moved(told, shift, slope), 1e-4, 1 - 1e-4) for shift in _SHIFTS for slope in _SLOPES]
    low, high = moved(told, -CALIBRATION_ROOM), moved(told, CALIBRATION_ROOM)
    found = stake(y, low, high, np.array(bets).reshape(len(bets), len(y)), limit=CALIBRATION_LIMIT)
    alert = found.passed_at != NEVER
    won, expected = int(y.sum()), float(told.sum())
    words = f"{won:,} of {len(y):,} leads since the training were won, {expected:.1f} were to be expected"
    if alert:
        words += ": the probabilities do not hold any more; train anew on the newest outcomes and compare"
    return Calibration(len(y), won, expected, found.e, alert, words)


def psi(before: Sequence[int], now: Sequence[int]) -> float:
    """Population stability index of two sets of counts; half a case is added to each bin, so that none is empty."""
    a, b = _shares(before), _shares(now)
    return float(((b - a) * np.log(b / a)).sum())


def ks(before: Sequence[int], now: Sequence[int]) -> float:
    """Greatest distance of the two cumulative shares, at the ends of the bins: at most the exact distance."""
    a, b = np.array(before, dtype=np.float64), np.array(now, dtype=np.float64)
    if not a.sum() or not b.sum():
        return 0.0
    return float(np.abs(np.cumsum(a) / a.sum() - np.cumsum(b) / b.sum()).max())


def _chance(before: Sequence[int], now: Sequence[int]) -> float:
    """Probability of a difference like this if nothing moved: chi-square on the bins, thin ones put together."""
    from scipy.stats import chi2

    table = _thick(np.array([before, now], dtype=np.float64))
    if table.shape[1] < 2:
        return 1.0
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    return float(chi2.sf(statistic, table.shape[1] - 1))


def _thick(table: Floats) -> Floats:
    """The bins with at least ten expected cases among the recent ones, in size order; thinner ones as one."""
    table = table[:, table.sum(0) > 0]
    share = table[1].sum() / table.sum()
    expected = table.sum(0) * share
    thin = expected < 10
    if not thin.any():
        return table
    rest = table[:, thin].sum(1, keepdims=True)
    kept = table[:, ~thin]
    if rest.sum() * share < 10:
        return kept
    return np.concatenate([kept, rest], axis=1)


def _holm(chances: Sequence[float]) -> list[float]:
    """Holm (1979): multiplied by how many are at least as great, and never less than a smaller one's."""
    order = np.argsort(chances, kind="stable")
    found, highest = [1.0] * len(chances), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, chances[index] * (len(chances) - place)))
        found[index] = highest
    return found


def _moved(topic: Topic, name: str, histogram: Histogram, counts: Sequence[int], chance: float) -> Moved:
    index = psi(histogram.counts, counts)
    distance = ks(histogram.counts[:-2], counts[:-2]) if histogram.kind == "number" else None
    alert = chance < FALSE_ALARMS and index >= PSI_ALERT
    before, now, labels = _shares(histogram.counts), _shares(counts), _labels(histogram)
    words = _words(topic, name, index, list(zip(labels, before, now, strict=True))) if alert else "no alert"
    return Moved(
        topic, name, index, distance, chance, alert, words,
        tuple(before.tolist()), tuple(now.tolist()), labels,
    )  # fmt: skip


def _words(topic: Topic, name: str, index: float, bins: Sequence[tuple[str, float, float]]) -> str:
    """What moved most, by how much, and what to do. `bins`: name, share before, share now."""
    label, before, now = max(bins, key=lambda one: abs(one[2] - one[1]))
    size = "a large shift" if index >= PSI_LARGE else "a shift"
    what = f"{size} (PSI {index:.2f}): {label} was {before:.0%} of leads, is {now:.0%}"
    return f"{what}. {_REMEDIES[topic].format(name=name)}"


_REMEDIES: Final[Mapping[str, str]] = {
    "feature": "Look whether the source of {name} changed (a new form, a tracker that is off). If leads themselves "
    "changed, train anew once their outcomes are known.",
    "intent": "Look at texts of the last days with `leadgraph score`: a campaign, or a new kind of customer? If the "
    "reader is wrong, mend the lexicon.",
    "score": "See which features moved. More hot leads than people can call need a new package or other bands.",
}


def _topic(name: str) -> Topic:
    return "intent" if name.startswith(INTENT) else "feature"


def _labels(histogram: Histogram) -> tuple[str, ...]:
    if histogram.kind == "category":
        return (*histogram.levels, "any other", "missing")
    ends = [f"{cut:g}" for cut in histogram.cuts]
    if not ends:
        return ("any value", "-", "missing")
    inner = [f"{low} to {high}" for low, high in pairwise(ends)]
    return (f"under {ends[0]}", *inner, f"{ends[-1]} or more", "-", "missing")


def _shares(counts: Sequence[int]) -> Floats:
    array = np.array(counts, dtype=np.float64) + 0.5
    return np.asarray(array / array.sum(), dtype=np.float64)
