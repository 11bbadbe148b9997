"""Rows to learn from and to judge by, and beside them the raw columns that the baselines get: same rows, same split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from domain.errors import BadInput
from domain.instants import HOUR, Instant, iso
from domain.kinds import Kind
from domain.signal import FACT
from learning.rows import INTENT, Rows

KEYS: Final = ("lead_id", "as_of")
MOST_COLUMNS: Final = 80
"""Kinds of event that become a column of their own for the baselines, the most frequent first."""
_HISTORY: Final = ((3, "0-2"), (10, "3-9"), (30, "10-29"))

Fold = tuple[Rows, Rows]
"""What is learnt from, and what is judged."""


@dataclass(frozen=True, slots=True)
class Table:
    """A data set made ready for one question.

    `raw` has `KEYS` and the columns for the baselines, `slices` `KEYS` and texts; both one row per row of the folds.
    """

    name: str
    source: str
    split: str
    """In words, for the report."""
    folds: tuple[Fold, ...]
    raw: pl.DataFrame
    slices: pl.DataFrame
    left_out: Mapping[str, int] = field(default_factory=dict)
    leaks: tuple[Mapping[str, object], ...] = ()
    notes: tuple[str, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)
    """``margin`` (AUC against the best baseline), ``ece``, ``beats_rule``: where the set is gated."""
    only_of_rules: frozenset[str] = frozenset()
    """Columns that a rule reads and no model may learn from."""

    def raw_of(self, rows: Rows) -> pl.DataFrame:
        """The raw columns of `rows`, in their order."""
        return _beside(self.raw, rows)

    def slices_of(self, rows: Rows) -> pl.DataFrame:
        """The slices of `rows`, in their order."""
        return _beside(self.slices, rows)


def _beside(frame: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    keys = rows.frame.select(KEYS)
    found = keys.join(frame, on=KEYS, how="left", maintain_order="left")
    if found.height != keys.height:
        raise BadInput("raw columns", "have a lead more than once", "give one row per lead and time")
    return found.drop(KEYS)


def checked_folds(folds: Sequence[Fold]) -> tuple[Fold, ...]:
    """The folds, if nobody is judged by what was learnt of his own account.

    Raises: BadInput naming an account (or lead) that is in both parts.
    """
    for train, test in folds:
        both = sorted(_whose(train) & _whose(test))
        if both:
            raise BadInput(f"account {both[0]}", "is in both parts", "split by account", code="split")
    return tuple(folds)


def _whose(rows: Rows) -> set[str]:
    return set(rows.frame.select(pl.coalesce("account", "lead_id")).to_series())


def raw_of_events(events: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    """What a notebook makes of a stream: counts by kind and subject, the facts, time since the last, time of day.

    `asks` has `KEYS`; only events that had occurred and were known by ``as_of`` count, and outcomes never do.
    """
    seen = _seen(events, asks)
    named = seen.with_columns(name=pl.concat_str("kind", "subject", separator=":"))
    plain = named.filter((pl.col("kind") != FACT) & (pl.col("kind") != Kind.OUTCOME.value))
    frame = asks.select(KEYS).with_columns(hour=(pl.col("as_of") // HOUR) % 24)
    return (
        frame.join(_pivoted(plain, pl.len().cast(pl.Int64)), on=KEYS, how="left")
        .with_columns(pl.selectors.integer().fill_null(0))
        .join(_pivoted(named.filter(pl.col("kind") == FACT), pl.col("value").last()), on=KEYS, how="left")
        .join(_totals(plain), on=KEYS, how="left")
    )


def _seen(events: pl.DataFrame, asks: pl.DataFrame) -> pl.DataFrame:
    pairs = asks.select(KEYS).join(events, on="lead_id", how="inner")
    return pairs.filter((pl.col("at") <= pl.col("as_of")) & (pl.col("known") <= pl.col("as_of"))).sort(
        "at", "ref"
    )


def _pivoted(seen: pl.DataFrame, value: pl.Expr) -> pl.DataFrame:
    common = (
        seen["name"]
        .value_counts()
        .sort(by=["count", "name"], descending=[True, False])["name"]
        .head(MOST_COLUMNS)
    )
    kept = seen.filter(pl.col("name").is_in(common.to_list()))
    cells = kept.group_by(*KEYS, "name", maintain_order=True).agg(value=value)
    if cells.is_empty():
        return seen.select(KEYS).head(0)
    return cells.pivot(on="name", index=list(KEYS), values="value", sort_columns=True)


def _totals(plain: pl.DataFrame) -> pl.DataFrame:
    return plain.group_by(KEYS).agg(
        events=pl.len().cast(pl.Int64),
        hours_since_last=((pl.col("as_of") - pl.col("at")).min() // HOUR),
        amount=pl.col("amount").filter(pl.col("amount") != 0).last(),
    )


def slices_of_events(events: pl.DataFrame, rows: Rows) -> pl.DataFrame:
    """`KEYS` with ``channel`` (of the first event), ``history`` (how many events), ``reasoner`` and ``month``."""
    asks = rows.frame.select(*KEYS, "region", "segment")
    told = _seen(events, asks).filter(pl.col("kind") != Kind.OUTCOME.value)
    counted = told.group_by(KEYS, maintain_order=True).agg(
        first=pl.col("kind").filter(pl.col("kind") != FACT).first(), n=pl.len()
    )
    joined = asks.join(counted, on=KEYS, how="left", maintain_order="left")
    reasoner = "local" if any(column.name.startswith(INTENT) for column in rows.columns) else "none"
    timed = rows.order == "times"
    return joined.select(
        *KEYS,
        pl.col("region").fill_null("none"),
        pl.col("segment").fill_null("none"),
        channel=pl.col("first").str.split(".").list.first().fill_null("none"),
        history=pl.col("n").fill_null(0).map_elements(_history, return_dtype=pl.String),
        reasoner=pl.lit(reasoner),
        month=pl.col("as_of").map_elements(
            lambda at: iso(Instant(at))[:7] if timed else "none", return_dtype=pl.String
        ),
    )


def _history(n: int) -> str:
    return next((name for limit, name in _HISTORY if n < limit), "30+")
