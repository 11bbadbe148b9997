"""``leadgraph home``: back the home up, verify a backup or the home, restore."""

from pathlib import Path
from typing import Annotated, Any

import typer

from domain.instants import Instant, iso
from surfaces.cli.context import Exit, cli, emit

app = typer.Typer(help="Back the home up, verify a backup or the home, restore.")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@app.command("backup")
def backup(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder to make; it must not exist yet.")],
    *,
    with_keys: Annotated[
        bool,
        typer.Option(help="Put the secret keys in: whoever has the backup can then read everything in it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a whole and consistent copy of the home, also while workers run."""
    tools = cli(ctx)
    made: Any = tools.tools.backups().take(folder, with_keys=with_keys)
    if as_json:
        emit({"folder": str(folder), **made.document()})
        return
    size = sum(one.size for one in made.files.values())
    plain = tools.out.print
    plain(
        f"{folder}: {len(made.files):,} files, {size:,} bytes, as of {iso(Instant(made.taken_at))}",
        highlight=False,
    )
    if not with_keys:
        plain(
            "without the secret keys: keep a copy of the home's folder keys apart from the backup",
            highlight=False,
        )


@app.command("verify")
def verify(
    ctx: typer.Context,
    folder: Annotated[Path | None, typer.Argument(help="A backup; without one, the home.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check files, databases, what belongs together in them, and the audit log. Exit code 1 if anything is broken."""
    tools = cli(ctx)
    found: Any = tools.tools.backups().verify(folder)
    if as_json:
        emit(found.document())
    else:
        for one in found.findings:
            mark = "[green]ok[/]    " if one.ok else "[bold red]broken[/]"
            tools.out.print(mark, end=" ")
            tools.out.print(f"{one.name}: {one.detail}", markup=False, highlight=False, soft_wrap=True)
        words = "nothing is broken" if found.ok else "it is broken; restore from a backup that is whole"
        tools.out.print(f"{found.place}: {words}", markup=False, highlight=False, soft_wrap=True)
    if not found.ok:
        raise typer.Exit(int(Exit.ERROR))


@app.command("restore")
def restore(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    *,
    replace: Annotated[
        bool, typer.Option(help="Put the home that is there aside, under a name with the time.")
    ] = False,
    keys: Annotated[
        Path | None, typer.Option(help="Folder with the secret keys of the installation.")
    ] = None,
    targets_from_backup: Annotated[
        bool,
        typer.Option(help="Take the embedded CRM from the backup too, though the replaced home's is newer."),
    ] = False,
    without_erasures: Annotated[
        bool, typer.Option(help="Go on although the list of privacy deletions is lost.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup in the place of the home. Nothing that was done since is done again."""
    tools = cli(ctx)
    done: Any = tools.tools.backups().restore(
        folder,
        replace=replace,
        keys=keys,
        targets_from_backup=targets_from_backup,
        without_erasures=without_erasures,
    )
    document = done.document()
    if as_json:
        emit(document)
        return
    lines = [f"{document['home']}: as of {document['taken']}, the CRM's file from: {document['crm']}"]
    if document["aside"]:
        lines.append(f"the home that was there is now {document['aside']}")
    lines.append(
        "signals taken in since the backup are gone; have each source send again, twice does no harm:"
    )
    lines += [f"  {source} from {at} on" for source, at in document["replay_from"].items()]
    if without_erasures:
        lines.append(
            f"have all privacy deletions since {document['taken']} sent again before the workers start"
        )
    for line in lines:
        tools.out.print(line, markup=False, highlight=False, soft_wrap=True)
