"""``leadgraph demo``: a made-up company's ninety days, replayed through the whole machine."""

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table

from domain.instants import DAY, Instant, iso
from domain.lead import Band
from domain.ports.home import Home
from graph.run import Ran
from surfaces.call_list import Board, DayList, hit_rate, perfect_rate, random_rate
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.demo_acts import act
from surfaces.cli.demo_acts import tell as tell_acts
from surfaces.cli.demo_past import Learnt, halves, learn
from surfaces.cli.demo_report import audit_trail, call_table, closing_words, learnt_words
from surfaces.dispatcher import Dispatcher
from surfaces.dispatcher import Tally as Delivered
from surfaces.door import Item
from surfaces.replay import Pace, Progress, replay, time_of
from surfaces.worker import Worker, deps_of

app = typer.Typer()
MARK = "made by leadgraph demo; deleted and made anew by it\n"
PAST_DAYS = 250
"""Days of last year's cohort: time enough for every lead of it to be won or not."""
LIVED = 7 * DAY
"""So long before the end the days are lived one by one; what came earlier is taken in as history, in one go."""
HISTORY = Pace(tick_us=400 * DAY, count=50_000, wake_us=DAY)
LIVE = Pace(tick_us=DAY, count=5_000)


@app.command()
def main(
    ctx: typer.Context,
    leads: Annotated[int, typer.Option(help="Leads of the made-up company.", min=50, max=20_000)] = 1_000,
    days: Annotated[int, typer.Option(help="Simulated days.", min=20, max=120)] = 90,
    seed: Annotated[int, typer.Option(help="Seed of the company.")] = 7,
    folder: Annotated[Path, typer.Option(help="Where the demo lives.")] = Path(".leadgraph-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Make a company, replay its signals, show whom to call today and how good such lists were."""
    tools = cli(ctx)
    _fresh(ctx, folder)
    tools.err.print(
        f"making a company of {2 * leads:,} leads (leadforge, seed {seed}): half of its accounts, dated a year "
        "earlier, are last year's cohort; the others are this year's"
    )
    tools.tools.make_company(folder / "company", leads=2 * leads, seed=seed)
    past, _ = halves(tools.tools.company_items(folder / "company", days=PAST_DAYS))
    _, items = halves(tools.tools.company_items(folder / "company", days=days))
    show = _Show(tools)
    with tools.open(virtual_clock=True, home=folder / "home") as home:
        tools.err.print("learning from last year's cohort: who was won, and what they had done by day 14")
        learnt = asyncio.run(learn(home, past))
        tools.err.print(
            f"replaying {days} days: {days - LIVED // DAY} as history in one go, the last {LIVED // DAY} day by day"
        )
        won = tools.tools.company_wins(folder / "company")
        result = asyncio.run(_run(home, items, show, won))
        result["learnt"] = dict(learnt.document)
        result["acted"] = asyncio.run(act(tools, home))
        if as_json:
            emit(result)
        else:
            asyncio.run(_tell(tools, home, show, result, folder, learnt))


def _fresh(ctx: typer.Context, folder: Path) -> None:
    mark = folder / "DEMO"
    if folder.exists() and not mark.is_file():
        fail(ctx, f"{folder} is there already and was not made by the demo; choose another with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.write_text(MARK, encoding="utf-8")


class _Show:
    """The live view, and the board from which lists are drawn at the end of each simulated day."""

    def __init__(self, tools: Cli) -> None:
        self.tools, self.board = tools, Board()
        self.days: list[DayList] = []
        self.live: Live | None = None
        self._day = 0

    def decided(self, ran: Ran) -> None:
        self.board.take(ran.decision)

    def told(self, progress: Progress) -> None:
        self._close_day(progress.now)
        if self.live is not None:
            self.live.update(self._table(progress))

    def _close_day(self, now: Instant) -> None:
        day = now // DAY
        if day > self._day:
            self._day = day
            pool = tuple(decision.lead_id for decision in self.board.open_leads())
            listed = tuple(decision.lead_id for decision in self.board.call_list())
            self.days.append(DayList(int(now), listed, pool))

    def _table(self, progress: Progress) -> Table:
        bands = self.board.bands()
        table = Table(show_header=True, box=None)
        for name in (
            "simulated day",
            "signals",
            "signals/s",
            "runs",
            "decisions",
            "actions",
            "hot",
            "warm",
            "cold",
        ):
            table.add_column(name, justify="right")
        rate = progress.signals / max(progress.seconds, 1e-9)
        table.add_row(
            iso(progress.now)[:10], f"{progress.signals:,}", f"{rate:,.0f}", f"{progress.worked.runs:,}",
            f"{progress.worked.decisions:,}", f"{progress.worked.actions:,}",
            *(f"{bands[band]:,}" for band in (Band.HOT, Band.WARM, Band.COLD)),
        )  # fmt: skip
        return table


async def _run(home: Home, items: list[Item], show: _Show, won: Mapping[str, int]) -> dict[str, Any]:
    clock: Any = home.clock
    worker = Worker(home, deps_of(home), decided=show.decided)
    dispatcher, delivered, progress = Dispatcher(home, home.targets), Delivered(), Progress()

    async def deliver() -> None:
        delivered.add(await dispatcher.drain())

    with Live(console=show.tools.err, refresh_per_second=4) as live:
        show.live = live
        for part, pace in _parts(items):
            await replay(
                home, worker, clock, part, pace=pace, told=show.told, progress=progress, then=deliver
            )
    await home.audit.sign_roots(now=clock.now())
    won_at = await _won(home, won)
    rate = hit_rate(show.days, won_at)
    counts = await home.reads.counts(home.tenant)
    return {
        "signals": progress.signals, "seconds": round(progress.seconds, 2),
        "signals_per_second": round(progress.signals / progress.seconds, 1),
        "leads": counts["leads"], "runs": progress.worked.runs, "decisions": progress.worked.decisions,
        "actions": progress.worked.actions, "bands": {band.value: n for band, n in show.board.bands().items()},
        "today": iso(clock.now())[:10], "call_today": [d.lead_id for d in show.board.call_list()],
        "lists": len(show.days),
        "hit_rate": {"value": round(rate.value, 1), "low": round(rate.low, 1), "high": round(rate.high, 1)},
        "random_rate": round(random_rate(show.days, won_at), 1),
        "perfect_rate": round(perfect_rate(show.days, won_at), 1),
        "delivered": delivered.document(),
        "counts": dict(counts),
    }  # fmt: skip


def _parts(items: list[Item]) -> list[tuple[list[Item], Pace]]:
    """The history, then the days that are lived."""
    start = max((time_of(item) or 0 for item in items), default=0) - LIVED
    live = next((n for n, item in enumerate(items) if (time_of(item) or 0) >= start), len(items))
    return [(items[:live], HISTORY), (items[live:], LIVE)]


async def _won(home: Home, keys: Mapping[str, int]) -> dict[str, int]:
    """Lead id -> Instant of the sale, from the whole simulated future; used to judge the lists, never to make them."""
    won: dict[str, int] = {}
    for key, at in keys.items():
        lead_id = await home.reads.find_lead(home.tenant, key)
        if lead_id is not None:
            won[lead_id] = at
    return won


async def _tell(
    tools: Cli, home: Home, show: _Show, result: dict[str, Any], folder: Path, learnt: Learnt
) -> None:
    out = tools.out
    out.print(
        f"\n[bold]{result['signals']:,}[/] signals of [bold]{result['leads']:,}[/] leads in {result['seconds']} s "
        f"({result['signals_per_second']:,}/s): {result['decisions']:,} decisions, {result['actions']:,} actions"
    )
    listed = show.board.call_list()
    out.print(await call_table(home, listed, result["today"]))
    rate = result["hit_rate"]
    out.print(
        f"[bold]Were such lists any good?[/] {result['lists']} daily lists of ten, judged by what happened later: "
        f"[bold]{rate['value']} %[/] of the leads on them were sold to (95 % interval {rate['low']}–{rate['high']}); "
        f"random lists of the same open leads: {result['random_rate']} %; "
        f"lists that knew the future: {result['perfect_rate']} %."
    )
    learnt_words(out, learnt)
    await tell_acts(tools, home, result["acted"])
    if listed:
        await audit_trail(tools, home, listed[0])
    closing_words(out, folder, listed)
