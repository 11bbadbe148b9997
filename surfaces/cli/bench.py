"""``leadgraph bench``: speed on this machine, as ratios against an anchor in the same run."""

from typing import Annotated, Any

import typer

from surfaces.cli.context import cli, emit

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    quick: Annotated[bool, typer.Option(help="Leave out the store of 100,000 leads.")] = False,
    http: Annotated[
        bool, typer.Option("--http", help="Signals over HTTP instead, beside a bare FastAPI application.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """Measure runs, the durable path, features, memory and growth, or with --http the API; takes a few minutes."""
    tools = cli(ctx)
    with tools.err.status("measuring") as status:
        bench = tools.tools.bench_http if http else tools.tools.bench
        figures = bench(told=lambda words: status.update(f"measuring: {words}"), quick=quick)
    if as_json:
        emit(figures)
        return
    for words, met in figures["aims"].items():
        tools.out.print(f"{'met   ' if met else 'MISSED'}  {words}", highlight=False)
    for part in (
        ("single", "bare", "batch", "ratios", "webhook_batch")
        if http
        else ("one_run", "durable", "scale", "features")
    ):
        tools.out.print(f"\n[bold]{part.replace('_', ' ')}[/]")
        _lines(tools.out, figures[part], "  ")
    if not http:
        tools.out.print(f"\nmost memory held: {figures['memory_peak_mb']:,} MB")


def _lines(out: Any, values: dict[str, Any], indent: str) -> None:
    for name, value in values.items():
        if isinstance(value, dict):
            out.print(f"{indent}{name}", highlight=False)
            _lines(out, value, indent + "  ")
        else:
            out.print(f"{indent}{name} = {value}", highlight=False)
