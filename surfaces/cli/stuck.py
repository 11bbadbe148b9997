"""``leadgraph decisions stuck``: is anything stuck, and why, on one screen."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from domain.ports.home import Home
from surfaces.cli.action_card import show_trouble
from surfaces.cli.context import cli, emit
from surfaces.stuck import NAMED, Cause, Stuck
from surfaces.stuck import stuck as look


def stuck(
    ctx: typer.Context,
    days: Annotated[int, typer.Option(min=1, help="Leave out what failed longer ago.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Is anything stuck, and why? Actions by what holds them up, with what to do and when they are tried again."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found, now = asyncio.run(_look(home, days))
    if as_json:
        emit(found.document())
    else:
        _show(tools.out, found, now)


async def _look(home: Home, days: int) -> tuple[Stuck, int]:
    return await look(home, failed_within_days=days), home.clock.now()


def _show(out: Console, found: Stuck, now: int) -> None:
    if found.nothing:
        out.print("nothing is stuck", highlight=False)
        return
    for cause in found.causes:
        out.print(_title(cause), markup=False, highlight=False, soft_wrap=True)
        show_trouble(out, cause.trouble, now)
    for count, words in (
        (found.unanswered, "questions expire within a day: leadgraph approvals list"),
        (found.parked, "signals lie with parked leads: leadgraph leads list"),
    ):
        if count:
            out.print(f"{count} {words}", markup=False, highlight=False)


def _title(cause: Cause) -> str:
    count, named = len(cause.rows), ", ".join(row.action_id for row in cause.rows[:NAMED])
    more = f" and {count - NAMED} more" if count > NAMED else ""
    who = "needs a person" if cause.trouble.person else "goes on by itself"
    return f"{count} {'action' if count == 1 else 'actions'} ({who}): {named}{more}"
