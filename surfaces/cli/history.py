"""``leadgraph history``: a company's own past, from a file through a mapping; and a first draft of the mapping."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domain.attributes import declared_with
from domain.errors import BadInput
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.history_report import tell, tell_suggestion
from surfaces.door import door_of

if TYPE_CHECKING:  # polars takes a fifth of a second to import
    from domain.ports.home import Home
    from learning.history.imported import History, Opened
    from learning.history.mapping import Mapping_

app = typer.Typer(help="A company's own past: import it, or draft the mapping of a file.")
File = Annotated[
    Path,
    typer.Argument(help="CSV, JSON lines or Parquet, plain or gzip; or what the mapping's reader reads."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]


@app.command("import")
def import_file(
    ctx: typer.Context,
    file: File,
    *,
    mapping: Annotated[Path, typer.Option(help="Which column is what; see docs/history.md.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and report, write nothing.")] = False,
    skip_refused: Annotated[
        bool, typer.Option("--skip-refused", help="Leave refused rows out; without it one stops the import.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Turn an export into signals and outcomes. The whole file is checked before anything is written."""
    from learning.history.imported import gone_through
    from learning.history.mapping_file import load_mapping

    tools, plan = cli(ctx), load_mapping(mapping)
    with tools.open(exclusive=not dry_run) as home:
        tools.err.print(f"checking {file}", highlight=False)
        opened = _opened(tools, home, plan, file)
        history = gone_through(opened)
        stopped = bool(history.refused) and not skip_refused
        if not dry_run and not stopped:
            _declare(tools, home, plan)
    if not as_json:
        tell(tools, history.report)
    written = None if dry_run or stopped else _written(tools, plan, file, history)
    if as_json:
        emit({**history.report, "dry_run": dry_run, "imported": written})
    elif written is not None:
        _tell_written(tools, written)
    if stopped:
        fail(
            ctx,
            f"{len(history.refused_rows):,} rows are refused; nothing was imported. Mend them, or say --skip-refused",
        )


@app.command("suggest")
def suggest_mapping(
    ctx: typer.Context,
    file: File,
    *,
    outcome: Annotated[
        str | None, typer.Option(help="The column that tells how it ended, if you know it.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the draft here; a file that is there is kept.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draft a mapping: keys, times, outcome, and the columns that may know the end."""
    from learning.history.draft import document
    from learning.history.suggest import suggest

    tools = cli(ctx)
    found = document(suggest(file, outcome=outcome), file.name)
    if out is not None:
        try:
            with out.open("x", encoding="utf-8") as stream:
                stream.write(found["draft"])
        except OSError as error:
            raise BadInput(str(out), f"cannot be written ({error.strerror})", "name another file") from None
    if as_json:
        emit(found)
    else:
        tell_suggestion(tools, found, drafted=out is None)


def _opened(tools: Cli, home: "Home", plan: "Mapping_", file: Path) -> "Opened":
    from learning.history.imported import open_history

    reader = tools.tools.source(plan.reader) if plan.layout == "source" else None
    return open_history(plan, file, door=door_of(home, home.clock.now(), imported=True), reader=reader)


def _declare(tools: Cli, home: "Home", plan: "Mapping_") -> None:
    try:
        together = declared_with(home.attributes, plan.attributes_declared)
    except ValueError as error:
        raise BadInput("attributes", str(error), "nothing was imported", code="attribute") from None
    if together != home.attributes:
        tools.tools.declare(home, together)


def _written(tools: Cli, plan: "Mapping_", file: Path, history: "History") -> dict[str, int]:
    """Written with the home opened anew: from here on its catalogue has the attributes."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from surfaces.history import take_history

    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    total = sum(history.report["signals"].values()) + history.report["duplicates"]
    with tools.open() as home, Progress(*columns, console=tools.err, transient=True) as bar:
        task = bar.add_task("", total=total)
        return asyncio.run(
            take_history(
                home, _opened(tools, home, plan, file), without=history.refused_rows,
                told=lambda n: bar.update(task, completed=n),
            )
        )  # fmt: skip


def _tell_written(tools: Cli, written: dict[str, int]) -> None:
    tools.out.print(
        f"[bold]{written['accepted']:,}[/] signals taken in, {written['duplicates']:,} were there already"
    )
    if written["quarantined"]:
        tools.out.print(f"{written['quarantined']:,} are in quarantine: leadgraph quarantine list")
    if written["accepted"]:
        tools.out.print("their leads wait for a worker (leadgraph worker), which decides on them as of today")
