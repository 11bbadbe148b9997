"""Which charts a run's document gets."""

from collections.abc import Mapping
from typing import Any

from evals.charts import Axes, Series, extent, line_chart

Document = Mapping[str, Any]


def pictures(document: Document) -> list[str]:
    """The charts of one document, each an ``<svg>``; only those for which there is something to draw."""
    made = [_reliability(document), _lift(document), _months(document)]
    made += [
        _ages(document, "auc", "AUC by age of the lead"),
        _ages(document, "lift_at_10", "Lift at 10 % by age"),
    ]
    return [chart for chart in made if chart]


def _reliability(document: Document) -> str:
    bins = document.get("reliability", ())
    if not bins:
        return ""
    top = min(1.0, 1.1 * max(max(one["said"], one["rate"]) for one in bins))
    axes = Axes(
        "Said and came", "mean probability", "share won", (0.0, top), (0.0, top), diagonal=True,
    )  # fmt: skip
    return line_chart(
        axes, [Series(str(document["entrant"]), tuple((one["said"], one["rate"]) for one in bins))]
    )


def _lift(document: Document) -> str:
    curves = document.get("lift_curve", {})
    drawn = [
        Series(name, tuple((float(x), float(y)) for x, y in [(0.0, 0.0), *points]))
        for name, points in curves.items()
    ]
    if not drawn:
        return ""
    return line_chart(
        Axes("Wins caught by share worked", "share of leads worked", "share of wins", diagonal=True), drawn
    )


def _months(document: Document) -> str:
    months = document.get("by_month", ())
    if len(months) < 2:
        return ""
    known = [(at, one) for at, one in enumerate(months) if one["rate"]["low"] is not None]
    rates = [value for _, one in known for value in (one["rate"]["low"], one["rate"]["high"])]
    low, high = extent([*rates, *(one["said"] for one in months)])
    axes = Axes(
        "Calibration by month", "month", "probability", (0.0, len(months) - 1.0), (max(0.0, low), high),
        words=tuple(one["month"] for one in months),
    )  # fmt: skip
    came = Series(
        "won", tuple((float(at), one["rate"]["value"]) for at, one in known),
        tuple((one["rate"]["low"], one["rate"]["high"]) for _, one in known),
    )  # fmt: skip
    return line_chart(
        axes, [Series("said", tuple((float(at), one["said"]) for at, one in enumerate(months))), came]
    )


def _ages(document: Document, figure: str, title: str) -> str:
    ages = [one for one in document.get("ages", ()) if one[figure]["low"] is not None]
    if len(ages) < 2:
        return ""
    low, high = extent([one[figure][end] for one in ages for end in ("low", "high")])
    words = tuple(str(one["age"]) for one in ages)
    axes = Axes(
        title, "time since the first signal", figure, (0.0, len(ages) - 1.0), (low, high), words=words
    )
    line = Series(
        str(document.get("entrant", "")), tuple((float(at), one[figure]["value"]) for at, one in enumerate(ages)),
        tuple((one[figure]["low"], one[figure]["high"]) for one in ages),
    )  # fmt: skip
    return line_chart(axes, [line])
