"""``leadgraph replay FILE``: a file of signals as the stream it was."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from domain.errors import BadInput
from domain.instants import HOUR, iso
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.replay import Pace, Progress, replay, summary
from surfaces.worker import Worker, deps_of

app = typer.Typer()
CLASSES = ("signals", "applied", "superseded", "duplicates", "quarantined", "parked")


@app.command()
def main(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="File or folder to replay.")],
    source: Annotated[str, typer.Option(help="bpic2012, leadforge or signals.")] = "signals",
    speed: Annotated[str, typer.Option(help="'max', or stream seconds per real second.")] = "max",
    tick: Annotated[
        float, typer.Option(help="Stream hours between two passes of the worker.", min=0.01)
    ] = 6.0,
    drain_every: Annotated[
        int, typer.Option(help="Signals after which the worker runs anyway.", min=1)
    ] = 5_000,
    limit: Annotated[int | None, typer.Option(help="Stop after so many items.", min=1)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """Send a file through the door, the worker and the graph in stream time; audit roots are signed at the end."""
    tools = cli(ctx)
    pace = Pace(tick_us=round(tick * HOUR), count=drain_every, factor=_factor(speed))
    reader = tools.tools.source(source)
    with tools.open(virtual_clock=True) as home:
        figures = asyncio.run(_replay(tools, home, reader, file, pace=pace, limit=limit))
    if as_json:
        emit(figures)
    else:
        _tell(tools, figures)
    if not figures["adds_up"]:
        raise typer.Exit(int(Exit.ERROR))


def _factor(speed: str) -> float | None:
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        factor = 0.0
    if not 0 < factor < 1e12:
        raise BadInput(
            "--speed", "is neither 'max' nor a positive number", "give e.g. 3600 for an hour a second"
        )
    return factor


async def _replay(
    tools: Cli, home: Home, reader: Any, file: Path, *, pace: Pace, limit: int | None
) -> dict[str, Any]:
    before = await home.reads.counts(home.tenant)
    worker = Worker(home, deps_of(home))
    total = reader.total(file)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=tools.err, transient=True) as bar:
        task = bar.add_task("reading", total=min(total, limit) if total and limit else total)

        def told(progress: Progress) -> None:
            rate = progress.signals / max(progress.seconds, 1e-9)
            words = f"{iso(progress.now)[:16]}  {rate:,.0f} signals/s  {progress.worked.runs:,} runs"
            bar.update(task, completed=progress.signals, description=words)

        clock: Any = home.clock  # a home opened for a replay has a clock that can be moved
        progress = await replay(home, worker, clock, _upto(reader.read(file), limit), pace=pace, told=told)
    await home.audit.sign_roots(now=home.clock.now())
    after = await home.reads.counts(home.tenant)
    counts = {name: after[name] - before[name] for name in CLASSES} | {"leads": after["leads"]}
    figures: dict[str, Any] = summary(progress, counts)
    waiting = after["waiting"] - before["waiting"]
    figures["waiting"] = waiting
    figures["adds_up"] = counts["signals"] == progress.signals and progress.signals == waiting + sum(
        counts[name] for name in CLASSES[1:]
    )
    return figures


def _upto(items: Any, limit: int | None) -> Any:
    for number, item in enumerate(items):
        if limit is not None and number >= limit:
            return
        yield item


def _tell(tools: Cli, figures: dict[str, Any]) -> None:
    out = tools.out
    out.print(
        f"[bold]{figures['signals']:,}[/] signals in {figures['seconds']:,} s "
        f"({figures['signals_per_second']:,}/s), {figures['leads']:,} leads, {figures['runs']:,} runs, "
        f"{figures['decisions']:,} decisions, {figures['actions']:,} actions proposed"
    )
    parts = ", ".join(f"{figures[name]:,} {name}" for name in CLASSES[1:])
    out.print(
        f"{parts}; {figures['waiting']:,} waiting: "
        + ("it adds up" if figures["adds_up"] else "IT DOES NOT ADD UP")
    )
    if figures["quarantined"]:
        out.print("look at them with: leadgraph quarantine list")
