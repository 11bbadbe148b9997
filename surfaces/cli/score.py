"""``leadgraph score``: leads from a file, one lead as a person wants it, or all leads as of a time."""

import asyncio
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.audit import AuditEntry
from domain.errors import BadInput
from domain.ids import LeadId
from domain.instants import Instant, instant, iso
from domain.ports.home import Home
from graph.build import build_graph
from graph.deps import Collector
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.lead_card import show_card, show_step
from surfaces.door import Item, take
from surfaces.replay import DOOR_LIMIT, time_of
from surfaces.scoring import Scored, as_record, score_all, score_lead
from surfaces.worker import Worker, deps_of

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="JSON, JSONL or CSV of leads with their signals.")
    ] = None,
    lead: Annotated[str | None, typer.Option(help="One lead of the home, by id or any key.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All leads of the home.")] = False,
    as_of: Annotated[str | None, typer.Option(help="As of this time (RFC 3339); default: now.")] = None,
    watch: Annotated[bool, typer.Option(help="Show each transition of the graph as it happens.")] = False,
    bulk: Annotated[
        bool,
        typer.Option("--bulk", help="All leads at once; those whose band would change are decided anew."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --bulk: only count them.")] = False,
    features: Annotated[bool, typer.Option(help="Add the feature values to the output.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per lead on stdout.")] = False,
) -> None:
    """Score without committing anything to the home; --bulk only wakes leads, for the worker to decide."""
    tools = cli(ctx)
    if (file is not None) + (lead is not None) + every + bulk != 1:
        fail(ctx, "give one of: a file, --lead KEY, --all, --bulk")
    at = parse_time(as_of) if as_of else None
    view = _View(tools, as_json=as_json, features=features, watch=watch)
    if file is not None:
        with tools.tools.throw_away_home() as home:
            asyncio.run(_score_file(home, tools, file, at, view))
        return
    with tools.open() as home:
        moment = at or home.clock.now()
        if bulk:
            _sweep(home, tools, moment, wake=not dry_run, as_json=as_json)
        elif every:
            asyncio.run(_score_all(home, moment, view))
        elif lead is not None and not asyncio.run(_score_one(home, lead, moment, view)):
            fail(ctx, f"no lead is known as {lead}; try its id, or the key as the source sends it")


def _sweep(home: Home, tools: Cli, as_of: int, *, wake: bool, as_json: bool) -> None:
    from surfaces.rescoring import sweep  # here: Polars and NumPy take a while to import

    started = time.perf_counter()
    swept = asyncio.run(sweep(home, as_of, wake=wake))
    took = time.perf_counter() - started
    if as_json:
        emit({**asdict(swept), "as_of": iso(Instant(as_of)), "seconds": round(took, 3)})
        return
    by = ", ".join(f"{count:,} by {name}" for name, count in sorted(swept.models.items()))
    tools.out.print(f"{swept.leads:,} leads in {took:.1f} s ({by or 'none scored'})", highlight=False)
    done = f"{swept.woken:,} of them wait for the worker" if wake else "nothing was woken"
    tools.out.print(f"{swept.moves:,} would change band; {done}", highlight=False)
    if swept.unscored:
        tools.out.print(f"{swept.unscored:,} were left out: their model package is not here", highlight=False)


def parse_time(text: str) -> Instant:
    """An Instant from RFC 3339 text. Raises: BadInput."""
    try:
        return instant(datetime.fromisoformat(text))
    except ValueError:
        raise BadInput("--as-of", "is not a time with a zone", "write e.g. 2024-03-01T09:00:00Z") from None


class _View:
    """How results are shown."""

    def __init__(self, tools: Cli, *, as_json: bool, features: bool, watch: bool) -> None:
        self.tools, self.as_json, self.features, self.watch = tools, as_json, features, watch

    def line(self, scored: Scored) -> None:
        record = as_record(scored, features=self.features)
        if self.as_json:
            emit(record)
        else:
            self.tools.out.print(
                f"{record.get('points', '-'):>3}  {record['band']:<5} {record.get('intent', '-'):<12} "
                f"{record.get('verdict', '-'):<8} {', '.join(scored.keys)}",
                highlight=False, markup=False,
            )  # fmt: skip

    def step(self, entry: AuditEntry) -> None:
        if self.as_json:
            emit(
                {
                    "node": entry.step,
                    "code": entry.code,
                    "us": entry.duration_us,
                    "detail": dict(entry.detail),
                }
            )
        else:
            show_step(self.tools.out, entry)


async def _score_all(home: Home, as_of: int, view: _View) -> None:
    deps, graph = deps_of(home), build_graph()
    lines = [scored async for scored in score_all(home, graph, deps, as_of)]
    for scored in sorted(lines, key=lambda one: one.keys):
        view.line(scored)


async def _score_one(home: Home, key: str, as_of: int, view: _View) -> bool:
    lead_id = await home.reads.find_lead(home.tenant, key)
    if lead_id is None:
        return False
    scored = await _watched(home, LeadId(lead_id), as_of, view)
    if scored is None:
        return False
    if view.as_json:
        view.line(scored)
    else:
        await show_card(view.tools.out, home, scored, as_of)
    return True


async def _watched(home: Home, lead_id: LeadId, as_of: int, view: _View) -> Scored | None:
    collector = Collector(listen=view.step) if view.watch else None
    return await score_lead(home, build_graph(), deps_of(home), lead_id, as_of, collector=collector)


async def _score_file(home: Home, tools: Cli, file: Path, at: Instant | None, view: _View) -> None:
    """Fill a home that is thrown away afterwards, then score what is in it; what was refused is named."""
    items: list[Item] = list(tools.tools.read_leads(file))
    clock: Any = home.clock
    latest = max((time_of(item) or 0 for item in items), default=0)
    clock.advance(Instant(max(latest, at or 0)))
    for start in range(0, len(items), DOOR_LIMIT):
        taken = await take(home, items[start : start + DOOR_LIMIT])
        for position, reason in taken.quarantined:
            tools.err.print(f"line {position}: left out: {reason}", highlight=False, markup=False)
    await Worker(home, deps_of(home)).drain()
    moment = at or Instant(latest)
    tools.err.print(f"as of {iso(moment)}", highlight=False)
    if not view.watch:
        await _score_all(home, moment, view)
        return
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            scored = await _watched(home, lead.lead_id, moment, view)
            if scored is not None:
                view.line(scored)
