"""What is usual in a region, a segment, an account: shifts of the log-odds, drawn to the parent where cases are few.

One step of Newton from the model's own log-odds gives each group's shift and its precision; how much groups really
differ is estimated from their spread beyond chance (DerSimonian and Laird, Controlled Clinical Trials 1986); each
is then shrunk by its share of that (empirical Bayes; Efron and Morris, JASA 1975). Each floor starts from the one
above.
"""

from typing import Final, Literal

import numpy as np
import polars as pl

from domain.model import LEAD_ACCOUNT, LEAD_REGION, LEAD_SEGMENT, MICRO_LOGIT, Shift
from learning.encode import Ints, micro
from learning.weighted import Floats

By = Literal["lead.region", "lead.segment", "lead.account"]
FLOORS: Final[tuple[tuple[By, str], ...]] = (
    (LEAD_REGION, "region"), (LEAD_SEGMENT, "segment"), (LEAD_ACCOUNT, "account"),
)  # fmt: skip
MOST: Final = 5_000
"""Accounts that are listed, those with the most cases."""
FEWEST: Final = 3
"""Cases of a group below which it is not told apart from its parent."""
_LARGEST: Final = 1.5


def shifts_of(frame: pl.DataFrame, odds: Ints) -> tuple[Shift, ...]:
    """The shifts of regions, segments and accounts for cases to which a model gave `odds` out of its sample.

    `frame` has ``region, segment, account, label``. Regions and segments that were met are listed even with a
    shift of 0, so that a new one can be told; accounts only where they differ at all.
    """
    found: list[Shift] = []
    y, at = frame["label"].to_numpy().astype(np.float64), odds / MICRO_LOGIT
    for by, column in FLOORS:
        values = _shrunk(frame[column], y, at)
        if by == LEAD_ACCOUNT:
            values = {name: shift for name, shift in values.items() if shift}
        if values:
            found.append(Shift(by=by, values=values))
            given = [values.get(name, 0) if name is not None else 0 for name in frame[column]]
            at = at + np.array(given, dtype=np.float64) / MICRO_LOGIT
    return tuple(found)


def _shrunk(groups: pl.Series, y: Floats, at: Floats) -> dict[str, int]:
    """Shift of each group that was met often enough, in micro log-odds."""
    p = 1 / (1 + np.exp(-at))
    table = pl.DataFrame({"group": groups.cast(pl.String), "off": y - p, "weight": p * (1 - p)})
    sums = (
        table.drop_nulls("group").group_by("group").agg(pl.len().alias("n"), pl.col("off", "weight").sum())
        .filter((pl.col("n") >= FEWEST) & (pl.col("weight") > 0))
        .sort("n", "group", descending=[True, False]).head(MOST)
    )  # fmt: skip
    off, weight = sums["off"].to_numpy(), sums["weight"].to_numpy()
    spread = spread_of(off / weight, weight) if len(off) > 1 else 0.0
    shifts = off / (weight + 1 / spread) if spread > 0 else np.zeros(len(off))
    named = zip(sums["group"], np.clip(shifts, -_LARGEST, _LARGEST), strict=True)
    return {name: micro(shift) for name, shift in sorted(named)}


def spread_of(shifts: Floats, precision: Floats) -> float:
    """Variance of the groups' true shifts, at least 0: what their observed spread has beyond chance."""
    total = precision.sum()
    middle = (precision @ shifts) / total
    beyond = precision @ (shifts - middle) ** 2 - (len(shifts) - 1)
    return max(0.0, float(beyond / (total - (precision**2).sum() / total)))
