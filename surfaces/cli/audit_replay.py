"""``leadgraph audit replay``: are the recorded decisions what this code makes of their recorded inputs?"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from domain.ids import LeadId
from domain.ports.home import Home
from graph.build import build_graph
from surfaces.audit_replay import Replayed, Replayer
from surfaces.cli.context import Cli, Exit, cli, emit, fail
from surfaces.handoff_replay import TalkReplayer
from surfaces.worker import deps_of


def replay(
    ctx: typer.Context,
    lead: Annotated[str | None, typer.Argument(help="A lead's id or key: its newest decision only.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All decisions of the tenant, those about talks too.")
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(help="Use this folder of tables instead of the recorded version.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Recompute decisions from their sealed records, with files, sockets and databases out of reach.

    Exit code 2 if any decision comes out differently.
    """
    tools = cli(ctx)
    if every == (lead is not None):
        fail(ctx, "say which decisions: a lead, or --all")
    with tools.open() as home:
        result = asyncio.run(_replay(tools, home, lead, policy))
    if result is None:
        fail(ctx, f"no decision for {lead}")
    if as_json:
        emit(result.document())
    else:
        _tell(tools, result)
    if result.different:
        raise typer.Exit(int(Exit.GATE_FAILED))


async def _replay(tools: Cli, home: Home, lead: str | None, folder: Path | None) -> Replayed | None:
    given = tools.tools.load_policy(folder) if folder else None
    replayer = Replayer(
        home=home,
        deps=deps_of(home),
        graph=build_graph(),
        policy_of=(lambda _: given) if given else tools.tools.policy_versions(home),
        wall=tools.tools.closed_world,
    )
    if lead is None:
        with tools.err.status("replaying") as status:
            result = await replayer.all(lambda done: status.update(f"replaying: {done:,} decisions"))
            await _talks(tools, home, replayer).all(result)
            return result
    lead_id = await home.reads.find_lead(home.tenant, lead)
    stored = await home.reads.latest_decision(home.tenant, LeadId(lead_id)) if lead_id else None
    if stored is None:
        return None
    result = Replayed()
    await replayer.one(stored, result)
    return result


def _talks(tools: Cli, home: Home, replayer: Replayer) -> TalkReplayer:
    listener = tools.tools.texts().listener()
    return TalkReplayer(home, listener, policy_of=replayer.policy_of, wall=replayer.wall)


def _tell(tools: Cli, result: Replayed) -> None:
    out = tools.out
    out.print(f"{result.identical + result.different:,} replayed: {result.identical:,} identical, "
              f"{result.different:,} different")  # fmt: skip
    for cause, count in sorted(result.unreplayable.items()):
        out.print(f"{count:,} could not be replayed: {cause.replace('_', ' ')}")
    for difference in result.differences[:10]:
        out.print(f"  {difference.decision_id} ({difference.lead_id}): {', '.join(difference.parts)} differ")
