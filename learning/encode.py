"""Feature values as a matrix of ramps and levels, in whole numbers first, so that a package can say the same exactly.

A number becomes ramps between knots: ``clip((x - left) / (right - left), 0, 1)``. A weighted sum of ramps is linear
between knots and constant outside, which is what `domain.model.Curve` computes. A code becomes one column a level.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from domain.model import WIDEST, Curve, Levels
from learning.rows import Rows
from learning.weighted import Floats

Ints = npt.NDArray[np.int64]
ENDS: Final = (0.01, 0.99)
"""Quantiles of the first and last knot: outside there is too little to learn a slope from."""
HEAP: Final = 0.2
"""A value of this share of the rows or more gets a knot of its own; quantiles are then those of the others."""
LEAST: Final = 20
"""Rows that a level needs to get a number of its own."""
MOST_LEVELS: Final = 60


@dataclass(frozen=True, slots=True)
class Number:
    """How a number is read. `present` is False where a missing value was never met."""

    name: str
    scale: int
    knots: tuple[int, ...]
    sign: int
    missing: bool

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.knots) - 1 + self.missing


@dataclass(frozen=True, slots=True)
class Code:
    """How a code is read: columns for its levels, then for any other and for none, where they were met."""

    name: str
    levels: tuple[str, ...]
    other: bool
    missing: bool

    @property
    def width(self) -> int:
        """Columns of the matrix."""
        return len(self.levels) + self.other + self.missing


Term = Number | Code


def terms_of(rows: Rows, knots: int) -> tuple[Term, ...]:
    """How each column is read, with up to `knots` + 1 knots a number; columns that never vary are left out."""
    found: list[Term] = []
    for column in rows.columns:
        series = rows.frame[column.name]
        if series.n_unique() > 1:
            term = _number(series, knots, column.sign) if column.kind == "number" else _code(series)
            if term is not None:
                found.append(term)
    return tuple(found)


def matrix(terms: tuple[Term, ...], frame: pl.DataFrame) -> Floats:
    """One row per row of `frame`, the columns of all terms side by side."""
    blocks = [_ramps(t, frame[t.name]) if isinstance(t, Number) else _levels(t, frame[t.name]) for t in terms]
    return np.hstack(blocks) if blocks else np.zeros((frame.height, 0))


def signs_of(terms: tuple[Term, ...]) -> npt.NDArray[np.int64]:
    """For each column of the matrix the sign that its weight must have, or 0."""
    signs: list[int] = []
    for term in terms:
        if isinstance(term, Number):
            signs += [term.sign] * (len(term.knots) - 1) + [0] * term.missing
        else:
            signs += [0] * term.width
    return np.array(signs, dtype=np.int64)


def shape_of(term: Term, weights: Floats, centre: float) -> Curve | Levels:
    """The term as a package says it, in micro log-odds less `centre`; what was never met gives 0, as the average."""
    if isinstance(term, Number):
        steps = len(term.knots) - 1
        rising = np.concatenate(([0.0], np.cumsum(weights[:steps]))) - centre
        missing = micro(weights[steps] - centre) if term.missing else 0
        values = tuple(micro(value) for value in rising)
        return Curve(name=term.name, scale=term.scale, knots=term.knots, values=values, missing=missing)
    told = [micro(value - centre) for value in weights]
    levels = dict(zip(term.levels, told, strict=False))
    other = told[len(term.levels)] if term.other else 0
    return Levels(name=term.name, values=levels, other=other, missing=told[-1] if term.missing else 0)


def micro(log_odds: float) -> int:
    """Micro log-odds, to the nearest thousandth: finer would only be noise."""
    return int(max(-20_000, min(20_000, round(float(log_odds) * 1_000)))) * 1_000


def scale_of(greatest: int) -> int:
    """The power of ten by which values are divided so that knots stay far within bounds."""
    scale = 1
    while greatest // scale > WIDEST // 10:
        scale *= 10
    return scale


def _number(series: pl.Series, knots: int, sign: int) -> Number | None:
    values = series.drop_nulls().to_numpy()
    if not len(values):
        return None
    scale = scale_of(int(np.abs(values).max()))
    x: Ints = values // scale
    levels, counts = np.unique(x, return_counts=True)
    heaps = levels[counts >= HEAP * len(x)]
    rest = x[~np.isin(x, heaps)]
    cuts = np.quantile(rest, np.linspace(*ENDS, knots + 1)) if len(rest) else np.zeros(0)
    found = sorted({*(int(cut) for cut in np.floor(cuts)), *(int(heap) for heap in heaps)})
    missing = series.null_count() > 0
    if len(found) < 2 and not missing:
        return None
    return Number(series.name, scale, tuple(found), sign, missing)


def _code(series: pl.Series) -> Code | None:
    counts = series.drop_nulls().value_counts(sort=True).sort("count", series.name, descending=[True, False])
    kept = counts.filter(pl.col("count") >= LEAST).head(MOST_LEVELS)
    levels = tuple(sorted(kept[series.name].to_list()))
    other, missing = counts.height > len(levels), series.null_count() > 0
    return Code(series.name, levels, other, missing) if len(levels) + other + missing > 1 else None


def _ramps(term: Number, series: pl.Series) -> Floats:
    knots = np.array(term.knots, dtype=np.float64)
    present = series.is_not_null().to_numpy()
    x = (series.fill_null(0).to_numpy() // term.scale).astype(np.float64)[:, None]
    ramps = np.clip((x - knots[:-1]) / np.diff(knots), 0.0, 1.0) * present[:, None]
    return np.hstack([ramps, (~present)[:, None].astype(np.float64)]) if term.missing else ramps


def _levels(term: Code, series: pl.Series) -> Floats:
    width = len(term.levels)
    place = level_places(series, term.levels)
    columns = [place == n for n in range(width)]
    if term.other:
        columns.append(place == -1)
    if term.missing:
        columns.append(place == -2)
    return np.stack(columns, axis=1).astype(np.float64)


def level_places(series: pl.Series, levels: tuple[str, ...]) -> Ints:
    """Place of each value among `levels`; -1 for any other, -2 for none."""
    places = {level: n for n, level in enumerate(levels)}
    told = series.cast(pl.String)
    found = told.replace_strict(list(places), list(places.values()), default=-1, return_dtype=pl.Int64)
    return found.set(told.is_null(), -2).to_numpy()
