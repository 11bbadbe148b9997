"""``leadgraph worker``: work off waiting leads until stopped."""

import asyncio
import signal
from typing import Annotated

import typer

from domain.ports.home import Home
from surfaces.cli.context import cli, emit
from surfaces.worker import Tally, Worker, deps_of

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option(help="Stop when nothing is ready.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """Claim leads, run the graph, commit; on SIGTERM the batch in hand is finished first."""
    tools = cli(ctx)
    with tools.open() as home:
        tally = asyncio.run(_work(home, once))
    figures = {name: getattr(tally, name) for name in Tally.__slots__}
    if as_json:
        emit(figures)
    else:
        tools.out.print(", ".join(f"{value:,} {name}" for name, value in figures.items()))


async def _work(home: Home, once: bool) -> Tally:
    worker = Worker(
        home, deps_of(home), batch=home.settings.batch, lease_us=home.settings.lease_s * 1_000_000
    )
    if once:
        return await worker.drain()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await worker.serve(stop)
