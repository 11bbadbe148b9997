"""Does any feature know the answer? Hard findings stop a build; soft ones are for a person to judge."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from domain.features import Catalogue
from domain.lead import EVENT_CAP
from learning.encode import LEAST, Ints, level_places
from learning.metrics import auc
from learning.offline import point_in_time
from learning.rows import FEWEST_WON, Column, Rows, lead_hash, reads_outcomes
from learning.weighted import Floats

TELLS: Final = 0.97
"""AUC of one feature alone from which it is taken to know the answer."""
STRONG: Final = 0.80
"""AUC of one feature alone from which it is suspicious, if it stands out."""
APART: Final = 0.05
"""How far it must lie above the next one to stand out."""
BINS: Final = 20
_PULL: Final = 10.0


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that may know what it cannot know. `value` is the AUC alone, or how many rows differ."""

    name: str
    hard: bool
    why: str
    value: float | None = None


def leak_check(rows: Rows, events: pl.DataFrame, *, cap: int = EVENT_CAP) -> tuple[Leak, ...]:
    """All findings, hard ones first.

    Hard: a feature that reads outcomes; a value that is another one when all later signals are taken away; a label
    that was known before its decision time; a feature that alone ranks nearly perfectly. Soft: a feature that alone
    is suspiciously strong. `events` are those of which the rows were made; columns without a definition (attributes
    from elsewhere, intents) can be judged by their strength only.
    """
    found = [
        Leak(c.name, hard=True, why="is made of outcomes")
        for c in rows.columns
        if c.definition is not None and reads_outcomes(c.definition)
    ]
    early = rows.frame.filter(pl.col("label_known_at") <= pl.col("as_of")).height
    if early:
        found.append(Leak("label", hard=True, why="was known by the decision time", value=early))
    found += _looks_ahead(rows, events, cap)
    return (*sorted([*found, *strong_alone(rows)], key=lambda leak: (not leak.hard, leak.name)),)


def strong_alone(rows: Rows) -> list[Leak]:
    """Features that alone rank the rows suspiciously well, each judged out of its own sample."""
    y = rows.frame["label"].to_numpy().astype(np.float64)
    if min(y.sum(), len(y) - y.sum()) < FEWEST_WON:
        return []
    place = np.array([lead_hash(lead) % 4 for lead in rows.frame["lead_id"]])
    each = {column.name: alone(column, rows.frame[column.name], y, place) for column in rows.columns}
    ordered = sorted(each.items(), key=lambda item: -item[1])
    found = []
    for n, (name, value) in enumerate(ordered):
        following = ordered[n + 1][1] if n + 1 < len(ordered) else 0.5
        if value >= TELLS:
            found.append(Leak(name, hard=True, why=f"alone ranks with AUC {value:.3f}", value=value))
        elif value >= STRONG and value - following >= APART:
            found.append(Leak(name, hard=False, why=f"alone ranks with AUC {value:.3f}", value=value))
    return found


def alone(column: Column, series: pl.Series, y: Floats, place: Ints) -> float:
    """AUC of one column: the rate of its bin or level in the other three quarters of the leads."""
    bins = _bins(column, series)
    told = np.zeros(len(y))
    for fold in range(4):
        inside = place == fold
        size = int(bins.max()) + 1
        n = np.bincount(bins[~inside], minlength=size)
        won = np.bincount(bins[~inside], weights=y[~inside], minlength=size)
        base = float(y[~inside].mean())
        told[inside] = ((won + _PULL * base) / (n + _PULL))[bins[inside]]
    return auc(y, told)


def _bins(column: Column, series: pl.Series) -> Ints:
    if column.kind == "category":
        counts = series.drop_nulls().value_counts().filter(pl.col("count") >= LEAST)
        return level_places(series, tuple(sorted(counts[series.name].to_list()))) + 2
    values = series.drop_nulls().to_numpy()
    if not len(values):
        return np.zeros(len(series), dtype=np.int64)
    cuts = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    found = 1 + np.searchsorted(cuts, series.fill_null(0).to_numpy(), side="right")
    return np.where(series.is_null().to_numpy(), 0, found).astype(np.int64)


def _looks_ahead(rows: Rows, events: pl.DataFrame, cap: int) -> list[Leak]:
    """Features whose value is another one when nothing later is there to be seen."""
    definitions = [c.definition for c in rows.columns if c.definition is not None]
    if not definitions or not rows.frame.height:
        return []
    case = pl.concat_str("lead_id", pl.lit("@"), pl.col("as_of").cast(pl.String))
    asks = rows.frame.with_columns(_case=case)
    past = (
        events.join(asks.select("lead_id", "as_of", "known_at", "_case"), on="lead_id", how="inner")
        .filter((pl.col("at") <= pl.col("as_of")) & (pl.col("known") <= pl.col("known_at")))
        .drop("lead_id").rename({"_case": "lead_id"})
    )  # fmt: skip
    again = point_in_time(Catalogue(definitions, cap=cap), past, asks.select(lead_id="_case", as_of="as_of"))
    found = []
    for definition in definitions:
        other = int(again[definition.name].ne_missing(rows.frame[definition.name]).sum())
        if other:
            found.append(
                Leak(definition.name, hard=True, why="uses signals later than its time", value=other)
            )
    return found
