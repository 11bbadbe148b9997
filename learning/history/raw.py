"""The columns of a wide table as somebody's notebook would take them: for baselines that know nothing of features."""

from collections.abc import Mapping

import polars as pl

from learning.history.mapping import Mapping_, Wide
from learning.history.read import Table


def raw_columns(mapping: Mapping_, table: Table | None, lead_of: Mapping[int, str]) -> pl.DataFrame:
    """``lead_id`` and every column that is not `never` and has no part of its own, of the rows in `lead_of`, by row.

    A column of numbers is Float64, any other text; what stands for nothing is null. Other layouts give no columns.
    """
    leads = {"lead_id": pl.Series([*lead_of.values()], dtype=pl.String)}
    if table is None or not isinstance(mapping, Wide):
        return pl.DataFrame(leads).clear()
    taken = {*mapping.never, *_with_a_part(mapping)}
    kept = [name for name in table.frame.columns if name not in taken and name != "lead_id"]
    place = {number: index for index, number in enumerate(table.numbers)}
    chosen = table.frame[[place[number] for number in lead_of]].select(kept)
    missing = [text.strip().lower() for text in mapping.missing]
    cells = pl.all().str.strip_chars()
    chosen = chosen.with_columns(
        pl.when((cells != "") & ~cells.str.to_lowercase().is_in(missing)).then(cells)
    )
    return pl.DataFrame(leads).hstack([_typed(series, mapping.decimal) for series in chosen])


def _with_a_part(mapping: Wide) -> set[str]:
    """Columns of key, account, times, order and outcome."""
    stamps = [mapping.created, mapping.attributes_at, *[event.at for event in mapping.events]]
    found = {stamp.column for stamp in stamps if stamp is not None}
    found |= {name for name in (mapping.lead.column, mapping.account) if name is not None}
    if mapping.order is not None and mapping.order.column is not None:
        found.add(mapping.order.column)
    if mapping.outcome is not None:
        outcome = mapping.outcome
        parts = (outcome.at, outcome.amount, outcome.reason)
        found |= {
            outcome.column,
            *(part.column for part in parts if part is not None and part.column is not None),
        }
    return found


def _typed(series: pl.Series, decimal: str) -> pl.Series:
    """Floats, if all that is filled are numbers."""
    plain = series if decimal == "." else series.str.replace_all(".", "", literal=True).str.replace(",", ".")
    numbers = plain.cast(pl.Float64, strict=False)
    return numbers if numbers.null_count() == series.null_count() and len(series.drop_nulls()) else series
