"""``leadgraph leads``: what is in the home and at the targets, what people fix about leads, and parked leads."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from domain.ports.home import Home
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.feedback import labels, lift, override, overrides
from surfaces.feedback import in_words, lead_document, listed
from surfaces.held import held

app = typer.Typer(help="List leads, fix what is wrong about them, and let parked ones run again.")
for command in (override, lift, overrides, labels):
    app.command(command.__name__)(command)


@app.command("list")
def list_leads(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per lead on stdout.")] = False,
) -> None:
    """Every lead as its last run left it, with what people have fixed about it."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        asyncio.run(_list(home, tools, as_json=as_json))


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


@app.command("crm")
def crm(
    ctx: typer.Context,
    lead: Annotated[str, typer.Argument(help="The lead's id or any key, such as an e-mail address.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """What the CRM, and whatever else actions go to, holds of a lead now; it is only read."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found = asyncio.run(held(home, lead))
    if as_json:
        emit(found)
        return
    for one in found["targets"]:
        tools.out.print(f"{one['target']}: {_in_words(one)}", highlight=False, markup=False, soft_wrap=True)
        for name, value in one.get("fields", {}).items():
            tools.out.print(f"  {name}: {value}", highlight=False, markup=False, soft_wrap=True)


def _in_words(one: Mapping[str, Any]) -> str:
    if one["away"]:
        return f"cannot say it now ({one['away']})"
    if not one["exists"]:
        return "has no record of it" + (", it was deleted" if one["gone"] else "")
    parts = [f"owner {one['owner'] or 'nobody'}", f"open tasks {', '.join(one['open_tasks']) or 'none'}"]
    parts += [f"programmes {', '.join(one['programmes'])}"] if one["programmes"] else []
    parts += ["must not be contacted"] if one["do_not_contact"] else []
    return "; ".join(parts)


async def _list(home: Home, tools: Cli, *, as_json: bool) -> None:
    async for lead, fixed in listed(home):
        document = lead_document(lead, fixed)
        if as_json:
            emit(document)
            continue
        said = "; ".join(in_words(row) for row in fixed) if document["fixed"] else ""
        tools.out.print(
            f"{lead.lead_id}  {document['band']:<5} owner {lead.owner or '-':<12}"
            + (f"  fixed: {said}" if said else ""),
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip


async def _counts(home: Home) -> dict[str, int]:
    return dict(await home.reads.counts(home.tenant))


async def _unpark(home: Home, key: str) -> bool:
    lead_id = await home.reads.find_lead(home.tenant, key)
    return lead_id is not None and await home.work.unpark(lead_id, now=home.clock.now())
