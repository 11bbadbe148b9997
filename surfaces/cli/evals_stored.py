"""Commands on what was run before: score again, compare, gate, report, make it the reference, check a file of cases."""

from pathlib import Path
from typing import Annotated, Any

import typer

from surfaces.cli.context import Exit, cli, emit

dataset = typer.Typer(no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Place = Annotated[Path, typer.Argument(help="Folder of a run, or a file of traces.", exists=True)]
Draws = Annotated[int, typer.Option(help="Bootstrap draws behind each interval.", min=100)]
Margin = Annotated[float, typer.Option(help="How much worse an AUC is still bearable.", min=0.0, max=0.5)]


def score(ctx: typer.Context, traces: Place, *, draws: Draws = 1_000, as_json: Json = False) -> None:
    """Score stored traces again; nothing is run."""
    from evals.runs import load_run

    _say(ctx, load_run(traces).document(draws=draws), as_json=as_json)


def compare(
    ctx: typer.Context,
    new: Place,
    old: Place,
    *,
    margin: Margin = 0.005,
    draws: Draws = 1_000,
    as_json: Json = False,
) -> None:
    """Two runs over the same cases: the difference, case by case, and whether it can be told from chance."""
    _say(ctx, _compared(new, old, margin, draws), as_json=as_json)


def gate(
    ctx: typer.Context,
    run: Place,
    *,
    against: Annotated[
        Path | None,
        typer.Option(help="The run to be no worse than; default: the reference, if there is one."),
    ] = None,
    margin: Margin = 0.005,
    draws: Draws = 1_000,
    as_json: Json = False,
) -> None:
    """May it be released? Exit 0: all gates pass. 2: one fails. 3: one cannot be told from so few cases."""
    from evals.runs import load_run, reference_of
    from evals.suites import scoring

    loaded = load_run(run)
    document = loaded.document(draws=draws)
    reference = against or reference_of(_home(ctx), loaded)
    gates = list(document["gates"])
    if against is not None or (reference.exists() and document["suite"] == scoring.SUITE):
        compared = _compared(run, reference, margin, draws)
        gates += [{**one, "name": f"reference_{one['name']}"} for one in compared["gates"]]
    answers = {one["answer"] for one in gates}
    worst = next((a for a in ("fail", "inconclusive", "pass") if a in answers), "inconclusive")
    answer = {**document, "gates": gates, "answer": worst}
    _say(ctx, answer, as_json=as_json)
    codes = {"pass": Exit.OK, "fail": Exit.GATE_FAILED, "inconclusive": Exit.NOT_ENOUGH_DATA}
    raise typer.Exit(int(codes[worst]))


def report(
    ctx: typer.Context,
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs.", exists=True)],
    *,
    out: Annotated[Path, typer.Option(help="Folder for report.html, report.md and junit.xml.")] = Path(
        "evals-report"
    ),
    as_json: Json = False,
) -> None:
    """One report of several runs: a page that needs nothing else, Markdown, JUnit."""
    from evals.runs import load_result, write_reports

    write_reports(out, [load_result(place) for place in runs])
    if as_json:
        emit({"folder": str(out), "runs": len(runs)})
    else:
        cli(ctx).out.print(f"{len(runs)} runs: {out / 'report.html'}", highlight=False)


def bless(ctx: typer.Context, run: Place, *, as_json: Json = False) -> None:
    """Make a run the reference that later ones are held against."""
    from evals.runs import bless as make

    place = make(run, _home(ctx))
    if as_json:
        emit({"reference": str(place)})
    else:
        cli(ctx).out.print(f"reference: {place}", highlight=False)


def langsmith(
    ctx: typer.Context,
    run: Place,
    *,
    upload: Annotated[bool, typer.Option("--upload", help="Send it, anonymised; needs a key.")] = False,
    key: Annotated[str | None, typer.Option(envvar="LANGSMITH_API_KEY", help="Key of LangSmith.")] = None,
    as_json: Json = False,
) -> None:
    """The same traces and scorers through LangSmith's runner: offline unless --upload is given."""
    from evals.langsmith_run import evaluate
    from evals.runs import load_run

    done = evaluate(load_run(run).traces, upload=upload, key=key)
    if as_json:
        emit(done.document())
        return
    out = cli(ctx).out
    out.print(
        f"{done.cases:,} cases, {'uploaded' if done.uploaded else 'nothing left this machine'}",
        highlight=False,
    )
    for name, value in done.means.items():
        out.print(f"  {name}: {value:.4f}", highlight=False)


@dataset.command("validate")
def validate(ctx: typer.Context, file: Place, as_json: Json = False) -> None:
    """Is a file of cases fit to judge by: schema, ids once each, no account in both parts?"""
    from evals.cases import card_of, checked, load_cases

    cases = checked(load_cases(file))
    card = card_of(cases, source=str(file), split="as the file says")
    if as_json:
        emit(card.model_dump(mode="json"))
        return
    out = cli(ctx).out
    out.print(f"{card.cases:,} cases of {card.accounts:,} accounts, {card.won:,} won", highlight=False)
    out.print(f"sha256 {card.sha256}", highlight=False)


def _compared(new: Path, old: Path, margin: float, draws: int) -> dict[str, Any]:
    from evals.compare import MARGINS
    from evals.compare import compare as compared
    from evals.runs import load_run

    one, two = load_run(new), load_run(old)
    return compared(one.traces, two.traces, margins={**MARGINS, "auc": margin}, draws=draws)


def _home(ctx: typer.Context) -> Path:
    home: Path = cli(ctx).tools.settings().settings.home
    return home


def _say(ctx: typer.Context, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        emit(document)
        return
    from surfaces.cli.evals_card import show

    show(cli(ctx).out, document)
