"""``leadgraph policy``: check decision tables, try them on what was decided, make them active, go back."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from domain.audit import AuditEntry
from domain.instants import Instant, iso
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.policy_diff import Simulation, simulate
from surfaces.recorded import recorded

app = typer.Typer(help="Check, simulate, promote and roll back decision tables.")

Folder = Annotated[Path, typer.Argument(help="Folder with the tables of a policy.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Comment = Annotated[str, typer.Option("--comment", help="Why, in a sentence; kept in the history.")]
By = Annotated[str | None, typer.Option("--by", help="Who decided this; left out = who runs the command.")]


@app.command("check")
def check(
    ctx: typer.Context,
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of tables; left out = the configured one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find every mistake in the tables at once, and rules without an example. Exit code 2 for mistakes."""
    tools = cli(ctx)
    report = tools.tools.check_policy(folder or tools.tools.policy_folder)
    if as_json:
        emit(_report_document(report))
    else:
        _tell_report(tools, report)
    if report.problems:
        raise typer.Exit(int(Exit.GATE_FAILED))


@app.command("simulate")
def simulate_command(
    ctx: typer.Context,
    folder: Folder,
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many decisions, the oldest first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Review recorded decisions under other tables: which verdicts would change, from what to what.

    Nothing is stored or sent. Exit code 2 if the tables have mistakes.
    """
    tools = cli(ctx)
    policy = _loaded(tools, folder, as_json=as_json)
    with tools.open(exclusive=False) as home:
        with tools.err.status("reviewing recorded decisions"):
            result = asyncio.run(simulate(recorded(home, limit), policy))
        active = home.policy.version
    if as_json:
        emit({"active": active, **result.document()})
    else:
        _tell_simulation(tools, result, active)


@app.command("promote")
def promote(
    ctx: typer.Context, *, folder: Folder, comment: Comment, by: By = None, as_json: AsJson = False
) -> None:
    """Make the tables in FOLDER the active version for runs from now on. Exit code 2 for mistakes."""
    tools = cli(ctx)
    _loaded(tools, folder, as_json=as_json)
    _change(ctx, lambda shelf, told: shelf.promote(folder, comment=comment, **told), by=by, as_json=as_json)


@app.command("rollback")
def rollback(
    ctx: typer.Context,
    comment: Comment = "rolled back",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make the version active again that was active before the present one."""
    _change(ctx, lambda shelf, told: shelf.rollback(comment=comment, **told), by=by, as_json=as_json)


@app.command("history")
def history(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Which version was made active when, by whom and why; the newest first."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        shelf = tools.tools.policy_shelf(home)
        changes, active = list(reversed(shelf.history())), shelf.active_version()
    if as_json:
        emit({"active": active, "changes": [change.document() for change in changes]})
        return
    table = Table("", "version", "what", "when", "who", "why")
    for change in changes:
        mark = "active" if change is changes[0] else ""
        when = iso(Instant(change.at))[:16].replace("T", " ")
        table.add_row(
            mark,
            change.version,
            change.what.replace("_", " "),
            when,
            escape(change.who),
            escape(change.comment),
        )
    tools.out.print(table)


def _change(
    ctx: typer.Context, change: Callable[[Any, dict[str, Any]], Any], *, by: str | None, as_json: bool
) -> None:
    """Run one change of the shelf; its audit row is durable before the change takes effect."""
    tools = cli(ctx)
    with tools.open(given={"beside": False}) as home:  # a running worker would go on under the old tables

        def record(entry: AuditEntry) -> None:
            asyncio.run(_append(home, entry))

        told = {"who": by or tools.tools.user_name(), "at": home.clock.now(), "record": record}
        made = change(tools.tools.policy_shelf(home), told)
    if as_json:
        emit(made.document())
    else:
        was = f", before {made.previous}" if made.previous else ""
        tools.out.print(f"active: {made.version}{was}", highlight=False)


async def _append(home: Home, entry: AuditEntry) -> None:
    await home.audit.append([entry])


def _loaded(tools: Cli, folder: Path, *, as_json: bool) -> Any:
    """The policy in `folder`; leaves with exit code 2 after naming its mistakes."""
    report = tools.tools.check_policy(folder)
    if not report.problems:
        return report.policy
    if as_json:
        emit(_report_document(report))
    else:
        _tell_problems(tools, report)
    raise typer.Exit(int(Exit.GATE_FAILED))


def _report_document(report: Any) -> dict[str, object]:
    return {
        "ok": not report.problems,
        "folder": report.folder,
        "version": report.version,
        "tables": [
            {"table": one.table, "rows": one.rows, "cases": one.cases, "uncovered": list(one.uncovered)}
            for one in report.tables
        ],
        "problems": [
            {name: getattr(problem, name) for name in ("file", "row", "column", "cell", "problem", "remedy")}
            for problem in report.problems
        ],
    }


def _tell_report(tools: Cli, report: Any) -> None:
    if report.problems:
        _tell_problems(tools, report)
        return
    tools.out.print(f"policy {report.version} in {escape(report.folder)} is well", highlight=False)
    for one in report.tables:
        bare = (
            f"; no example for {', '.join(one.uncovered)}" if one.uncovered else "; every rule has an example"
        )
        tools.out.print(f"  {one.table}: {one.rows} rules, {one.cases} examples{bare}", highlight=False)


def _tell_problems(tools: Cli, report: Any) -> None:
    count = len(report.problems)
    tools.err.print(f"{count} problem{'s' if count > 1 else ''} in {escape(report.folder)}:", highlight=False)
    for problem in report.problems:
        tools.err.print(f"  {problem}", highlight=False, markup=False, soft_wrap=True)


def _tell_simulation(tools: Cli, result: Simulation, active: str) -> None:
    out = tools.out
    out.print(
        f"{result.decisions:,} decisions under {result.policy} (active: {active}): "
        f"{result.changed:,} would change, {result.reworded:,} would only be explained otherwise, "
        f"{result.unchanged:,} stay",
        highlight=False,
    )
    for group in result.ordered():
        out.print(
            f"\n{group.count:,} × {group.before}  ->  {group.after}   ({', '.join(group.parts)})",
            highlight=False,
        )
        for example in group.examples[:2]:
            lost = [rule for rule in example.rules_before if rule not in example.rules_after]
            new = [rule for rule in example.rules_after if rule not in example.rules_before]
            rows = f"no longer {', '.join(lost) or '-'}; now {', '.join(new) or '-'}"
            out.print(f"  {example.decision_id} of {example.lead_id}: {rows}", highlight=False, markup=False)
            out.print(f"    {example.next_step}", highlight=False, markup=False)
