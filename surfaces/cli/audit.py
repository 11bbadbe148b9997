"""``leadgraph audit``: tell, verify, export, anchor and replay what was decided."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import BadInput
from domain.instants import instant
from domain.verification import Verification
from surfaces.audit_story import tell
from surfaces.cli.audit_card import show_story, show_verification
from surfaces.cli.audit_replay import replay
from surfaces.cli.context import Exit, cli, emit, fail
from surfaces.cli.talk_card import plain

app = typer.Typer(help="Tell, verify, export, anchor and replay what was decided.")
app.command("replay")(replay)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@app.command("show")
def show(
    ctx: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            help="A run, a decision, a talk (ho_…), or a lead (its id or any key) for its newest decision."
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Tell a decision's story: each transition, then the sealed rationale."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        story = asyncio.run(tell(home, what))
    if story is None:
        fail(ctx, "nothing is on record under that name; give a run, a decision, or a lead's id or key")
    if as_json:
        emit(story.document())
    else:
        show_story(tools.out, story)


@app.command("verify")
def verify(
    ctx: typer.Context,
    *,
    export: Annotated[Path | None, typer.Argument(help="An export; without one, the home's own log.")] = None,
    anchor: Annotated[
        Path | None, typer.Option(help="Anchor file; for the home's own log the one it writes.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The installation's public key, signing.pub.")] = None,
    until: Annotated[
        str | None, typer.Option(help="When an export was made that is older than the anchor: 2026-03-31.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that nothing was changed, removed, added or reordered. Exit code 2 if anything was."""
    tools = cli(ctx)
    at = _instant(until) if until else None
    if export is not None:
        found: Verification = tools.tools.audit_verify_file(export, anchor=anchor, key=key, until=at)
    else:
        with tools.open(exclusive=False) as home:
            found = asyncio.run(tools.tools.audit_verify(home, anchor=anchor, key=key, until=at))
    if as_json:
        emit(found.document())
    else:
        show_verification(tools.out, found)
    if not found.ok:
        raise typer.Exit(int(Exit.GATE_FAILED))


@app.command("export")
def export(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="File to make; compressed if its name ends in .gz.")],
    as_json: AsJson = False,
) -> None:
    """Write the log to a file that anybody can verify; what is sealed in it stays sealed."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home, tools.err.status("exporting") as status:
        done = asyncio.run(
            tools.tools.audit_export(home, file, told=lambda rows: status.update(f"exporting: {rows:,} rows"))
        )
    if as_json:
        emit({"file": str(file), **done})
        return
    plain(
        tools.out,
        f"{file}: {done['rows']:,} rows in {done['chains']:,} chains, {done['seals']:,} sealed payloads, "
        f"{done['roots']:,} signed roots",
    )
    command = f"leadgraph audit verify {file} --anchor ANCHOR --key signing.pub"
    plain(tools.out, f"check it anywhere with: {command}")


@app.command("anchor")
def anchor(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Sign the head of each chain now and write it to the anchor."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        signed = asyncio.run(home.audit.sign_roots(now=home.clock.now()))
        place = str(tools.tools.audit_anchor(home))
    if as_json:
        emit({"anchor": place, "signed": dict(signed)})
        return
    for chain, seq in signed.items():
        plain(tools.out, f"{chain}: anchored up to row {seq:,}")
    plain(tools.out, f"anchor: {place}" if signed else "the log is empty: nothing to sign")


def _instant(text: str) -> int:
    """A day means its end; without a zone, UTC. Raises: BadInput."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput("--until", "not a time", "give it such as 2026-03-31 or 2026-03-31T18:00Z") from None
    if "T" not in text and ":" not in text:
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
    return instant(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
