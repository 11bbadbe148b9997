"""``leadgraph credentials``: what is sealed in the home, by name and age; a value only goes in."""

import sys
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from domain.instants import SECOND, Instant, iso
from surfaces.cli.context import cli, emit
from surfaces.cli.when import distance

app = typer.Typer(help="Secrets that lie sealed in the home: set, list, forget, seal anew.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@app.command("list")
def listed(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Each by its name, with how long it is there and whether it is what is used; no value is opened."""
    tools = cli(ctx)
    rows = _rows(tools.tools.credentials())
    if as_json:
        emit(rows)
        return
    for row in rows:
        since = "an unknown time" if row["age_s"] is None else distance(-row["age_s"] * SECOND)
        tools.out.print(
            f"{row['name']}  {since}  {row['used']}", highlight=False, markup=False, soft_wrap=True
        )
    if not rows:
        tools.out.print("nothing is sealed here: leadgraph connect VENDOR", markup=False)


@app.command("set")
def put(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of a setting that is a secret, such as desk_token.")
    ],
    as_json: AsJson = False,
) -> None:
    """Seal one credential; it is read from the prompt or from stdin, never from the command line.

    Of the secrets of a webhook the one before stays good until the next. What runs reads it when it starts.
    """
    tools = cli(ctx)
    value = (
        typer.prompt(name, default="", hide_input=True, show_default=False, err=True)
        if sys.stdin.isatty()
        else sys.stdin.read()
    )
    tools.tools.credentials().put(name, value.strip())
    if as_json:
        emit({"sealed": name})
        return
    tools.out.print(f"sealed: {name}", highlight=False, markup=False)
    tools.err.print("Restart what runs.", highlight=False)


@app.command("forget")
def forget(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Keep a value no more, at once and on disk. A process that runs uses what it has read until it ends."""
    tools = cli(ctx)
    doors = tools.tools.credentials()
    if not doors.forget(name):
        there = ", ".join(doors.kept.ages()) or "nothing"
        raise BadInput("NAME", f"{name!r} is not kept here", f"there is {there}", code="unknown")
    if as_json:
        emit({"forgotten": name})
        return
    tools.out.print(f"forgotten: {name}", highlight=False, markup=False)
    tools.err.print("Revoke it at the vendor too, and restart what runs.", highlight=False)


@app.command("rotate")
def rotate(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Seal every value under a new key, all or none. The values stay, and a process that runs goes on."""
    tools = cli(ctx)
    count: int = tools.tools.credentials().kept.rotate()
    if as_json:
        emit({"sealed": count})
    else:
        tools.out.print(f"{count:,} sealed under a new key", highlight=False)


def _rows(doors: Any) -> list[dict[str, Any]]:
    """`since` and `age_s` are null where a value is older than its time was kept."""
    return [
        {
            "name": name,
            "since": iso(Instant(at)) if at else None,
            "age_s": (doors.now - at) // SECOND if at else None,
            "used": doors.used(name),
        }
        for name, at in doors.kept.ages().items()
    ]
