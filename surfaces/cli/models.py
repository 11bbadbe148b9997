"""``leadgraph models``: train on the home's own past, look, compare, promote past the gates, roll out, go back."""

import asyncio
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape
from rich.table import Column, Table

from domain.errors import BadInput, NotEnough
from domain.instants import Instant, iso
from domain.model_shelf import Change, Evidence, Pending
from domain.ports.home import Home
from domain.ports.models import Models
from domain.rollout import BASELINE, EVERYWHERE
from surfaces.cli import models_mlflow, models_rollout
from surfaces.cli.context import Cli, Exit, cli, emit, fail
from surfaces.model_moves import moved

app = typer.Typer(help="Model packages: train, compare, promote, roll out, roll back.")
app.add_typer(models_rollout.app, name="rollout", help="A canary in stages, watched by guards.")
app.command("push")(models_mlflow.push)
app.command("pull")(models_mlflow.pull)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, in a sentence; kept in the history.")]
By = Annotated[str | None, typer.Option("--by", help="Who decided this; left out = who runs the command.")]
Version = Annotated[str, typer.Argument(help="Version of a package, 12 hex digits.")]
Regions = Annotated[list[str] | None, typer.Option("--region", help="Only there; may be repeated.")]
Force = Annotated[bool, typer.Option(help="Overrule the gates; on record, with the comment as the reason.")]


@app.command("train")
def train(
    ctx: typer.Context,
    after: Annotated[int, typer.Option(min=0, help="Age of a lead in hours at which it is decided.")] = 24,
    horizon: Annotated[int, typer.Option(min=1, help="Won within so many days of that counts.")] = 90,
    family: Annotated[
        list[str] | None, typer.Option(help="logistic, lightgbm, ebm; default the first two.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Same rows and seed, same package.")] = 0,
    comment: Comment = "trained",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make a package of the home's leads, events and outcomes; it scores nothing before it is promoted.

    Exit code 3 with too few leads or wins: the baseline stays.
    """
    from learning.rows import Question
    from surfaces.training import made_from, past_of

    tools = cli(ctx)
    families: Any = tuple(family or ("logistic", "lightgbm"))
    with tools.open() as home, tools.err.status("training"):
        past = asyncio.run(past_of(home))
        try:
            made = made_from(home, past, Question(after, horizon), families=families, seed=seed)
        except NotEnough as short:
            _too_few(tools, home, short, as_json=as_json)
        models = models_of(home)
        pending = models.register(
            made.trained.package, made.trained.files, split=made.split,
            who=by or tools.tools.user_name(), at=home.clock.now(), comment=comment,
        )  # fmt: skip
        if pending is not None:
            asyncio.run(moved(models, home.audit, pending))
        version = pending.change.version if pending else models.version_of(made.trained.package)
    document = {
        "version": version,
        "new": pending is not None,
        "not_a_lead": past.no_leads,
        **made.document(),
    }
    document["metrics"] = {name: one.model_dump() for name, one in made.trained.package.metrics.items()}
    if as_json:
        emit(document)
        return
    tools.out.print(
        f"package {version} ({made.trained.package.family}) of {document['rows']:,} leads, {document['won']:,} won; "
        f"the newest were held out by {made.split}", highlight=False,
    )  # fmt: skip
    tools.out.print(f"it scores nothing yet: leadgraph models promote {version} --comment …", highlight=False)


def _too_few(tools: Cli, home: Home, short: NotEnough, *, as_json: bool) -> NoReturn:
    champion = models_of(home).standing().lineup(EVERYWHERE).champion
    stays = f"package {champion}" if champion else f"the baseline {home.scorer.version}"
    if as_json:
        emit({"code": short.code, "have": short.have, "need": short.need, "stays": champion or "baseline"})
    tools.err.print(f"{short}; {stays} stays", highlight=False, markup=False)
    raise typer.Exit(int(Exit.NOT_ENOUGH_DATA))


@app.command("list")
def list_models(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Every package, and what each is now."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        models = models_of(home)
        rows = [_row(models, version) for version in models.versions()]
        champions = dict(models.standing().champions)
    if as_json:
        emit({"champions": champions or {EVERYWHERE: "baseline"}, "packages": rows})
        return
    table = Table(
        Column("version", no_wrap=True), "is", "family", "leads", "won", "AUC on later leads", "trained up to"
    )
    for row in rows:
        auc = row["auc"]
        shown = "-" if auc["value"] is None else f"{auc['value']:.3f} ({auc['low']:.3f} to {auc['high']:.3f})"
        table.add_row(
            row["version"], ", ".join(row["is"]) or "-", row["family"], f"{row['cases']:,}", f"{row['won']:,}",
            shown, row["trained_at"][:10],
        )  # fmt: skip
    tools.out.print(table)
    if not champions:
        tools.out.print("champion everywhere: the baseline", highlight=False)


def _row(models: Models, version: str) -> dict[str, Any]:
    stored = models.stored(version)
    if stored is None:
        raise BadInput("version", f"{version} is registered, but not there", "restore it from a backup")
    package, standing = stored.package, models.standing()
    roles = [f"champion {region}" for region, named in standing.champions.items() if named == version]
    roles += [f"shadow {region}" for region, named in standing.shadows.items() if named == version]
    if standing.rollout is not None and standing.rollout.challenger == version:
        roles.append(f"challenger, stage {standing.rollout.stage + 1} of {len(standing.rollout.stages)}")
    auc = package.metrics.get("auc")
    return {
        "version": version, "is": roles, "family": package.family, "cases": package.cases, "won": package.won,
        "after_hours": package.after_hours, "horizon_days": package.horizon_days,
        "auc": auc.model_dump() if auc else {"value": None, "low": None, "high": None},
        "trained_at": iso(Instant(package.trained_at)),
    }  # fmt: skip


@app.command("show")
def show(ctx: typer.Context, version: Version, as_json: AsJson = False) -> None:
    """The card of a package: what for, from what, how good, its limits."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        models = models_of(home)
        stored = models.stored(version)
        if stored is None:
            fail(ctx, f"there is no package {escape(version)}; see: leadgraph models list")
        row = _row(models, version)
        changes = [change.document() for change in models.history() if change.version == version]
    if as_json:
        emit({**row, "manifest": stored.package.model_dump(mode="json"), "history": changes})
        return
    card = stored.files.get("card.md", b"this package has no card").decode()
    tools.out.print(card, highlight=False, markup=False)
    for change in changes:
        tools.out.print(f"{change['at'][:16]} {change['what']} by {change['who']}: {change['comment']}",
                        highlight=False, markup=False)  # fmt: skip


@app.command("compare")
def compare_command(
    ctx: typer.Context,
    version: Version,
    other: Annotated[
        str | None, typer.Argument(help="Default: the champion; baseline for the rules.")
    ] = None,
    region: Regions = None,
    as_json: AsJson = False,
) -> None:
    """Two scorers on the same leads, of which neither was made. Exit code 2 if a gate fails, 3 if too few to tell."""
    from surfaces.training import compare, past_of

    tools = cli(ctx)
    regions = tuple(region or (EVERYWHERE,))
    with tools.open(exclusive=False) as home, tools.err.status("comparing"):
        models = models_of(home)
        against = other or champion_of(models, regions)
        result = compare(home, models, asyncio.run(past_of(home)), version, against, regions=regions)
    if as_json:
        emit(result.document())
    else:
        tools.out.print(
            f"{result.n:,} leads, {result.won:,} won: {version} against {result.names[1]}", highlight=False
        )
        _tell_gates(tools, result.evidence)
    _leave(result.evidence)


@app.command("promote")
def promote(
    ctx: typer.Context, *, version: Version, comment: Comment, region: Regions = None, force: Force = False,
    by: By = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Make a package champion, if it passes its gates against the present one. Exit codes 2 and 3 as `compare`."""
    tools = cli(ctx)
    regions = tuple(region or (EVERYWHERE,))
    with tools.open() as home, tools.err.status("judging"):
        models = models_of(home)
        evidence = evidence_for(home, version, regions)
        try:
            pending = models.promote(
                version, evidence=evidence, regions=regions, force=force, **said(tools, home, by, comment)
            )
        except BadInput as refused:
            _refuse(tools, refused, evidence, as_json=as_json)
            raise
        change = asyncio.run(moved(models, home.audit, pending))
    tell_change(tools, change, as_json=as_json)


def _refuse(tools: Cli, refused: BadInput, evidence: Evidence, *, as_json: bool) -> None:
    """Leave with the gates' answer, if they are why."""
    if not refused.code.startswith("gate:"):
        return
    if as_json:
        emit({"promoted": False, **evidence.document()})
    else:
        _tell_gates(tools, evidence)
    tools.err.print(str(refused), highlight=False, markup=False)
    _leave(evidence)


@app.command("rollback")
def rollback(
    ctx: typer.Context, comment: Comment = "rolled back", by: By = None, as_json: AsJson = False
) -> None:
    """Bring the champions back that stood before the last promotion; again goes one further back."""
    tools = cli(ctx)
    with tools.open() as home:
        change = made(home, models_of(home).rollback(**said(tools, home, by, comment)))
    tell_change(tools, change, as_json=as_json)


@app.command("shadow")
def shadow(
    ctx: typer.Context, *, version: Annotated[str, typer.Argument(help="A package, or none.")], comment: Comment,
    region: Regions = None, by: By = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Let a package score beside, into the audit log only; `none` ends it."""
    tools = cli(ctx)
    wanted = BASELINE if version == "none" else version
    with tools.open() as home:
        told = said(tools, home, by, comment)
        change = made(home, models_of(home).shadow(wanted, regions=tuple(region or (EVERYWHERE,)), **told))
    tell_change(tools, change, as_json=as_json)


@app.command("history")
def history(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Who changed what, when and why; the newest first."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        changes = list(reversed(models_of(home).history()))
    if as_json:
        emit({"changes": [change.document() for change in changes]})
        return
    table = Table("version", "what", "where", "when", "who", "why")
    for change in changes:
        when = iso(Instant(change.at))[:16].replace("T", " ")
        what = change.what.replace("_", " ") + (" by force" if change.detail.get("forced") else "")
        table.add_row(
            change.version or "baseline",
            what,
            ", ".join(change.regions),
            when,
            escape(change.who),
            escape(change.comment),
        )
    tools.out.print(table)


@app.command("outcomes")
def outcomes(
    ctx: typer.Context,
    horizon: Annotated[
        int, typer.Option(min=1, help="Days from the first decision within which a sale counts.")
    ] = 90,
    spend: Annotated[
        float | None, typer.Option(min=0, help="Money of the last 30 days; without it no cost.")
    ] = None,
    value: Annotated[
        float | None, typer.Option(min=0, help="Value of a won lead; without it no ROI.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Win rate, velocity and cycle time by band and version; uplift and ROI from the hold-out alone."""
    from surfaces.business import Money, business_of

    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found = asyncio.run(business_of(home, horizon_days=horizon, money=Money(spend, value)))
    if as_json:
        emit(found.document())
        return
    table = Table("version", "band", "cases", "closed", "won", "win rate", "days to a sale")
    for group in found.groups:
        table.add_row(
            group.version, group.band, f"{group.cases:,}", f"{group.closed:,}", f"{group.won:,}",
            _shown(group.win_rate, "{:.1%}"), _shown(group.cycle_days, "{:.0f}"),
        )  # fmt: skip
    tools.out.print(table)
    told = found.document()
    tools.out.print(f"qualified in 30 days: {found.velocity.now:,}, in the 30 before: {found.velocity.before:,}; "
                    f"cost of one: {told['cost_per_qualified_lead']}", highlight=False)  # fmt: skip
    tools.out.print(f"uplift {found.uplift.words}; ROI {told['roi']}", highlight=False)


def models_of(home: Home) -> Models:
    """The registry of a home. Raises: BadInput if it has none."""
    if home.models is None:
        raise BadInput("home", "has no registry of models", "open it with this software")
    return home.models


def champion_of(models: Models, regions: tuple[str, ...]) -> str:
    """The champion of all of `regions`. Raises: BadInput if they have different ones."""
    found = {models.standing().lineup(region).champion for region in regions}
    if len(found) > 1:
        raise BadInput("--region", "have different champions", "judge one region at a time")
    return found.pop()


def evidence_for(home: Home, version: str, regions: tuple[str, ...]) -> Evidence:
    """The gates of a package against the champion of `regions`, on their leads."""
    from surfaces.training import compare, past_of

    models = models_of(home)
    champion = champion_of(models, regions)
    return compare(home, models, asyncio.run(past_of(home)), version, champion, regions=regions).evidence


def said(tools: Cli, home: Home, by: str | None, comment: str) -> dict[str, Any]:
    """Who, when and why."""
    return {"who": by or tools.tools.user_name(), "at": home.clock.now(), "comment": comment}


def made(home: Home, pending: Pending) -> Change:
    """A prepared change, on record and in force."""
    return asyncio.run(moved(models_of(home), home.audit, pending))


def tell_change(tools: Cli, change: Change, *, as_json: bool) -> None:
    """What was changed."""
    if as_json:
        emit(change.document())
        return
    forced = ", against its gates" if change.detail.get("forced") else ""
    tools.out.print(f"{change.what.replace('_', ' ')}: {change.version or 'baseline'} in {', '.join(change.regions)}, "
                    f"before {change.previous or 'baseline'}{forced}", highlight=False)  # fmt: skip


def _tell_gates(tools: Cli, evidence: Evidence) -> None:
    for gate in evidence.gates:
        tools.out.print(f"  {gate['answer']:12} {gate['words']}", highlight=False, markup=False)


def _leave(evidence: Evidence) -> None:
    if evidence.answer == "fail":
        raise typer.Exit(int(Exit.GATE_FAILED))
    if evidence.answer == "inconclusive":
        raise typer.Exit(int(Exit.NOT_ENOUGH_DATA))


def _shown(told: tuple[float, float, float] | None, form: str) -> str:
    if told is None:
        return "insufficient data"
    return f"{form.format(told[0])} ({form.format(told[1])} to {form.format(told[2])})"
