"""What each aggregate computes over many leads at once: the offline half of `domain.feature.Aggregate`.

Rows are pairs of an ask and one of its events, sorted by (ask, at, ref, subject, kind), with the columns
``ask`` (number of the ask), ``at`` (Instant), ``age`` (hours of the grid, >= 0), ``subject``, ``kind``,
``text`` (what `LAST` shows), ``amount``, ``member`` (number of the lead). A calculation gives one row per ask
that has a value: ``ask`` and the feature's column; an ask that is missing has the empty value.
"""

from collections.abc import Callable

import polars as pl

from domain.aggregates import EMPTY
from domain.feature import DECAY_LIMIT_HOURS, Aggregate, FeatureDef, decay_table

TEXT = frozenset({Aggregate.LAST})
"""Aggregates whose value is text; all others give integers."""

Expressed = Callable[[FeatureDef], pl.Expr]
Computed = Callable[[pl.DataFrame, FeatureDef], pl.DataFrame]


def decay_column(half_life_hours: int) -> str:
    """Name of the column that holds what each row counts at this half-life."""
    return f"decay_{half_life_hours}"


def with_decay(rows: pl.DataFrame, half_lives: frozenset[int]) -> pl.DataFrame:
    """`rows` with one `decay_column` for each half-life."""
    past = pl.col("age").clip(upper_bound=DECAY_LIMIT_HOURS)
    index = rows.select(past).to_series()
    columns = [
        pl.Series([*decay_table(hours), 0], dtype=pl.Int64).gather(index).alias(decay_column(hours))
        for hours in sorted(half_lives)
    ]
    return rows.with_columns(columns) if columns else rows


def values_of(rows: pl.DataFrame, definitions: list[FeatureDef]) -> list[pl.DataFrame]:
    """The values of `definitions`, which all read `rows`: frames of ``ask`` and one or more features."""
    simple = [d for d in definitions if d.aggregate in _EXPRESSED]
    found = [_COMPUTED[d.aggregate](rows, d) for d in definitions if d.aggregate in _COMPUTED]
    if simple:
        columns = [_EXPRESSED[d.aggregate](d).alias(d.name) for d in simple]
        found.append(rows.group_by("ask", maintain_order=True).agg(columns))
    return found


def completed(values: pl.DataFrame, definition: FeatureDef) -> pl.Expr:
    """The column of `definition` in its final type, with its empty value where nothing was found."""
    dtype = pl.String if definition.aggregate in TEXT else pl.Int64
    empty = EMPTY[definition.aggregate]
    if definition.name not in values.columns:
        return pl.lit(empty, dtype=dtype).alias(definition.name)
    column = pl.col(definition.name).cast(dtype)
    return column if empty is None else column.fill_null(empty)


def _inside(definition: FeatureDef) -> pl.Expr | None:
    return None if definition.window_hours is None else pl.col("age") < definition.window_hours


def _windowed(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    inside = _inside(definition)
    return rows if inside is None else rows.filter(inside)


def _count(definition: FeatureDef) -> pl.Expr:
    inside = _inside(definition)
    return pl.len() if inside is None else inside.sum()


def _sum(definition: FeatureDef) -> pl.Expr:
    inside = _inside(definition)
    return (pl.col("amount") if inside is None else pl.when(inside).then(pl.col("amount")).otherwise(0)).sum()


def _recency(definition: FeatureDef) -> pl.Expr:
    newest = pl.col("age").last()
    return (
        newest if definition.window_hours is None else pl.when(newest < definition.window_hours).then(newest)
    )


def _age(definition: FeatureDef) -> pl.Expr:
    inside = _inside(definition)
    return (pl.col("age") if inside is None else pl.when(inside).then(pl.col("age"))).max()


def _decayed(definition: FeatureDef) -> pl.Expr:
    weight, inside = pl.col(decay_column(definition.half_life_hours or 1)), _inside(definition)
    return (weight if inside is None else pl.when(inside).then(weight).otherwise(0)).sum()


def _velocity(definition: FeatureDef) -> pl.Expr:
    window, age = definition.window_hours or 1, pl.col("age")
    now, before = (age < window).sum().cast(pl.Int64), (age < 2 * window).sum().cast(pl.Int64)
    return now - (before - now)


def _newest(column: str) -> Expressed:
    def newest(definition: FeatureDef) -> pl.Expr:
        last, window = pl.col(column).last(), definition.window_hours
        return last if window is None else pl.when(pl.col("age").last() < window).then(last)

    return newest


def _started(columns: list[str]) -> pl.Expr:
    """Rows that differ in one of `columns` from the row before."""
    return pl.any_horizontal([pl.col(name).ne_missing(pl.col(name).shift(1)) for name in columns])


def _active_days(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    days = _windowed(rows, definition).select("ask", day=pl.col("at").floordiv(24 * 3_600_000_000))
    first = days.filter(_started(["ask", "day"]))
    return first.group_by("ask", maintain_order=True).agg(pl.len().alias(definition.name))


def _distinct(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    pairs = _windowed(rows, definition).select("ask", "subject").unique()
    return pairs.group_by("ask").agg(pl.len().alias(definition.name))


def _last_amount(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    stated = _windowed(rows, definition).filter(pl.col("amount") != 0)
    return stated.group_by("ask", maintain_order=True).agg(pl.col("amount").last().alias(definition.name))


def _time_in(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    runs = _windowed(rows, definition).filter(_started(["ask", "text"]))
    return runs.group_by("ask", maintain_order=True).agg(pl.col("age").last().alias(definition.name))


def _open(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    opens = pl.col("kind") == definition.kinds[0]
    at = pl.col("at")
    ends = (
        _windowed(rows, definition)
        .group_by("ask", "subject")
        .agg(opened=pl.when(opens).then(at).max(), closed=pl.when(~opens).then(at).max())
    )
    still = ends.filter(
        pl.col("opened").is_not_null() & (pl.col("closed").is_null() | (pl.col("opened") > pl.col("closed")))
    )
    return still.group_by("ask").agg(pl.len().alias(definition.name))


def _members(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    pairs = _windowed(rows, definition).select("ask", "member").unique()
    return pairs.group_by("ask").agg(pl.len().alias(definition.name))


def _members_last(rows: pl.DataFrame, definition: FeatureDef) -> pl.DataFrame:
    newest = (
        _windowed(rows, definition).group_by("ask", "member", maintain_order=True).agg(pl.col("text").last())
    )
    wanted = newest.filter(pl.col("text").is_in(list(definition.subjects)))
    return wanted.group_by("ask").agg(pl.len().alias(definition.name))


_EXPRESSED: dict[Aggregate, Expressed] = {
    Aggregate.COUNT: _count,
    Aggregate.SUM: _sum,
    Aggregate.RECENCY: _recency,
    Aggregate.AGE: _age,
    Aggregate.DECAYED: _decayed,
    Aggregate.VELOCITY: _velocity,
    Aggregate.LAST: _newest("text"),
    Aggregate.LAST_NUMBER: _newest("amount"),
}
"""Aggregates that are one expression over the rows of an ask: computed together in one pass."""

_COMPUTED: dict[Aggregate, Computed] = {
    Aggregate.ACTIVE_DAYS: _active_days,
    Aggregate.DISTINCT: _distinct,
    Aggregate.LAST_AMOUNT: _last_amount,
    Aggregate.TIME_IN: _time_in,
    Aggregate.OPEN: _open,
    Aggregate.MEMBERS: _members,
    Aggregate.MEMBERS_LAST: _members_last,
}
"""Aggregates that need a pass of their own."""
