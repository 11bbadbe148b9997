"""``leadgraph features``: the catalogue, where a value comes from, the values of all leads as of a time."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from domain.consent import Lawful
from domain.errors import BadInput
from domain.feature import FeatureDef
from domain.instants import Instant, instant, iso
from domain.lead import LeadState
from domain.ports.home import Home
from domain.signal import MICRO, Event
from surfaces.cli.context import Cli, cli, emit, fail

app = typer.Typer()
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
MICRO_UNIT = "micro-"


@app.command("list")
def list_(
    ctx: typer.Context,
    scope: Annotated[str | None, typer.Option(help="Only those of 'lead' or of 'account'.")] = None,
    as_json: Json = False,
) -> None:
    """All features: name, version, how they are computed, unit, and what is deprecated."""
    if scope not in (None, "lead", "account"):
        raise BadInput("--scope", "is neither 'lead' nor 'account'", "leave it out to see both")
    tools = cli(ctx)
    catalogue = tools.tools.catalogue()
    chosen = [one for one in catalogue.definitions if scope in (None, one.scope)]
    if as_json:
        for one in chosen:
            emit(_record(one, catalogue.version))
        return
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for title in ("feature", "v", "computed as", "unit", "what it says"):
        table.add_column(title, overflow="fold", no_wrap=title == "feature")
    for one in chosen:
        words = f"[yellow]deprecated {one.deprecated}[/]" if one.deprecated else one.description
        table.add_row(one.name, str(one.version), _how(one), one.unit, words)
    tools.out.print(table)
    old = sum(one.deprecated is not None for one in chosen)
    tools.out.print(
        f"\n{len(chosen)} features, {old} deprecated; catalogue {catalogue.version}", highlight=False
    )


@app.command()
def show(
    ctx: typer.Context, name: Annotated[str, typer.Argument(help="Name.")], as_json: Json = False
) -> None:
    """One feature in full."""
    tools = cli(ctx)
    catalogue = tools.tools.catalogue()
    one = _find(ctx, catalogue.definitions, name)
    if as_json:
        emit(_record(one, catalogue.version))
        return
    out = tools.out
    out.print(f"[bold]{one.name}[/]  version {one.version}", highlight=False)
    out.print(one.description, markup=False)
    if one.deprecated:
        out.print(f"[yellow]deprecated {one.deprecated}[/]", highlight=False)
    table = Table(show_header=False, show_edge=False, pad_edge=False)
    table.add_row("computed as", _how(one))
    table.add_row("of", "one lead" if one.scope == "lead" else "all leads of an account")
    table.add_row("events", ", ".join(one.kinds))
    table.add_row("subjects", ", ".join(one.subjects) or "any")
    table.add_row("unit", one.unit)
    table.add_row("catalogue", catalogue.version)
    out.print(table)


@app.command()
def lineage(
    ctx: typer.Context,
    lead: Annotated[str, typer.Argument(help="Lead id, or any key of the lead.")],
    name: Annotated[str, typer.Argument(help="Name of the feature.")],
    *,
    as_of: Annotated[str | None, typer.Option(help="As of this time (RFC 3339); default: now.")] = None,
    limit: Annotated[int, typer.Option(help="Signals to name at most.", min=1, max=1_000)] = 20,
    as_json: Json = False,
) -> None:
    """The value of a feature for a lead, and the signals behind it."""
    tools = cli(ctx)
    with _opened(tools) as home:
        one = _find(ctx, home.catalogue.definitions, name)
        moment = _moment(as_of, "--as-of") or home.clock.now()
        record = asyncio.run(_lineage(ctx, home, lead, one, as_of=moment, limit=limit))
    if as_json:
        emit(record)
    else:
        _tell_lineage(tools, one, record)


@app.command()
def export(
    ctx: typer.Context,
    *,
    as_of: Annotated[str, typer.Option(help="As of this time (RFC 3339).")],
    known_at: Annotated[
        str | None,
        typer.Option(help="Only with what was known by this time (RFC 3339); default: everything."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="FILE.parquet or FILE.jsonl; default: lines on stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The features of all leads as of a time: one row per lead, sorted by key, the same for the same signals.

    Leads are named by the keys that their sources use, so two homes can be compared; keys made from e-mail or
    phone are hashed under the home's own secret and differ between homes.
    """
    tools = cli(ctx)
    if out is not None and out.suffix not in (".parquet", ".jsonl"):
        raise BadInput(
            "--out", f"ends in {out.suffix or 'nothing'}", "name a file that ends in .parquet or .jsonl"
        )
    moment, known = _moment(as_of, "--as-of") or Instant(0), _moment(known_at, "--known-at")
    with _opened(tools) as home:
        from surfaces.features_matrix import (
            matrix,
            save,
        )  # polars is slow to import; only this command needs it

        table = asyncio.run(matrix(home, moment, known_at=known))
        version = home.catalogue.version
    if out is None:
        typer.echo(table.frame.write_ndjson(), nl=False)
    else:
        save(table.frame, out)
    summary = {
        "leads": table.frame.height,
        "as_of": iso(moment),
        "catalogue": version,
        "over_cap": table.over_cap,
    }
    if as_json and out is not None:
        emit({**summary, "file": str(out)})
    else:
        tools.err.print(
            f"{summary['leads']:,} leads as of {summary['as_of']}, catalogue {version}", highlight=False
        )
    if table.over_cap:
        tools.err.print(
            f"{table.over_cap:,} leads had more events than are kept: their values leave the oldest ones out",
            highlight=False,
        )


def _opened(tools: Cli) -> AbstractContextManager[Home]:
    return tools.open(exclusive=False)


def _find(ctx: typer.Context, definitions: Sequence[FeatureDef], name: str) -> FeatureDef:
    for one in definitions:
        if one.name == name:
            return one
    near = sorted(one.name for one in definitions if name in one.name or one.name in name)[:5]
    hint = f"is it {', '.join(near)}?" if near else "see `leadgraph features list`"
    return fail(ctx, f"no feature is called {name}; {hint}")


def _moment(text: str | None, option: str) -> Instant | None:
    if text is None:
        return None
    try:
        return instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise BadInput(option, "is not a time with a zone", "write e.g. 2024-03-01T09:00:00Z") from None


def _span(hours: int) -> str:
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"


def _how(one: FeatureDef) -> str:
    parts = [one.aggregate.value]
    if one.window_hours is not None:
        parts.append(f"in {_span(one.window_hours)}")
    if one.half_life_hours is not None:
        parts.append(f"half-life {_span(one.half_life_hours)}")
    return ", ".join(parts)


def _record(one: FeatureDef, catalogue: str) -> dict[str, object]:
    return {**one.model_dump(mode="json"), "catalogue": catalogue}


async def _lineage(
    ctx: typer.Context, home: Home, key: str, one: FeatureDef, *, as_of: Instant, limit: int
) -> dict[str, Any]:
    found = await home.reads.find_lead(home.tenant, key)
    lead = await home.reads.lead(home.tenant, found) if found is not None else None
    if lead is None:
        fail(ctx, f"no lead is known as {key}; try its id, or the key as the source sends it")
    if lead.suppressed:
        fail(ctx, "this lead was erased or must not be processed; nothing is computed for it")
    if one.scope == "account":
        members = await _members(ctx, home, lead)
        value = home.catalogue.account_values(members, as_of)[one.name]
    else:
        members = [lead]
        usable = Lawful(lead.events).of(as_of)
        value = home.catalogue.evaluate(usable, as_of, names=frozenset({one.name}))[one.name]
    events = tuple(sorted(event for member in members for event in Lawful(member.events).of(as_of)))
    refs, count = home.catalogue.lineage(one.name, events, as_of, limit=limit)
    return {
        "lead": lead.lead_id,
        "feature": one.name,
        "version": one.version,
        "catalogue": home.catalogue.version,
        "as_of": iso(as_of),
        "value": value,
        "unit": one.unit,
        "signal_count": count,
        "signals": _signals(refs, events, one),
    }


async def _members(ctx: typer.Context, home: Home, lead: LeadState) -> Sequence[LeadState]:
    if lead.account is None:
        fail(ctx, "this lead has no account, so it has no account features")
    return [one for one in await home.accounts.members(lead.tenant, lead.account) if not one.suppressed]


def _signals(refs: Sequence[str], events: Sequence[Event], one: FeatureDef) -> list[dict[str, object]]:
    """Of each signal the event that the feature looked at."""
    looked_at = {event.ref: event for event in events if _matters(event, one)}
    return [
        {
            "ref": ref,
            "at": iso(Instant(e.at)),
            "kind": e.kind,
            "subject": e.subject,
            "value": e.value,
            "amount": e.amount,
        }
        for ref in refs
        for e in [looked_at[ref]]
    ]


def _matters(event: Event, one: FeatureDef) -> bool:
    return event.kind in one.kinds and (not one.subjects or event.subject in one.subjects)


def _tell_lineage(tools: Cli, one: FeatureDef, record: dict[str, Any]) -> None:
    out = tools.out
    out.print(
        f"[bold]{one.name}[/] of {record['lead']} as of {record['as_of'][:16]}: "
        f"[bold]{_worded(one, record['value'])}[/]",
        highlight=False,
    )
    out.print(f"{one.description} ({_how(one)})", highlight=False, markup=False)
    if not record["signals"]:
        out.print("No signal is behind it.")
        return
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for title in ("when", "kind", "about", "signal"):
        table.add_column(title, overflow="fold")
    for signal in record["signals"]:
        about = " = ".join(text for text in (signal["subject"], signal["value"]) if text)
        table.add_row(signal["at"][:16], signal["kind"], about, signal["ref"])
    out.print(table)
    more = record["signal_count"] - len(record["signals"])
    if more > 0:
        out.print(f"and {more:,} more", highlight=False)


def _worded(one: FeatureDef, value: int | str | None) -> str:
    """A value as a person writes it: micro-units as a number with decimals."""
    if value is None:
        return "nothing is known"
    if isinstance(value, str):
        return value or "(empty)"
    if one.unit.startswith(MICRO_UNIT):
        return f"{value / MICRO:,.6g} {one.unit.removeprefix(MICRO_UNIT)}"
    return f"{value:,} {one.unit}"
