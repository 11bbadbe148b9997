"""``leadgraph quarantine``: signals that were not let in: look, mend, release, discard."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from domain.instants import Instant, iso
from domain.ports.home import Home
from domain.ports.quarantine import Held
from surfaces.cli.context import Cli, Exit, cli, emit, fail
from surfaces.releasing import Released, release, release_all

app = typer.Typer(help="Signals that were not let in: look, mend, release, discard.")
Json = Annotated[bool, typer.Option("--json", help="One JSON document per item on stdout.")]


@app.command("list")
def list_items(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option(help="Show at most so many, oldest first.", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """Items that nobody has decided on yet: where each came from, and which field is wrong."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        items = asyncio.run(_open_items(home, limit))
    if as_json:
        for held in items:
            emit(_record(held))
    elif items:
        for held in items:
            _show_held(tools, held)
        tools.err.print(
            "mend one: quarantine show ID > item.json, edit it, quarantine release ID --edit item.json"
        )
    else:
        tools.out.print("nothing is in quarantine")


@app.command("show")
def show(ctx: typer.Context, item_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """The item itself, as it was received: to be mended. It may hold personal data."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        held = asyncio.run(_one(home, item_id))
    tools.err.print(held.reason, markup=False, highlight=False)
    typer.echo(held.raw)


@app.command("release")
def release_items(
    ctx: typer.Context,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...")] = None,
    every: Annotated[bool, typer.Option("--all", help="All open items.")] = False,
    edit: Annotated[Path | None, typer.Option(help="The item mended, as JSON; for one ID.")] = None,
    as_json: Json = False,
) -> None:
    """Send items through the door once more; what is still wrong stays and is named."""
    tools = cli(ctx)
    if bool(ids) == every or (edit is not None and len(ids or []) != 1):
        fail(ctx, "give one or more IDs, or --all; --edit FILE goes with one ID")
    mended = _read(edit) if edit else None
    with tools.open() as home:
        done = asyncio.run(_release(home, ids or [], mended))
    for one in done:
        _tell(tools, one, as_json=as_json)
    if not as_json and every:
        kept = sum(one.outcome == "refused" for one in done)
        tools.out.print(f"{len(done) - kept:,} let in, {kept:,} still in quarantine")
    if not every and any(one.outcome == "refused" for one in done):
        raise typer.Exit(int(Exit.ERROR))


@app.command("discard")
def discard(
    ctx: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    reason: Annotated[str, typer.Option(help="Why; kept with the item.")],
    as_json: Json = False,
) -> None:
    """Give items up for good: their content is deleted, the record of the decision stays."""
    tools = cli(ctx)
    if not 0 < len(reason.strip()) <= 500:
        fail(ctx, "--reason: say why in 1 to 500 characters")
    with tools.open() as home:
        asyncio.run(_discard(home, ids, reason.strip()))
    for item_id in ids:
        if as_json:
            emit({"id": item_id, "outcome": "discarded"})
        else:
            tools.out.print(f"{item_id} discarded", highlight=False)


async def _open_items(home: Home, limit: int) -> list[Held]:
    return list(await home.quarantine.open_items(home.tenant, limit=limit))


async def _one(home: Home, item_id: str) -> Held:
    return await home.quarantine.release(home.tenant, item_id)


async def _release(home: Home, ids: list[str], mended: bytes | None) -> list[Released]:
    if not ids:
        return await release_all(home)
    return [await release(home, item_id, new_raw=mended) for item_id in dict.fromkeys(ids)]


async def _discard(home: Home, ids: list[str], reason: str) -> None:
    for item_id in dict.fromkeys(ids):
        await home.quarantine.discard(home.tenant, item_id, reason=reason, now=home.clock.now())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise BadInput(f"--edit {file}", "cannot be read", "name the file with the mended item") from None


def _record(held: Held) -> dict[str, Any]:
    return {
        "id": held.item_id, "source": held.source, "position": held.position, "field": held.field,
        "code": held.code, "reason": held.reason, "at": iso(Instant(held.at)),
    }  # fmt: skip


def _show_held(tools: Cli, held: Held) -> None:
    since = iso(Instant(held.at))[:16]
    tools.out.print(
        f"{held.item_id}  {since}  {held.source}, line {held.position}: {held.code}\n    {held.reason}",
        markup=False, highlight=False,
    )  # fmt: skip


def _tell(tools: Cli, one: Released, *, as_json: bool) -> None:
    if as_json:
        emit(
            {"id": one.item_id, "outcome": one.outcome, "signal": one.signal_id, "field": one.field}
            | {"reason": one.reason}
        )
    elif one.outcome == "refused":
        tools.out.print(f"{one.item_id} stays: {one.reason}", markup=False, highlight=False)
    else:
        words = "let in" if one.outcome == "accepted" else "had come in already"
        tools.out.print(f"{one.item_id} {words} as {one.signal_id}", markup=False, highlight=False)
