"""What features and scores looked like in training: histograms that lie beside a package, to measure drift against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import orjson
import polars as pl

from domain.errors import ConfigError
from learning.rows import Column, Rows
from learning.weighted import Floats

REFERENCE: Final = "reference.json"
BINS: Final = 10
LEVELS: Final = 20
"""Codes that are counted apart; all others together."""
FEWEST: Final = 5
"""Cases below which a code is not counted apart."""
SCORE: Final = "score"


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of one feature. Number: bins between `cuts` (right ends belong to the next bin); code: `levels`.

    The last two counts are those of any other code (0 for numbers), and of missing values.
    """

    kind: Literal["number", "category"]
    cuts: tuple[float, ...]
    levels: tuple[str, ...]
    counts: tuple[int, ...]

    def count(self, values: pl.Series) -> tuple[int, ...]:
        """How many of `values` fall where, in the order of `counts`."""
        missing = values.null_count()
        known = values.drop_nulls()
        if self.kind == "number":
            places = np.searchsorted(np.array(self.cuts), known.to_numpy(), side="right")
            inside = np.bincount(places, minlength=len(self.cuts) + 1)
            return (*(int(n) for n in inside), 0, missing)
        found = dict(known.cast(pl.String).value_counts().iter_rows())
        named = [int(found.get(level, 0)) for level in self.levels]
        return (*named, len(known) - sum(named), missing)


@dataclass(frozen=True, slots=True)
class Reference:
    """One histogram per feature, and that of the score (its probability)."""

    features: Mapping[str, Histogram]
    score: Histogram

    def content(self) -> bytes:
        """As a file."""
        told = {"features": dict(self.features), SCORE: self.score}
        return orjson.dumps(told, option=orjson.OPT_SORT_KEYS)


def reference_of(rows: Rows, probabilities: Floats) -> Reference:
    """The histograms of training rows, and of what the package says of them."""
    frame = one_each(rows.frame.with_columns(pl.Series(SCORE, probabilities)))
    features = {column.name: _histogram(column, frame[column.name]) for column in rows.columns}
    return Reference(features, _numbers(frame[SCORE]))


def one_each(frame: pl.DataFrame) -> pl.DataFrame:
    """The first row of each account (a lead without one is its own): leads of one company move together."""
    whose = frame.with_columns(_whose=pl.col("account").fill_null(pl.concat_str(pl.lit("lead:"), "lead_id")))
    return whose.unique("_whose", keep="first", maintain_order=True).drop("_whose")


def read_reference(content: bytes) -> Reference:
    """Inverse of `Reference.content`. Raises: ConfigError."""
    try:
        told = orjson.loads(content)
        return Reference({name: _read(one) for name, one in told["features"].items()}, _read(told[SCORE]))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"{REFERENCE}: is damaged ({error}); restore it from a backup") from None


def _read(told: Mapping[str, Any]) -> Histogram:
    return Histogram(told["kind"], *(tuple(told[name]) for name in ("cuts", "levels", "counts")))


def _histogram(column: Column, values: pl.Series) -> Histogram:
    return _numbers(values) if column.kind == "number" else _codes(values)


def _numbers(values: pl.Series) -> Histogram:
    known = values.drop_nulls().to_numpy()
    inner = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]) if len(known) else []
    cuts = tuple(float(cut) for cut in np.unique(inner))
    return _counted("number", cuts, (), values)


def _codes(values: pl.Series) -> Histogram:
    counts = values.drop_nulls().cast(pl.String).value_counts().rows()
    often = sorted((row for row in counts if row[1] >= FEWEST), key=lambda row: (-row[1], row[0]))
    return _counted("category", (), tuple(sorted(str(row[0]) for row in often[:LEVELS])), values)


def _counted(
    kind: Literal["number", "category"], cuts: tuple[float, ...], levels: Sequence[str], values: pl.Series
) -> Histogram:
    empty = Histogram(kind, cuts, tuple(levels), ())
    return Histogram(kind, cuts, tuple(levels), empty.count(values))
