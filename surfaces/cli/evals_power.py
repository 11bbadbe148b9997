"""How many cases it takes to see a difference, and whether the statistics keep their promise."""

from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from surfaces.cli.context import Exit, cli, emit

Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


def power(
    ctx: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(help="Folder of a scoring run: takes the spread of its differences.", exists=True),
    ] = None,
    *,
    difference: Annotated[float, typer.Option(help="The difference of AUC to be seen.", min=1e-4)] = 0.01,
    wanted: Annotated[
        float, typer.Option("--power", help="How often it is to be seen.", min=0.5, max=0.99)
    ] = 0.8,
    base_rate: Annotated[float, typer.Option(help="Without a run: share of leads that are won.")] = 0.2,
    auc: Annotated[float, typer.Option(help="Without a run: AUC of about.")] = 0.75,
    correlation: Annotated[float, typer.Option(help="Without a run: how alike the two scores rank.")] = 0.8,
    as_json: Json = False,
) -> None:
    """Cases needed to see a difference between two scores on the same leads."""
    from learning.gates import auc_difference_se, needed

    if run is None:
        n = 1_000
        spread = {"two scores": auc_difference_se(n, base_rate, auc, correlation=correlation)}
    else:
        n, spread = _spread_of(run)
    told = {name: needed(se, n, difference, power=wanted) for name, se in spread.items()}
    if as_json:
        emit(
            {"difference": difference, "power": wanted, "cases": told, "from": str(run) if run else "formula"}
        )
        return
    for name, cases in told.items():
        cli(ctx).out.print(
            f"{name}: {cases:,} cases to see a difference of {difference} in AUC {wanted:.0%} of the time",
            highlight=False,
        )


def _spread_of(run: Path) -> tuple[int, dict[str, float]]:
    """Cases of the run, and the standard error of its difference to each baseline. Raises: BadInput."""
    from evals.runs import load_result

    document: dict[str, Any] = load_result(run)
    found = {name: by["auc"].get("se") for name, by in document.get("differences", {}).items()}
    spread = {f"against {name}": float(se) for name, se in found.items() if se}
    if not spread:
        raise BadInput(str(run), "holds no differences", "name a run of the scoring suite")
    return int(document["n"]), spread


def selftest(
    ctx: typer.Context,
    *,
    pairs: Annotated[int, typer.Option(help="Simulated pairs of equally good scores.", min=20)] = 500,
    draws: Annotated[int, typer.Option(help="Bootstrap draws behind each interval.", min=100)] = 1_000,
    seed: Annotated[int, typer.Option(help="Seed of the simulation.")] = 0,
    as_json: Json = False,
) -> None:
    """Do intervals cry wolf as rarely as they say? Exit 2 if false alarms are not 5 % within 2 points."""
    from learning.gates import selftest as simulated

    found = simulated(pairs, draws=draws, seed=seed)
    rate = found.false_alarms / found.pairs
    kept = abs(rate - 0.05) <= 0.02
    if as_json:
        emit({**found.document(), "answer": "pass" if kept else "fail"})
    else:
        cli(ctx).out.print(
            f"{found.pairs:,} pairs of equally good scores: {rate:.1%} false alarms (5 % are promised); worse by "
            f"exactly the margin passed {found.passed_at_the_margin / found.pairs:.1%} of the time (2.5 %)",
            highlight=False,
        )
    if not kept:
        raise typer.Exit(int(Exit.GATE_FAILED))
