"""``leadgraph decisions``: what became of actions; what is stuck; take back, send again, settle what is unknown."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from domain.action import ActionState
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.approving import Offer, offer
from surfaces.approving import undo as ask_for_undo
from surfaces.cli.action_card import show_action
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.offer_card import show_offer
from surfaces.cli.stuck import stuck
from surfaces.dispatcher import Dispatcher
from surfaces.trouble import Trouble, action_document, explain

app = typer.Typer(
    help="What became of actions, what is stuck; take back, send again, settle what is unknown."
)
app.command("stuck")(stuck)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document per action on stdout.")]


@app.command("actions")
def actions(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="[ID]", help="A decision or an action.")] = None,
    state: Annotated[list[ActionState] | None, typer.Option(help="Only actions in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Actions and how far each is: sent, waiting, failed, taken back; what stands in the way, and what to do."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        _tell(tools, home, asyncio.run(_rows(home, name, state or (), limit)), as_json=as_json)


@app.command("preview")
def preview(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ID", help="A decision or an action.")],
    as_json: AsJson = False,
) -> None:
    """A dry run: the exact writes of actions beside what is there now; nothing is sent."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        offers, now = asyncio.run(_offers(home, name)), home.clock.now()
    for one in offers:
        if as_json:
            emit(one.document())
        else:
            show_offer(tools.out, one, now)
    if not offers:
        fail(ctx, f"there is no action or decision called {name}")


@app.command("undo")
def undo(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="A decision (all its done actions) or one action.")
    ],
    by: Annotated[str | None, typer.Option(help="Who asks; default: who is at the keyboard.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take back what was done, step by step; what somebody has changed since is left alone."""
    tools = cli(ctx)
    with tools.open() as home:
        _tell(tools, home, asyncio.run(_undo(home, name, by or tools.tools.user_name())), as_json=as_json)


@app.command("resolve")
def resolve(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ACTION", help="An action whose outcome is unknown.")],
    done: Annotated[bool, typer.Option("--done/--not-done", help="What you saw in the target.")],
    by: Annotated[str | None, typer.Option(help="Who looked; default: who is at the keyboard.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what became of an action whose answer was lost."""
    tools = cli(ctx)
    with tools.open() as home:
        row = asyncio.run(_resolve(home, name, done, by or tools.tools.user_name()))
        _tell(tools, home, [row], as_json=as_json)


@app.command("retry")
def retry(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="ACTION", help="An action that failed.")],
    by: Annotated[str | None, typer.Option(help="Who asks; default: who is at the keyboard.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send a failed action again once what stood in its way is mended; what speaks against it by now still counts."""
    tools = cli(ctx)
    with tools.open() as home:
        _tell(tools, home, asyncio.run(_retry(home, name, by or tools.tools.user_name())), as_json=as_json)


async def _rows(
    home: Home, name: str | None, states: Sequence[ActionState], limit: int
) -> Sequence[OutboxRow]:
    if name is None:
        return await home.outbox.rows(home.tenant, states=states, limit=limit)
    one = await home.outbox.get(home.tenant, name)
    return [one] if one else await home.outbox.of_decision(home.tenant, name)


async def _offers(home: Home, name: str) -> list[Offer]:
    return [await offer(home, row) for row in await _rows(home, name, (), 1)]


async def _undo(home: Home, name: str, by: str) -> list[OutboxRow]:
    return await _acted(home, await ask_for_undo(home, name, by=by))


async def _retry(home: Home, name: str, by: str) -> list[OutboxRow]:
    return await _acted(home, [await home.outbox.retry(home.tenant, name, by=by, now=home.clock.now())])


async def _acted(home: Home, asked: Sequence[OutboxRow]) -> list[OutboxRow]:
    """Deliver what is due; how the rows are then."""
    await Dispatcher(home, home.targets).drain()
    return [row for one in asked if (row := await home.outbox.get(home.tenant, one.action_id))]


async def _resolve(home: Home, name: str, done: bool, by: str) -> OutboxRow:
    return await home.outbox.resolve(home.tenant, name, done=done, by=by, now=home.clock.now())


def _tell(tools: Cli, home: Home, rows: Sequence[OutboxRow], *, as_json: bool) -> None:
    now = home.clock.now()
    for row in rows:
        why: Trouble = explain(home, row)
        if as_json:
            emit(action_document(row, why))
        else:
            show_action(tools.out, row, why, now)
    if not rows and not as_json:
        tools.err.print("no such action")
