"""Rules as somebody who knows a data set's columns would write them on a napkin: points for this, points against that.

They rank; they say no probability. Nothing in them was fitted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from domain.errors import BadInput
from evals.baselines import numbers, texts
from learning.weighted import Floats


@dataclass(frozen=True, slots=True)
class Points:
    """`points` where a column has one of `values`, or where its number is at least `least`."""

    column: str
    points: float
    values: tuple[str, ...] = ()
    least: float | None = None

    def of(self, frame: pl.DataFrame) -> Floats:
        """Points per row. Raises: BadInput if the column is missing."""
        if self.column not in frame.columns:
            raise BadInput(
                f"hand rule {self.column}", "is not a column", f"columns: {', '.join(frame.columns)[:300]}"
            )
        if self.least is not None:
            met = np.nan_to_num(numbers(frame, self.column), nan=-np.inf) >= self.least
        else:
            met = np.array([value in self.values for value in texts(frame, self.column)])
        return np.asarray(met * self.points, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class HandRule:
    """The sum of its rows, and of one more number per column in `slopes` (square root of the number times points)."""

    rows: tuple[Points, ...]
    slopes: tuple[tuple[str, float], ...] = ()

    def points(self, frame: pl.DataFrame) -> Floats:
        """Points per row. Raises: BadInput if a column is missing."""
        total = np.zeros(frame.height)
        for row in self.rows:
            total += row.of(frame)
        for column, slope in self.slopes:
            total += slope * np.sqrt(np.maximum(np.nan_to_num(numbers(frame, column)), 0))
        return total


def _x_education() -> HandRule:
    return HandRule(
        (
            Points("Lead Origin", 30, ("Lead Add Form",)),
            Points("Lead Source", 10, ("Reference", "Welingak Website")),
            Points("What is your current occupation", 25, ("Working Professional",)),
            Points("Do Not Email", -15, ("Yes",)),
            Points("Total Time Spent on Website", 10, least=60),
            Points("Total Time Spent on Website", 20, least=600),
            Points("TotalVisits", 5, least=4),
        ),
        (("Total Time Spent on Website", 0.5),),
    )


def _online_shoppers() -> HandRule:
    return HandRule(
        (
            Points("VisitorType", 15, ("New_Visitor",)),
            Points("Month", 15, ("Nov",)),
            Points("Month", -10, ("Feb", "Mar", "May", "June")),
            Points("SpecialDay", -10, least=0.2),
            Points("ProductRelated", 10, least=10),
        ),
        (("ProductRelated_Duration", 0.5), ("Administrative", 3.0)),
    )


HAND_RULES: Final[Mapping[str, Callable[[], HandRule]]] = {
    "x_education": _x_education,
    "online_shoppers": _online_shoppers,
}
