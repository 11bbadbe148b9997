"""The model card: what a package is for, what it was made of, how good it is and where it ends, in Markdown."""

from collections.abc import Mapping
from typing import Any, Final

from domain.instants import Instant, iso
from domain.model import Additive, Bin, Measured, Package, Shift, probability_of, wilson

_TITLES: Final = {
    "auc": "AUC", "pr_auc": "average precision", "brier": "Brier score", "log_loss": "log-loss",
    "ece": "calibration error (ECE)", "calibration_slope": "calibration slope", "lift_at_10": "lift in the best tenth",
    "lift_at_20": "lift in the best fifth", "recall_at_10": "wins in the best tenth",
    "recall_at_20": "wins in the best fifth",
}  # fmt: skip


def card(package: Package, report: Mapping[str, Any]) -> str:
    """The card of a package just trained."""
    parts = (
        _head(package), _data(package, report), _measured(package, report), _bins(package.reliability),
        _compared(package, report), _weights(package), _shifts(package.shifts), _leaks(report), _limits(package),
    )  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _head(package: Package) -> str:
    hours = package.after_hours
    return (
        f"# Lead score: {package.family}\n\n"
        f"The probability that a lead which is open {hours} hours after its first signal is won within "
        f"{package.horizon_days} days of that. It is for ranking leads and deciding whom to call; it is not for "
        "decisions about credit, employment or anything else that concerns a person's rights."
    )


def _data(package: Package, report: Mapping[str, Any]) -> str:
    split = report["split"]
    share = package.won / package.cases
    return (
        "## Data\n\n"
        f"{package.cases:,} cases, {package.won:,} won ({share:.1%}); outcomes known up to "
        f"{iso(Instant(package.trained_at))[:10]}. Data digest `{package.data_digest[:12]}`.\n\n"
        f"Split by {split['by']}: {split['measured']:,} cases ({split['measured_won']:,} won) were kept for the "
        "figures; settings, model and calibration of the measured package saw none of them. The package itself was "
        f"then made in the same way from all cases. Its calibration ({report['calibration']['method']}) was learnt "
        f"from what models of the same recipe said of {split['unseen']:,} cases that they were not fitted on"
        f"{', each later than those' if split['in_time'] else ''}."
    )


def _measured(package: Package, report: Mapping[str, Any]) -> str:
    rows = [f"| {_TITLES.get(name, name)} | {_words(one)} |" for name, one in package.metrics.items()]
    where = "later leads" if report["split"]["by"] == "time" else "other accounts"
    return "\n".join(
        [f"## How good, on {where}", "", "| figure | value (95 % interval) |", "|---|---|", *rows]
    )


def _words(one: Measured) -> str:
    if one.value is None:
        return "insufficient data"
    ends = "" if one.low is None or one.high is None else f" ({one.low:.3f} to {one.high:.3f})"
    return f"{one.value:.3f}{ends}"


def _bins(bins: tuple[Bin, ...]) -> str:
    head = [
        "## Calibration: what became of them",
        "",
        "| score from | cases | won | rate (95 %) |",
        "|---|---|---|---|",
    ]
    rows = []
    for one in bins:
        low, high = wilson(one.won, one.cases)
        rate = one.won / one.cases if one.cases else 0.0
        start = f"{100 * probability_of(one.low):.1f} %"
        rows.append(f"| {start} | {one.cases:,} | {one.won:,} | {rate:.1%} ({low:.1%} to {high:.1%}) |")
    return "\n".join(head + rows)


def _compared(package: Package, report: Mapping[str, Any]) -> str:
    head = ["## Families compared", "", "| family | log-loss in cross-validation |", "|---|---|"]
    rows = [f"| {name} | {one['log_loss']:.4f} |" for name, one in sorted(package.compared.items())]
    return "\n".join([*head, *rows, "", f"Chosen: {package.family}, {report['settings']}."])


def _weights(package: Package) -> str:
    """Features by the range of what they can give; of trees only their names are known."""
    model = package.model
    if not isinstance(model, Additive):
        names = ", ".join(f"`{column.name}`" for column in model.columns)
        return f"## Features\n\nTrees over {len(model.columns)} features: {names}."
    spans = {curve.name: (min(curve.values), max(curve.values)) for curve in model.curves}
    spans |= {code.name: _span(tuple(code.values.values())) for code in model.levels}
    ordered = sorted(spans.items(), key=lambda item: item[1][0] - item[1][1])
    rows = [f"| `{name}` | {low / 1e6:+.2f} | {high / 1e6:+.2f} |" for name, (low, high) in ordered]
    head = ["## Features", "", "| feature | least it gives | most it gives (log-odds) |", "|---|---|---|"]
    return "\n".join(head + rows)


def _span(values: tuple[int, ...]) -> tuple[int, int]:
    return min(values, default=0), max(values, default=0)


def _shifts(shifts: tuple[Shift, ...]) -> str:
    told = [f"{shift.by.removeprefix('lead.')}: {len(shift.values):,} known" for shift in shifts]
    known = "; ".join(told) if told else "none was told apart"
    return (
        f"## Regions, segments, accounts\n\n{known[0].upper()}{known[1:]}. Each has a shift against its parent, drawn "
        "to it where cases are few; one that is new gets its parent's rate, and the result says so."
    )


def _leaks(report: Mapping[str, Any]) -> str:
    told = [f"- `{one['name']}` {one['why']}" for one in report["leaks"]]
    return "\n".join(["## Suspiciously strong features", "", *(told or ["None stands out."])])


def _limits(package: Package) -> str:
    told = [
        "It was learnt from leads as they were worked on: who was called more often won more often, and the score "
        "cannot tell the two apart.",
        f"It was learnt at the age of {package.after_hours} hours; at other ages its level is less sure.",
        "Whole per cent are shown; where few leads are won, many share a number.",
        *package.notes,
    ]
    return "\n".join(["## Limits", "", *[f"- {one}" for one in told]])
