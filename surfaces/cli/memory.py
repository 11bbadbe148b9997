"""``leadgraph memory``: what is remembered of what was said, and making it anew."""

import asyncio
from typing import Annotated, Any

import typer

from domain.errors import Temporary
from domain.ids import Region
from domain.ports.home import Home
from domain.ports.memory import Memory, MemoryBook
from surfaces.cli.context import Exit, cli, emit, fail
from surfaces.remembering import rebuild

app = typer.Typer(help="What is remembered of what was said: how it stands, making it anew.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@app.command("status")
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """What is remembered by region, and what is out of step. Exit code 1 if memory cannot be asked."""
    with cli(ctx).open(exclusive=False) as home:
        found = asyncio.run(_status(home))
    if as_json:
        emit(found)
    else:
        _tell(ctx, found)
    if any(region["state"] != "ok" for region in found["regions"]):
        raise typer.Exit(int(Exit.ERROR))


@app.command("rebuild")
def anew(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Drop all vectors and remember every text anew from the store, whatever became of memory."""
    tools = cli(ctx)
    with tools.open() as home:
        memory, record = _parts(ctx, home)

        def told(done: int) -> None:
            tools.err.print(f"{done:,} leads", highlight=False)

        async def all_regions() -> dict[str, int]:
            return {
                region: await rebuild(memory, record, home.tenant, Region(region), told)
                for region in sorted(home.regions)
            }

        done = asyncio.run(all_regions())
    if as_json:
        emit({"leads": done})
    else:
        tools.out.print(f"remembered anew: {sum(done.values()):,} leads", highlight=False)


def _parts(ctx: typer.Context, home: Home) -> tuple[Memory, MemoryBook]:
    if home.memory is None or home.remembered is None:
        fail(ctx, "memory is off: set LEADGRAPH_MEMORY to embedded, or to the address of a Chroma server")
    return home.memory, home.remembered


async def _status(home: Home) -> dict[str, Any]:
    where = str(getattr(home.settings, "memory", ""))
    if home.memory is None or home.remembered is None:
        return {"memory": where, "embedder": None, "regions": []}
    found = [await _region(home, home.memory, home.remembered, Region(one)) for one in sorted(home.regions)]
    return {"memory": where, "embedder": home.memory.name, "regions": [one for one in found if _used(one)]}


async def _region(home: Home, memory: Memory, record: MemoryBook, region: Region) -> dict[str, Any]:
    """Asks memory only where our record says that it holds something."""
    counts: dict[str, Any] = {"region": region, **await record.tally(home.tenant, region), "state": "ok"}
    if not counts["texts"]:
        return counts
    try:
        counts["vectors"] = await memory.count(home.tenant, region)
    except Temporary as error:
        return {**counts, "state": str(error)}
    if counts["vectors"] < counts["texts"]:
        counts["state"] = "memory: vectors are missing"
    return counts


def _used(region: dict[str, Any]) -> bool:
    return bool(region["texts"] or region["due"])


def _tell(ctx: typer.Context, found: dict[str, Any]) -> None:
    out = cli(ctx).out
    out.print(f"memory {found['memory']}, read by {found['embedder'] or 'nothing'}", highlight=False)
    for one in found["regions"]:
        out.print(
            f"{one['region']}: {one['texts']:,} texts, {one['cases']:,} of them of cases; "
            f"{one['due']:,} leads out of step; {one['state']}",
            markup=False,
            highlight=False,
        )
    if any(one["state"] != "ok" for one in found["regions"]):
        out.print("next: wait for what is down, or `leadgraph memory rebuild`", markup=False, highlight=False)
