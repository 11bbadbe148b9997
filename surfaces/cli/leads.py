"""``leadgraph leads``: what is in the home, and parked leads."""

import asyncio
from typing import Annotated

import typer

from domain.ports.home import Home
from surfaces.cli.context import cli, emit, fail

app = typer.Typer(help="List leads, and let parked ones run again.")


@app.command("counts")
def counts(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """How many signals, leads, runs and decisions there are, by state."""
    tools = cli(ctx)
    with tools.open() as home:
        figures = dict(asyncio.run(_counts(home)))
    if as_json:
        emit(figures)
    else:
        for name, value in figures.items():
            tools.out.print(f"{value:>12,}  {name}", highlight=False)


@app.command("unpark")
def unpark(
    ctx: typer.Context, lead: Annotated[str, typer.Argument(help="The lead's id or any key.")]
) -> None:
    """Let a parked lead run again, with all its waiting signals."""
    tools = cli(ctx)
    with tools.open() as home:
        done = asyncio.run(_unpark(home, lead))
    if not done:
        fail(ctx, f"{lead} is not a parked lead")
    tools.out.print(f"{lead} runs again with the next pass of the worker")


async def _counts(home: Home) -> dict[str, int]:
    return dict(await home.reads.counts(home.tenant))


async def _unpark(home: Home, key: str) -> bool:
    lead_id = await home.reads.find_lead(home.tenant, key)
    return lead_id is not None and await home.work.unpark(lead_id, now=home.clock.now())
