"""``leadgraph worker``: work off waiting leads until stopped."""

import asyncio
import signal
from functools import partial
from typing import Annotated, Any

import typer

from domain.ports.home import Home
from surfaces.announcing import announced, told_beside
from surfaces.cli.context import cli, emit
from surfaces.desk_loop import DeskLoop, desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.dispatcher import Tally as Delivered
from surfaces.log import to_stderr
from surfaces.supervising import Crew, Part
from surfaces.worker import Tally, Worker, deps_of

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option(help="Stop when nothing is ready.")] = False,
    beside: Annotated[
        bool | None,
        typer.Option(
            "--beside/--alone",
            help="Let others work on the home too, each under its own LEADGRAPH_WRITER (default: the setting).",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """Claim leads, run the graph, commit, deliver actions; on SIGTERM the batch in hand is finished first."""
    tools = cli(ctx)
    with tools.open(given={"beside": beside}) as home:
        follows = desk_loop(home, tools.tools.texts().listener()) if home.desk is not None else None
        worked, delivered = asyncio.run(work(home, once=once, follows=follows))
    figures: dict[str, Any] = {**worked.document(), "delivered": delivered.document()}
    if as_json:
        emit(figures)
    else:
        for title, part in (("runs", worked), ("deliveries", delivered)):
            words = ", ".join(f"{value:,} {name}" for name, value in part.document().items())
            tools.out.print(f"{title}: {words}", highlight=False)


async def work(home: Home, *, once: bool = False, follows: DeskLoop | None = None) -> tuple[Tally, Delivered]:
    """Decide and deliver until SIGTERM or SIGINT, or with `once` until nothing is ready; `follows` goes on beside."""
    worker = Worker(
        home, deps_of(home), batch=home.settings.batch, lease_us=home.settings.lease_s * 1_000_000
    )
    dispatcher = Dispatcher(home, home.targets)
    if once:
        if follows is not None:
            await follows.drain()
        done = await worked_off(worker, dispatcher)
        await announced(home)
        return done
    stop, delivered = asyncio.Event(), Delivered()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    crew = Crew(to_stderr("part"))
    parts: dict[str, Part] = {
        "deliveries": partial(dispatcher.serve, total=delivered),
        **told_beside(home, crew),
    }
    parts |= {"desk": follows.serve} if follows is not None else {}
    worked, _ = await asyncio.gather(worker.serve(stop, crew), crew.keep(parts, stop))
    return worked, delivered


async def worked_off(worker: Worker, dispatcher: Dispatcher) -> tuple[Tally, Delivered]:
    """Run and deliver in turn until neither has anything to do: what is not sent any more wakes its lead."""
    worked, delivered = Tally(), Delivered()
    while True:
        ran, sent = await worker.drain(), await dispatcher.drain()
        worked.add(ran)
        delivered.add(sent)
        if not sent.expired and not sent.lapsed:
            return worked, delivered
