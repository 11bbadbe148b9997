"""A run's result as a person reads it on a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from evals.report import heading, remarks, tables

COLOURS: Final = {"pass": "green", "fail": "bold red", "inconclusive": "yellow"}
BASELINES: Final = "against the baselines"
SHOWN: Final = frozenset({"gates", "figures", BASELINES, "marks", "leaks", "by age of the lead"})
"""Slices and months are for the report."""


def show(out: Console, document: Mapping[str, Any]) -> None:
    """Heading, remarks and the main tables."""
    out.print(f"\n[bold]{heading(document)}[/]", highlight=False)
    for line in remarks(document):
        out.print(line, highlight=False, markup=False)
    for name, rows in tables(document):
        if name not in SHOWN:
            continue
        rows = _narrow(rows) if name == BASELINES else rows
        made = Table(title=name, title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
        for title in rows[0]:
            made.add_column(title, overflow="fold")
        for row in rows[1:]:
            made.add_row(
                *[f"[{COLOURS[cell]}]{cell}[/]" if cell in COLOURS else _plain(cell) for cell in row]
            )
        out.print(made)
    if "calls" in document:
        _cost(out, document)
    if "coverage" in document:
        found = document["coverage"]
        out.print(f"rules of the tables that fired: {found['fired']} of {found['rules']}", highlight=False)


def _cost(out: Console, document: Mapping[str, Any]) -> None:
    """What a language model takes, and which decisions it would have changed."""
    for name, spent in document["calls"].items():
        out.print(
            f"{name}: {spent['calls']:,} calls, {spent['tokens_in']:,} + {spent['tokens_out']:,} tokens, "
            f"{spent['remembered']:,} remembered, for each 1,000 signals",
            highlight=False,
        )
    read, of = document["read_otherwise"], document["decisions"]
    out.print(
        f"of {of:,} decisions {read:,} read otherwise, {document['differing']:,} differ:", highlight=False
    )
    for one in document["differ"]:
        out.print(f"  {one}", highlight=False, markup=False, soft_wrap=True)


def _narrow(rows: Sequence[Sequence[str]]) -> Sequence[Sequence[str]]:
    """The name, AUC, calibration error, and the difference: the rest is for the report."""
    kept = [at for at, title in enumerate(rows[0]) if at in (0, len(rows[0]) - 1) or title in ("auc", "ece")]
    return [[row[at] for at in kept] for row in rows]


def _plain(cell: str) -> str:
    return cell.replace("[", "\\[")
