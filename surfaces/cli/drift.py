"""``leadgraph drift report``: has the world moved since the package at work was trained?"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import NotEnough
from surfaces.cli.context import Exit, cli, emit

app = typer.Typer(help="Drift of features, intents, scores and calibration.")


@app.callback()
def _drift() -> None:
    """Drift of features, intents, scores and calibration."""


@app.command("report")
def report(
    ctx: typer.Context,
    days: Annotated[
        int, typer.Option(min=1, help="Leads that came to their decision in the last so many days.")
    ] = 14,
    version: Annotated[str | None, typer.Option(help="A package; default the champion.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts to this file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """What moved, by how much, and what to do. Exit code 2 with an alert, 3 with too few recent leads."""
    from surfaces.cli.models import models_of
    from surfaces.drift import drift_report
    from surfaces.drift_page import page

    tools = cli(ctx)
    with tools.open(exclusive=False) as home, tools.err.status("measuring"):
        try:
            found = asyncio.run(drift_report(home, models_of(home), days=days, version=version))
        except NotEnough as short:
            if as_json:
                emit({"code": short.code, "have": short.have, "need": short.need})
            tools.err.print(f"too few to tell: {short}", highlight=False, markup=False)
            raise typer.Exit(int(Exit.NOT_ENOUGH_DATA)) from None
    if html is not None:
        html.write_text(page(found), encoding="utf-8")
    if as_json:
        emit(found.document())
    else:
        tools.out.print(f"package {found.version}, {found.recent:,} recent leads", highlight=False)
        for words in found.alerts or ("no alert",):
            tools.out.print(f"  {words}", highlight=False, markup=False)
        tools.out.print(f"  {found.calibration.words}", highlight=False, markup=False)
        tools.out.print(f"retraining: {found.trigger.words}", highlight=False, markup=False)
        if html is not None:
            tools.err.print(f"page: {html}", highlight=False)
    if found.alerts:
        raise typer.Exit(int(Exit.GATE_FAILED))
