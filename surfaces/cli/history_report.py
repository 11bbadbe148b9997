"""What an import found, for people."""

from collections.abc import Mapping
from typing import Any, Final

from surfaces.cli.context import Cli

_COLUMNS: Final = (
    ("used", "used"),
    ("never", "never to be used"),
    ("asked", "in question"),
    ("unmapped", "not spoken of"),
)


def tell(tools: Cli, report: Mapping[str, Any]) -> None:
    """Print the report of `learning.history.told.report_of`."""
    out, ends = tools.out, report["outcomes"]
    out.print(
        f"[bold]{report['rows']:,}[/] rows, {report['leads']:,} leads: {ends['won']:,} won, {ends['lost']:,} lost, "
        f"{ends['open']:,} open; from {_day(report['from'])} to {_day(report['to'])}"
    )
    signals = ", ".join(f"{n:,} {kind}" for kind, n in report["signals"].items())
    out.print(f"signals: {signals or 'none'}", highlight=False)
    if report["duplicates"]:
        out.print(f"{report['duplicates']:,} signals are given twice and count once")
    for key, words in _COLUMNS:
        if report["columns"][key]:
            out.print(f"columns {words}: {', '.join(report['columns'][key])}", highlight=False, markup=False)
    for name, n in report["dropped"].items():
        out.print(f"{n:,} times left out: {name}, which no kind lists", highlight=False, markup=False)
    for warning in report["warnings"]:
        out.print(f"mind: {warning}", highlight=False, markup=False)
    for one in report["refused"]:
        lines = ", ".join(str(line) for line in one["examples"])
        out.print(
            f"refused: {one['rows']:,} rows (line {lines}): {one['reason']}", highlight=False, markup=False
        )


def tell_suggestion(tools: Cli, found: Mapping[str, Any], *, drafted: bool) -> None:
    """Print what `learning.history.draft.document` says on stderr; with `drafted` the mapping on stdout."""
    err, ending = tools.err, found["outcome"]
    err.print(
        f"{found['rows']:,} rows; lead: {found['lead'] or 'the row number'}", highlight=False, markup=False
    )
    told = f"{ending['column']} ({ending['why']})" if ending else "not found: name it with --outcome"
    err.print(f"outcome: {told}", highlight=False, markup=False)
    for one in found["columns"]:
        if one["verdict"] in ("flagged", "asked"):
            words = "; ".join(why["words"] for why in one["reasons"])
            sign = "LEAK?" if one["verdict"] == "flagged" else "ask  "
            err.print(f"{sign} {one['name']}: {words}", highlight=False, markup=False)
    if drafted:
        tools.out.print(found["draft"], highlight=False, markup=False, soft_wrap=True, end="")


def _day(stamp: str | None) -> str:
    return stamp[:10] if stamp else "never"
