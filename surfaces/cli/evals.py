"""``leadgraph evals``: is the score good, does the machine behave, and is the new one better than the old?"""

from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import NotEnough
from surfaces.cli.context import Cli, Exit, cli, emit, fail
from surfaces.cli.evals_power import power, selftest
from surfaces.cli.evals_stored import bless, compare, dataset, gate, langsmith, report, score

app = typer.Typer(help="How good the score is, on what really happened.")
for command in (score, compare, gate, report, bless, langsmith, power, selftest):
    app.command(command.__name__)(command)
app.add_typer(dataset, name="dataset", help="Files of cases: are they fit to judge by?")


@app.command("run")
def run(
    ctx: typer.Context,
    suite: Annotated[
        str,
        typer.Argument(
            help="scoring, calibration, dynamic, policy, trajectories, rationale, robustness, parity, handoff, "
            "out_of_scope, intents, slots, injection, citations, faults, cost, smoke."
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="leadforge, x_education, online_shoppers, bpic2012, or home: the leads of this home; the suites that "
            "read text have sets of their own (docs/text.md)."
        ),
    ] = "leadforge",
    out: Annotated[Path | None, typer.Option(help="Folder for traces, result and reports.")] = None,
    companies: Annotated[int, typer.Option(help="Made-up companies, pooled.", min=1, max=20)] = 5,
    leads: Annotated[int, typer.Option(help="Leads of each.", min=200, max=20_000)] = 3_000,
    limit: Annotated[int, typer.Option(help="Cases of a suite that looks at behaviour.", min=1)] = 200,
    after: Annotated[
        int, typer.Option(help="Home: hours from a lead's first signal to its score.", min=0)
    ] = 336,
    horizon: Annotated[
        int, typer.Option(help="Home: days from there within which a sale counts.", min=1)
    ] = 76,
    gain: Annotated[float, typer.Option(help="What a sale brings, for the expected profit.", min=0.01)] = 4.0,
    cost: Annotated[float, typer.Option(help="What working a lead costs, in the same money.", min=0.0)] = 1.0,
    draws: Annotated[int, typer.Option(help="Bootstrap draws behind each interval.", min=100)] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of samples and draws.")] = 0,
    gated: Annotated[
        bool, typer.Option("--gate", help="Exit 2 if a gate fails, 3 if one cannot tell.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per run on stdout.")] = False,
) -> None:
    """Run a suite and say what it found, each figure with its 95 % interval."""
    from evals.runs import save_run
    from learning.rows import Question
    from surfaces.cli.evals_suites import Wish, runs

    tools = cli(ctx)
    wish = Wish(
        suite=suite, dataset=dataset, question=Question(after, horizon), seeds=tuple(range(1, companies + 1)),
        leads=leads, limit=limit, seed=seed, costs={"gain": gain, "cost": cost},
    )  # fmt: skip
    answers = []
    try:
        with tools.err.status(f"{suite} …") as status:
            for made in runs(tools, wish, lambda words: status.update(f"{words} …")):
                document = made.document(draws=draws, seed=seed)
                answers.append(str(document["answer"]))
                if out is not None:
                    save_run(out, made, document)
                _show(tools, document, as_json=as_json)
    except NotEnough as problem:
        fail(ctx, str(problem), Exit.NOT_ENOUGH_DATA)
    if gated:
        raise typer.Exit(int(exit_of(answers)))


def exit_of(answers: list[str]) -> Exit:
    """2 if anything failed, 3 if anything could not be told, else 0; what has no gate counts for nothing."""
    if "fail" in answers:
        return Exit.GATE_FAILED
    return Exit.NOT_ENOUGH_DATA if "inconclusive" in answers else Exit.OK


def _show(tools: Cli, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    from surfaces.cli.evals_card import show

    show(tools.out, document)
