"""``leadgraph leads override|lift|overrides|labels``: what people fix about leads, and what is learnt from them."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from domain.label import Label
from domain.override import OverrideKind, OverrideRow
from domain.ports.home import Home
from surfaces.cli.context import cli, emit, fail
from surfaces.feedback import day, in_words, label_document, lead_called, override_document

Lead = Annotated[str, typer.Argument(metavar="LEAD", help="The lead's id or any key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
By = Annotated[str | None, typer.Option(help="Who says so; default: who is at the keyboard.")]


def override(
    ctx: typer.Context,
    *,
    lead: Lead,
    reason: Annotated[str, typer.Option(help="Why; kept sealed under the lead's key.")],
    owner: Annotated[str | None, typer.Option(help="Whose lead it is, whatever routing says.")] = None,
    points: Annotated[int | None, typer.Option(help="How many points it has, 1 to 99.")] = None,
    until: Annotated[
        str | None, typer.Option(help="Last day it counts (UTC), or a time; default: until it is lifted.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Fix a lead's owner or its points; runs respect it until it is lifted or its day is over."""
    kind = OverrideKind.OWNER if owner is not None else OverrideKind.POINTS
    value = owner if owner is not None else points
    if value is None or (owner is not None and points is not None):
        fail(ctx, "give one of: --owner NAME, --points N")
    tools = cli(ctx)
    ends = day(until, "--until", end=True) if until else None
    with tools.open() as home:
        row, known = asyncio.run(
            _fix(home, lead, kind, str(value), reason=reason, by=by or tools.tools.user_name(), until=ends)
        )
    if not known:
        tools.err.print(f"note: {row.override.value} is in no team", highlight=False, markup=False)
    _say(ctx, row, "fixed", as_json=as_json)


def lift(
    ctx: typer.Context,
    *,
    lead: Lead,
    owner: Annotated[bool, typer.Option("--owner", help="The owner.")] = False,
    points: Annotated[bool, typer.Option("--points", help="The points.")] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Set a lead's owner or its points free again."""
    if owner == points:
        fail(ctx, "give one of: --owner, --points")
    tools = cli(ctx)
    kind = OverrideKind.OWNER if owner else OverrideKind.POINTS
    with tools.open() as home:
        row = asyncio.run(_lift(home, lead, kind, by=by or tools.tools.user_name()))
    _say(ctx, row, "free again", as_json=as_json)


def overrides(ctx: typer.Context, lead: Lead, as_json: AsJson = False) -> None:
    """All that was ever fixed of a lead, by whom, when and why, and how it ended."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        rows = asyncio.run(_history(home, lead))
    for row in rows:
        if as_json:
            emit(override_document(row))
            continue
        end = f"  {row.end.value}" + (f" by {row.ended_by}" if row.ended_by else "") if row.end else ""
        tools.out.print(f"{in_words(row)}: {row.reason}{end}", highlight=False, markup=False)
    if not rows and not as_json:
        tools.err.print("nothing was ever fixed of this lead")


def labels(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="Only what became known from this day (UTC) or time on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only what became known before this day (UTC) or time.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What people and outcomes have said about leads: one line each, in a stable order."""
    tools = cli(ctx)
    start = day(since, "--since") if since else None
    end = day(until, "--until") if until else None
    with tools.open(exclusive=False) as home:
        found = asyncio.run(_labels(home, start, end))
    for label in found:
        document = label_document(label)
        if as_json:
            emit(document)
            continue
        tools.out.print(
            f"{document['known_at'][:16]}  {document['kind']:<10} {document['value']:<20} {document['lead']}  "
            f"{document['provenance']} {document['ref']}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    if not found and not as_json:
        tools.err.print("no labels yet")


def _say(ctx: typer.Context, row: OverrideRow, what: str, *, as_json: bool) -> None:
    if as_json:
        emit(override_document(row))
    else:
        said = f"{row.lead_id}: {what}: {in_words(row)}; decided anew with the next pass of the worker"
        cli(ctx).out.print(said, highlight=False, markup=False, soft_wrap=True)


async def _fix(
    home: Home, lead: str, kind: OverrideKind, value: str, *, reason: str, by: str, until: int | None
) -> tuple[OverrideRow, bool]:
    """The override, and whether its owner is one of the salespeople (True for points)."""
    now = home.clock.now()
    row = await home.feedback.fix(
        home.tenant,
        await lead_called(home, lead),
        kind=kind,
        value=value,
        reason=reason,
        by=by,
        now=now,
        until=until,
    )
    reps = {rep.rep_id for rep in await home.reads.reps(home.tenant, now=now)}
    return row, kind is OverrideKind.POINTS or row.override.value in reps


async def _lift(home: Home, lead: str, kind: OverrideKind, *, by: str) -> OverrideRow:
    found = await lead_called(home, lead)
    return await home.feedback.lift(home.tenant, found, kind=kind, by=by, now=home.clock.now())


async def _history(home: Home, lead: str) -> Sequence[OverrideRow]:
    return await home.feedback.history(home.tenant, await lead_called(home, lead))


async def _labels(home: Home, since: int | None, until: int | None) -> Sequence[Label]:
    return await home.feedback.labels(home.tenant, since=since, until=until)
