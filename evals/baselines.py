"""What a score must be held against: models that a data scientist would make of the raw columns in an afternoon.

All get the same rows and the same split. Each is fitted on one frame and gives probabilities for another; a column may
be numbers, texts or truth values, with nulls.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from typing import Any, Final

import numpy as np
import polars as pl

from learning.weighted import Floats

Predict = Callable[[pl.DataFrame], Floats]
Fit = Callable[[pl.DataFrame, Floats], Predict]
"""From columns and labels (0 or 1) to what gives the probability of each row of another frame."""
MISSING: Final = "(missing)"
FEWEST_OF_A_LEVEL: Final = 10
MOST_LEVELS: Final = 200
_SMOOTH: Final = 0.1


def is_number(frame: pl.DataFrame, name: str) -> bool:
    """True for a column of numbers; texts and truth values are levels."""
    return frame.schema[name].is_numeric()


def texts(frame: pl.DataFrame, name: str) -> list[str]:
    """A column as levels, nulls as one of their own."""
    return [MISSING if value is None else str(value) for value in frame[name]]


def numbers(frame: pl.DataFrame, name: str) -> Floats:
    """A column as floats, nulls as NaN."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy().astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Frequencies:
    """How often each level of a column stood on a won and on a lost lead; numbers fall into quarters first."""

    name: str
    edges: Floats | None
    shares: Mapping[str, tuple[float, float]]

    def levels(self, frame: pl.DataFrame) -> list[str]:
        if self.edges is None:
            return texts(frame, self.name)
        places = np.searchsorted(self.edges, numbers(frame, self.name), side="right")
        return [MISSING if missing else str(place) for place, missing in zip(
            places, np.isnan(numbers(frame, self.name)), strict=True)]  # fmt: skip


def naive_bayes(frame: pl.DataFrame, y: Floats) -> Predict:
    """Frequencies of won and lost per value, multiplied as if columns were independent.

    The way of Odoo's predictive lead scoring (documentation of Odoo CRM): for every value of every column it counts
    the won and the lost leads that had it; a new lead's chance is the product over its values of the share of won
    leads with it, times the share of won leads, set against the same of the lost. A tenth is added to each count, so
    that a value never seen lost does not decide alone. A missing value says nothing.
    """
    won, lost = float(y.sum()), float(len(y) - y.sum())
    tables = [_counted(frame, name, y, won, lost) for name in frame.columns]
    prior = log((won + _SMOOTH) / (lost + _SMOOTH))

    def predict(other: pl.DataFrame) -> Floats:
        total = np.full(other.height, prior)
        for table in tables:
            found = (table.shares.get(level) for level in table.levels(other))
            total += np.array([0.0 if pair is None else log(pair[0] / pair[1]) for pair in found])
        return _probability(total)

    return predict


def _counted(frame: pl.DataFrame, name: str, y: Floats, won: float, lost: float) -> _Frequencies:
    edges = None
    if is_number(frame, name):
        known = numbers(frame, name)
        known = known[~np.isnan(known)]
        edges = np.unique(np.quantile(known, (0.25, 0.5, 0.75))) if len(known) else np.empty(0)
    plain = _Frequencies(name, edges, {})
    counts: dict[str, list[float]] = {}
    for level, label in zip(plain.levels(frame), y, strict=True):
        counts.setdefault(level, [_SMOOTH, _SMOOTH])[int(1 - label)] += 1
    counts.pop(MISSING, None)
    return _Frequencies(
        name, edges, {k: (w / (won + _SMOOTH), x / (lost + _SMOOTH)) for k, (w, x) in counts.items()}
    )


def logistic(frame: pl.DataFrame, y: Floats) -> Predict:
    """Logistic regression: numbers capped at their 1st and 99th percentile, medians for missing ones, standardised.

    Texts become one column per level that at least `FEWEST_OF_A_LEVEL` rows have.
    """
    from sklearn.linear_model import LogisticRegression

    matrix = _matrix(frame)
    model: Any = LogisticRegression(C=1.0, max_iter=2_000).fit(matrix(frame), y)
    return lambda other: np.asarray(model.predict_proba(matrix(other))[:, 1], dtype=np.float64)


def _matrix(frame: pl.DataFrame) -> Callable[[pl.DataFrame], Floats]:
    """What makes the design matrix of any frame with the medians, spreads and levels of this one."""
    scales = {name: _scaled(numbers(frame, name)) for name in frame.columns if is_number(frame, name)}
    levels: dict[str, dict[str, int]] = {}
    for name in (name for name in frame.columns if name not in scales):
        common = sorted(level for level, n in Counter(texts(frame, name)).items() if n >= FEWEST_OF_A_LEVEL)
        levels[name] = {level: place for place, level in enumerate(common[:MOST_LEVELS])}

    def build(other: pl.DataFrame) -> Floats:
        parts = [scale(numbers(other, name))[:, None] for name, scale in scales.items()]
        for name, places in levels.items():
            dummies = np.zeros((other.height, len(places)))
            for row, level in enumerate(texts(other, name)):
                if level in places:
                    dummies[row, places[level]] = 1.0
            parts.append(dummies)
        return np.hstack([np.empty((other.height, 0)), *parts])

    return build


def _scaled(known: Floats) -> Callable[[Floats], Floats]:
    there = known[~np.isnan(known)]
    low, middle, high = np.quantile(there, (0.01, 0.5, 0.99)) if len(there) else (0.0, 0.0, 0.0)

    def filled(column: Floats) -> Floats:
        return np.clip(np.where(np.isnan(column), middle, column), low, high)

    mean, spread = float(filled(known).mean()), float(filled(known).std()) or 1.0
    return lambda column: (filled(column) - mean) / spread


def lightgbm(frame: pl.DataFrame, y: Floats) -> Predict:
    """LightGBM with its defaults but slower (200 rounds at .05): texts as categories, nulls as they are."""
    import lightgbm as lgb

    levels = {n: sorted(set(texts(frame, n))) for n in frame.columns if not is_number(frame, n)}
    coded = {name: {level: float(at) for at, level in enumerate(known)} for name, known in levels.items()}

    def columns(other: pl.DataFrame) -> Floats:
        found = [
            np.array([coded[name].get(level, np.nan) for level in texts(other, name)])
            if name in coded
            else numbers(other, name)
            for name in frame.columns
        ]
        return np.stack(found, axis=1) if found else np.zeros((other.height, 1))

    settings = {"objective": "binary", "learning_rate": 0.05, "verbosity": -1, "seed": 0, "deterministic": True,
                "num_threads": 1, "force_row_wise": True}  # fmt: skip
    categories = [at for at, name in enumerate(frame.columns) if name in coded]
    data = lgb.Dataset(columns(frame), y, categorical_feature=categories, free_raw_data=True)
    booster = lgb.train(settings, data, num_boost_round=200)
    return lambda other: np.asarray(booster.predict(columns(other)), dtype=np.float64)


def _probability(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -30, 30))), dtype=np.float64)


BASELINES: Final[Mapping[str, Fit]] = {"naive_bayes": naive_bayes, "logistic": logistic, "lightgbm": lightgbm}
