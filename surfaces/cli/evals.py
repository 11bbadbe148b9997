"""``leadgraph evals``: how good the score is, on what really happened."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from domain.lead import LeadState
from domain.ports.home import Home
from evals.ranking import Question, rank
from graph.build import build_graph
from graph.run import run_lead
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.replay import Pace, replay
from surfaces.scoring import question as asking
from surfaces.worker import Worker, deps_of

app = typer.Typer(help="How good the score is, on what really happened.")


@app.command("run")
def run(
    ctx: typer.Context,
    suite: Annotated[
        str, typer.Argument(help="ranking: does the score put winners before losers?")
    ] = "ranking",
    here: Annotated[bool, typer.Option("--home", help="Judge the leads of this home.")] = False,
    after: Annotated[int, typer.Option(help="Hours from a lead's first signal to its score.", min=1)] = 14
    * 24,
    horizon: Annotated[int, typer.Option(help="Days within which a sale counts.", min=1)] = 90,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Score each open lead as of a time, with only what was known then, and compare with the outcome.

    Without --home a made-up company is replayed first. Exit code 3 if there are too few outcomes.
    """
    tools = cli(ctx)
    if suite != "ranking":
        raise typer.BadParameter(f"{suite} is not a suite; there is: ranking")
    question = Question(after, horizon)
    if here:
        with tools.open() as home:
            result = asyncio.run(_rank(home, question)) | {"dataset": "home"}
    else:
        result = _made_up(tools, question)
    if as_json:
        emit(result)
    else:
        _tell(tools, result)
    if result["metrics"]["auc"]["value"] is None:
        raise typer.Exit(int(Exit.NOT_ENOUGH_DATA))


def _made_up(tools: Cli, question: Question) -> dict[str, Any]:
    with TemporaryDirectory(prefix="leadgraph-evals-") as scratch:
        folder = Path(scratch)
        tools.tools.make_company(folder / "company", leads=1_000, seed=11)
        items = tools.tools.company_items(folder / "company", days=200)
        with tools.open(virtual_clock=True, home=folder / "home") as home:
            return asyncio.run(_filled(home, items, question)) | {
                "dataset": "leadforge, seed 11, 1,000 leads"
            }


async def _filled(home: Home, items: Any, question: Question) -> dict[str, Any]:
    clock: Any = home.clock
    worker = Worker(home, deps_of(home))
    # One pass at the end is enough: scores as of a time do not depend on when the worker ran.
    await replay(home, worker, clock, items, pace=Pace(tick_us=10**15, count=10**9), told=lambda _: None)
    return await _rank(home, question)


async def _rank(home: Home, question: Question) -> dict[str, Any]:
    deps, graph = deps_of(home), build_graph()

    async def points_at(lead: LeadState, as_of: int) -> int:
        ran = await run_lead(graph, deps, await asking(home, lead, as_of))
        return ran.decision.score.points if ran.decision.score else 0

    ranked = await rank(home, question, points_at)
    scorer = {"scorer": home.scorer.name, "version": home.scorer.version}
    return (
        ranked.document()
        | scorer
        | {"after_hours": question.after_hours, "horizon_days": question.horizon_days}
    )


def _tell(tools: Cli, result: dict[str, Any]) -> None:
    auc = result["metrics"]["auc"]
    out = tools.out
    out.print(
        f"{result['dataset']}: {result['n']:,} open leads scored {result['after_hours']} h after their first signal, "
        f"{result['won']:,} won within {result['horizon_days']} days",
        highlight=False,
    )
    if auc["value"] is None:
        out.print("too few outcomes for a figure")
    else:
        out.print(
            f"AUC of {result['scorer']}: [bold]{auc['value']:.3f}[/] (95 % interval {auc['low']:.3f}–{auc['high']:.3f})"
        )
    out.print(
        f"left out: {result['closed_before']:,} closed before, {result['unfinished']:,} with an unfinished horizon"
    )
