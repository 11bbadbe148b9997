"""The leaks that leadforge plants on purpose, held against the leak check: each must be refused.

Its flat table carries columns over the whole ninety days beside features of the first weeks: the stage a lead came
to, whether sales accepted it, and all touches.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import polars as pl

from domain.errors import BadInput
from domain.feature import Aggregate, FeatureDef
from domain.features import Catalogue
from domain.instants import DAY
from domain.signal import FACT
from learning.leak_check import Leak, leak_check
from learning.offline import EVENTS, point_in_time
from learning.rows import Column, Rows

STATED: Final = ("current_stage", "is_sql")
"""Columns of leadforge's own table of leads."""
LATER: Final = 76 * DAY
"""From the decision at day 14 to day 90."""
TOUCHES: Final = FeatureDef(
    name="total_touches_all",
    version=1,
    aggregate=Aggregate.COUNT,
    kinds=("crm.activity", "marketing.content", "marketing.email_clicked", "marketing.webinar"),
    unit="touches",
    description="Touches so far",
)


def leak_columns(folder: Path) -> pl.DataFrame:
    """``lead_id`` and `STATED` as texts, from a folder that leadforge made. Raises: BadInput."""
    try:
        return pl.read_parquet(folder / "tables" / "leads.parquet").select(
            "lead_id", *[pl.col(name).cast(pl.String) for name in STATED]
        )
    except (OSError, pl.exceptions.PolarsError):
        raise BadInput(
            str(folder), "holds no table of leads with its stages", "make the folder again"
        ) from None


def planted_leaks(
    events: pl.DataFrame, rows: Rows, stated: pl.DataFrame | None
) -> tuple[Mapping[str, object], ...]:
    """What the leak check says of each planted column: ``hard`` if it is refused.

    The columns are taken for features, as somebody would who joins the flat table: with the values of day 90, while
    the signals say from when each was known.
    """
    bare = rows.without(column.name for column in rows.columns).frame
    later = bare.select("lead_id", as_of=pl.col("as_of") + LATER)
    told = [(TOUCHES, point_in_time(Catalogue([TOUCHES]), events, later)[TOUCHES.name])]
    if stated is not None:
        joined = later.join(stated, on="lead_id", how="left", maintain_order="left")
        told += [(_fact(name), joined[name]) for name in STATED]
        events = pl.concat([events.select(list(EVENTS)), *[_facts(joined, name) for name in STATED]])
    return tuple(_checked(bare.with_columns(series.alias(d.name)), d, rows, events) for d, series in told)


def _fact(name: str) -> FeatureDef:
    return FeatureDef(
        name=name, version=1, aggregate=Aggregate.LAST, kinds=(FACT,), subjects=(name,), unit="code",
        description=name.replace("_", " "),
    )  # fmt: skip


def _facts(joined: pl.DataFrame, name: str) -> pl.DataFrame:
    """The column as facts that were known on day 90."""
    stated = joined.filter(pl.col(name).is_not_null())
    return stated.select(
        "lead_id", at="as_of", ref=pl.concat_str(pl.lit(f"export:{name}:"), pl.col("lead_id")), subject=pl.lit(name),
        kind=pl.lit(FACT), value=pl.col(name), amount=pl.lit(0, dtype=pl.Int64), known="as_of",
    )  # fmt: skip


def _checked(
    frame: pl.DataFrame, definition: FeatureDef, rows: Rows, events: pl.DataFrame
) -> Mapping[str, object]:
    kind: Literal["number", "category"] = "number" if definition is TOUCHES else "category"
    column = Column(definition.name, kind, definition=definition)
    leaks = leak_check(Rows(frame, (column,), rows.question), events)
    return _told(definition.name, [leak for leak in leaks if leak.name == definition.name])


def _told(name: str, leaks: list[Leak]) -> Mapping[str, object]:
    if not leaks:
        return {"name": name, "hard": False, "planted": True, "why": "not found", "value": None}
    hard = min(leaks, key=lambda leak: not leak.hard)
    return {"name": name, "hard": hard.hard, "planted": True, "why": hard.why, "value": hard.value}
