"""``leadgraph models rollout``: a challenger goes through stages, or is stopped by what the canary shows."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from domain.ports.home import Home
from domain.ports.models import Models
from domain.rollout import DEFAULT_STAGES, EVERYWHERE, Stage
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.model_moves import moved

app = typer.Typer(help="A canary in stages, watched by guards.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, in a sentence; kept in the history.")]
By = Annotated[str | None, typer.Option("--by", help="Who decided this; left out = who runs the command.")]


@app.command("start")
def start(
    ctx: typer.Context,
    *,
    version: Annotated[str, typer.Argument(help="Version of a package.")],
    comment: Comment,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            help="share[:regions[:accounts[:days[:outcomes]]]], share per mille, regions by +; may be repeated, "
            "such as 50:eu:100:3 250:*:400:7:50. Left out: three stages."
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option(help="Overrule the gates; on record, with the comment as reason.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Begin a canary with the first stage. The package must pass its gates. Exit codes 2 and 3 if it does not."""
    from surfaces.cli.models import evidence_for, said, tell_change

    tools = cli(ctx)
    stages = tuple(stage_from(text) for text in stage) if stage else DEFAULT_STAGES
    with tools.open() as home, tools.err.status("judging"):
        models = _models(home)
        evidence = evidence_for(home, version, regions_of(stages))
        try:
            pending = models.start(
                version, stages, evidence=evidence, force=force, **said(tools, home, by, comment)
            )
        except BadInput as refused:
            if not refused.code.startswith("gate:"):
                raise
            tools.err.print(str(refused), highlight=False, markup=False)
            failed = evidence.answer == "fail"
            raise typer.Exit(int(Exit.GATE_FAILED if failed else Exit.NOT_ENOUGH_DATA)) from None
        change = asyncio.run(moved(models, home.audit, pending))
    tell_change(tools, change, as_json=as_json)


@app.command("status")
def status(ctx: typer.Context, as_json: AsJson = False) -> None:
    """How the canary stands: its stage, what was seen, how near each guard is to breaking."""
    from surfaces.rollout import look

    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        models = _models(home)
        running = models.standing().rollout
        found = asyncio.run(look(home, models))
    if running is None or found is None:
        _idle(tools, as_json=as_json)
        return
    judged, seen = found
    document: dict[str, Any] = {
        "challenger": running.challenger, "stage": running.stage + 1, "stages": len(running.stages),
        "now": running.now.document(), "accounts": len(seen.units), "outcomes": len(seen.outcomes),
        **judged.document(),
    }  # fmt: skip
    if as_json:
        emit(document)
        return
    tools.out.print(
        f"{running.challenger}: stage {running.stage + 1} of {len(running.stages)}, {running.now.share / 10:g} % in "
        f"{', '.join(running.now.regions)}", highlight=False,
    )  # fmt: skip
    _tell(tools, judged.document())


@app.command("step")
def step_command(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Judge the canary and act on it: stop and go back, go on a stage, or wait. Exit code 2 if it was stopped.

    A worker does this by itself every ten minutes; this is for a scheduler where none runs.
    """
    from surfaces.rollout import step

    tools = cli(ctx)
    with tools.open() as home:
        done = asyncio.run(step(home, _models(home)))
    if done is None:
        _idle(tools, as_json=as_json)
        return
    if as_json:
        emit(done.document())
    else:
        _tell(tools, done.document())
    if done.judged.move == "stop":
        raise typer.Exit(int(Exit.GATE_FAILED))


@app.command("stop")
def stop(ctx: typer.Context, *, comment: Comment, by: By = None, as_json: AsJson = False) -> None:
    """End the canary: its leads go back to the champion with their next run."""
    from surfaces.cli.models import made, said, tell_change

    tools = cli(ctx)
    with tools.open() as home:
        change = made(home, _models(home).stop(detail={}, **said(tools, home, by, comment)))
    tell_change(tools, change, as_json=as_json)


def regions_of(stages: Sequence[Stage]) -> tuple[str, ...]:
    """Where the challenger would be champion in the end: there it is judged."""
    found = tuple(dict.fromkeys(region for stage in stages for region in stage.regions))
    return (EVERYWHERE,) if EVERYWHERE in found else found


def stage_from(text: str) -> Stage:
    """A stage as written on the command line. Raises: BadInput.

    >>> stage_from("50:eu+uk:100:3").regions
    ('eu', 'uk')
    """
    parts = text.split(":")
    share, regions, counts = parts[0], parts[1] if len(parts) > 1 else EVERYWHERE, parts[2:]
    if len(counts) > 3 or not all(part.isdigit() for part in (share, *counts)):
        raise BadInput(
            "stage",
            f"cannot read {text!r}",
            "write share:regions:accounts:days:outcomes, such as 50:eu:100:3",
        )
    names = ("units", "days", "outcomes")
    told: dict[str, Any] = dict(zip(names, map(int, counts), strict=False))
    return Stage(int(share), tuple(regions.split("+")), **told)


def _models(home: Home) -> Models:
    from surfaces.cli.models import models_of

    return models_of(home)


def _idle(tools: Cli, *, as_json: bool) -> None:
    if as_json:
        emit({"move": "none", "words": "no rollout is under way"})
    else:
        tools.out.print("no rollout is under way", highlight=False)


def _tell(tools: Cli, document: dict[str, Any]) -> None:
    tools.out.print(f"{document['move']}: {document['words']}", highlight=False, markup=False)
    for guard in document["guards"]:
        tools.out.print(f"  {guard['name']:12} stake {guard['stake']:>9.2f} of {guard['limit']:.0f}   {guard['words']}",
                        highlight=False, markup=False)  # fmt: skip
