"""A model package over many rows at once: the same whole numbers as `tools.models.learned`, one lead at a time."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
import polars as pl

from domain.errors import BadInput
from domain.model import (
    LEAD_ACCOUNT,
    LEAD_REGION,
    LEAD_SEGMENT,
    MICRO_LOGIT,
    Additive,
    Curve,
    Levels,
    Package,
    Shift,
    Trees,
)
from learning.encode import Ints, level_places
from learning.weighted import Floats

CALIBRATION: Final = "calibration"
PRIOR: Final = "prior"
_OF_LEAD: Final = {LEAD_REGION: "region", LEAD_ACCOUNT: "account", LEAD_SEGMENT: "segment"}
"""Where the rows hold what stands beside the features."""


def log_odds(package: Package, files: Mapping[str, bytes], frame: pl.DataFrame) -> Ints:
    """Calibrated micro log-odds of each row, shifts included.

    `frame` has the columns of `learning.rows.Rows`; one that is missing is refused.
    Raises: BadInput naming the column; ConfigError if the trees are not those of the manifest.
    """
    raw = raw_log_odds(package.model, files, frame)
    return shifted(curve_at(package.calibration, raw), package.shifts, frame)


def shifted(odds: Ints, shifts: Sequence[Shift], frame: pl.DataFrame) -> Ints:
    """`odds` with what is usual in the region, segment and account of each row."""
    for shift in shifts:
        odds = odds + _level(_column(frame, shift.by), shift.values)
    return odds


def probabilities(package: Package, files: Mapping[str, bytes], frame: pl.DataFrame) -> Floats:
    """Probability, 0..1, of each row."""
    return probability(log_odds(package, files, frame))


def probability(odds: Ints) -> Floats:
    """Probability of micro log-odds."""
    found: Floats = 1 / (1 + np.exp(-odds / MICRO_LOGIT))
    return found


def raw_log_odds(model: Additive | Trees, files: Mapping[str, bytes], frame: pl.DataFrame) -> Ints:
    """Micro log-odds of the model alone, before calibration and shifts."""
    if isinstance(model, Additive):
        return additive(model, frame)
    trees, x = booster(files[model.file], model.sha256), tree_matrix(model, frame)
    found: Ints = np.rint(np.asarray(trees.predict(x, raw_score=True)) * MICRO_LOGIT).astype(np.int64)
    return found


def additive(model: Additive, frame: pl.DataFrame) -> Ints:
    """The sum of all terms."""
    found = np.full(frame.height, model.intercept, dtype=np.int64)
    for _, part in _terms(model, frame):
        found += part
    return found


def contributions(package: Package, files: Mapping[str, bytes], frame: pl.DataFrame) -> dict[str, Ints]:
    """Micro log-odds by row of the ledger (``prior``, features, ``calibration``, ``prior.region``); sums exactly."""
    model = package.model
    raw = raw_log_odds(model, files, frame)
    if isinstance(model, Additive):
        parts = dict(_terms(model, frame))
    else:
        trees = booster(files[model.file], model.sha256)
        shap = trees.predict(tree_matrix(model, frame), pred_contrib=True)
        whole = np.rint(np.asarray(shap) * MICRO_LOGIT).astype(np.int64)
        parts = {column.name: whole[:, n] for n, column in enumerate(model.columns)}
    zero = np.zeros(frame.height, dtype=np.int64)
    found = {PRIOR: raw - sum(parts.values(), zero), **parts}
    found[CALIBRATION] = curve_at(package.calibration, raw) - raw
    for shift in package.shifts:
        found[f"{PRIOR}.{_OF_LEAD[shift.by]}"] = _level(_column(frame, shift.by), shift.values)
    return found


def _terms(model: Additive, frame: pl.DataFrame) -> list[tuple[str, Ints]]:
    numbers = [(curve.name, _curve(curve, _column(frame, curve.name))) for curve in model.curves]
    return numbers + [(code.name, _levels(code, _column(frame, code.name))) for code in model.levels]


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    column = _OF_LEAD.get(name, name)
    if column not in frame.columns:
        raise BadInput(f"frame.{column}", "is missing", "compute the features that the package reads")
    return frame[column]


def _curve(curve: Curve, series: pl.Series) -> Ints:
    if not series.dtype.is_integer():
        return np.full(len(series), curve.missing, dtype=np.int64)
    present = series.is_not_null().to_numpy()
    found = curve_at(curve, series.fill_null(0).to_numpy().astype(np.int64))
    return np.where(present, found, curve.missing)


def curve_at(curve: Curve, values: Ints) -> Ints:
    """`Curve.at` of each of `values`."""
    knots, given = np.array(curve.knots, dtype=np.int64), np.array(curve.values, dtype=np.int64)
    x = np.clip(values // curve.scale, knots[0], knots[-1])
    if len(knots) == 1:
        return np.full(len(values), given[0], dtype=np.int64)
    left = np.minimum(np.searchsorted(knots, x, side="right") - 1, len(knots) - 2)
    span, rise = np.diff(knots)[left], np.diff(given)[left]
    found: Ints = given[left] + (x - knots[left]) * rise // span
    return found


def _levels(code: Levels, series: pl.Series) -> Ints:
    return _level(series, code.values, code.other, code.missing)


def _level(series: pl.Series, values: Mapping[str, int], other: int = 0, missing: int = 0) -> Ints:
    given = np.array([*values.values(), missing, other], dtype=np.int64)
    found: Ints = given[level_places(series, tuple(values))]
    return found


def tree_matrix(model: Trees, frame: pl.DataFrame) -> Floats:
    """The trees' matrix: numbers as they are, levels by number, any other -1, none NaN."""
    columns = []
    for column in model.columns:
        series = _column(frame, column.name)
        if column.levels is None:
            columns.append(series.cast(pl.Float64).fill_null(np.nan).to_numpy())
        else:
            places = level_places(series, column.levels).astype(np.float64)
            columns.append(np.where(places < -1, np.nan, places))
    return np.column_stack(columns)


@lru_cache(maxsize=8)
def booster(text: bytes, sha256: str) -> Any:
    """The trees of a file, once its hash is checked. Raises: ConfigError."""
    from hashlib import sha256 as digest

    from domain.errors import ConfigError

    if digest(text).hexdigest() != sha256:
        raise ConfigError("trees.txt is not the file that its manifest names; register the package again")
    import lightgbm

    return lightgbm.Booster(model_str=text.decode())
