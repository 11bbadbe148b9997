"""``leadgraph sync``: ask a vendor now for what it never sent."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from domain.instants import Instant, instant
from domain.ports.home import Home
from surfaces.announcing import announced
from surfaces.catching_up import sync
from surfaces.cli.context import Exit, cli, emit, fail

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    vendor: Annotated[
        str, typer.Argument(help="chatwoot, hubspot, salesforce; intercom, zendesk: records only.")
    ],
    since: Annotated[
        str | None,
        typer.Option(help="From this time on (2026-03-01 or RFC 3339) instead of the last position."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable figures on stdout.")] = False,
) -> None:
    """Ask VENDOR for what is new since the last position, and read the records that are on the list.

    What comes of it lies in the inbox afterwards, and a worker decides; outgoing events that
    are due are sent. Exit code 1 if the vendor could not be asked.
    """
    tools, begin = cli(ctx), None if since is None else moment_of(since)
    with tools.open() as home:
        upstream = home.upstream
        if upstream is None or not (
            vendor in upstream.readers or any(one.vendor == vendor for one in upstream.pollers)
        ):
            fail(ctx, f"{vendor} is not set up; set crm or desk to it, and poll for what it never sends")
        figures, standing = asyncio.run(_asked(home, vendor, begin))
    if as_json:
        emit({**figures, "positions": standing})
    else:
        words = ", ".join(f"{value:,} {name}" for name, value in figures.items())
        tools.out.print(f"{vendor}: {words}", highlight=False)
        for one in standing:
            tools.out.print(f"  {one['name']}: {one['code']}", highlight=False)
    if figures["failed"]:
        raise typer.Exit(int(Exit.ERROR))


async def _asked(
    home: Home, vendor: str, since: Instant | None
) -> tuple[dict[str, int], list[dict[str, Any]]]:
    figures = dict(await sync(home, vendor, since=since))
    await announced(home)
    rows = await home.upstream.positions.standing(home.tenant) if home.upstream is not None else ()
    mine = [one for one in rows if one.name.partition(".")[0] == vendor]
    return figures, [{"name": one.name, "code": one.code, "at": one.at} for one in mine]


def moment_of(text: str) -> Instant:
    """A time as a person gives it; without a zone it is UTC. Raises: BadInput.

    >>> moment_of("1970-01-02")
    86400000000
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("since", "is no time", "write 2026-03-01 or 2026-03-01T09:00:00Z") from None
    return instant(found if found.tzinfo else datetime.fromisoformat(f"{found.isoformat()}+00:00"))
