"""``leadgraph approvals``: questions to people: list, look, answer or edit, hand on, measure."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from domain.approval import Approval, ApprovalState, VoteKind
from domain.errors import Temporary
from domain.instants import Instant, iso
from domain.ports.home import Home
from surfaces.approving import Answer, Card, called, card, evidence, reasons, summary
from surfaces.approving import decide as answered
from surfaces.cli.context import Cli, cli, emit, fail
from surfaces.cli.offer_card import show_offer
from surfaces.cli.when import when
from surfaces.dispatcher import Dispatcher
from surfaces.measuring import NOT_MEASURED, Measures, measures

app = typer.Typer(help="Questions to people: list, look, answer or edit, hand on, measure.")
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="An approval, its decision, or one of its actions.")]


@app.command("list")
def list_open(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Open questions, the oldest first."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found = asyncio.run(_open(home))
    if as_json:
        for approval in found:
            emit(summary(approval))
        return
    for approval in found:
        tools.out.print(
            f"{approval.approval_id}  lead {approval.lead_id}  asked {iso(Instant(approval.asked_at))[:16]}  "
            f"until {iso(Instant(approval.expires_at))[:16]}  {_people(approval)}",
            markup=False, highlight=False,
        )  # fmt: skip
    tools.err.print("look at one: leadgraph approvals show ID" if found else "nothing waits for a person")


@app.command("show")
def show(
    ctx: typer.Context,
    name: Name,
    by: Annotated[str | None, typer.Option(help="Who looks; default: who is at the keyboard.")] = None,
    as_json: AsJson = False,
) -> None:
    """What would be written beside what is there, why, and the hash to approve it by; that you looked is noted."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found, noted = asyncio.run(_look(home, name, by or tools.tools.user_name()))
        now = home.clock.now()
    if not noted:
        tools.err.print("note: the store is busy, so that you looked is not noted", highlight=False)
    emit(found.document()) if as_json else _show(tools, found, now)


@app.command("decide")
def decide(
    ctx: typer.Context,
    *,
    name: Name,
    verdict: Annotated[VoteKind, typer.Argument(help="approve or reject.")],
    proposal_hash: Annotated[str, typer.Option("--hash", help="The hash that `approvals show` names.")],
    edit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Approve with another value: owner, due, ..."),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Approve without an action, or without ACTION.STEP."),
    ] = None,
    comment: Annotated[str, typer.Option(help="Why; kept sealed under the lead's key.")] = "",
    by: Annotated[str | None, typer.Option(help="Who decides; default: who is at the keyboard.")] = None,
    as_json: AsJson = False,
) -> None:
    """Approve, with changes or without, or reject, bound to what was looked at; what is approved is sent at once."""
    if len(comment) > 2_000:
        fail(ctx, "--comment: say it in 2,000 characters")
    if (edit or drop) and verdict is not VoteKind.APPROVE:
        fail(ctx, "--edit and --drop go with approve")
    tools = cli(ctx)
    answer = Answer(verdict, proposal_hash, by or tools.tools.user_name(), comment, edit or (), drop or ())
    with tools.open() as home:
        found = asyncio.run(_decide(home, name, answer))
    if as_json:
        emit(summary(found))
    else:
        tools.out.print(f"{found.approval_id} is {found.state.value} {_people(found)}", highlight=False)


@app.command("assign")
def assign(
    ctx: typer.Context,
    name: Name,
    to: Annotated[str, typer.Option(help="Who is to decide.")],
    as_json: AsJson = False,
) -> None:
    """Give a question to somebody else."""
    tools = cli(ctx)
    with tools.open() as home:
        found = asyncio.run(_assign(home, name, to, by=tools.tools.user_name()))
    if as_json:
        emit(summary(found))
    else:
        tools.out.print(f"{found.approval_id} is now with {found.assignee}", markup=False, highlight=False)


@app.command("measures")
def show_measures(ctx: typer.Context, as_json: AsJson = False) -> None:
    """How long questions wait, how long a person has the card open, and how often people say no or change it."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        found: Measures = asyncio.run(measures(home))
    if as_json:
        emit(asdict(found))
        return
    for name, value in asdict(found).items():
        tools.out.print(
            f"{name.replace('_', ' '):<24} {NOT_MEASURED if value is None else value}", highlight=False
        )


async def _open(home: Home) -> list[Approval]:
    return list(await home.approvals.open(home.tenant, limit=1_000))


async def _look(home: Home, name: str, by: str) -> tuple[Card, bool]:
    """The card; and False if it could not be noted that `by` looked."""
    found = await called(home, name)
    try:
        await home.approvals.shown(home.tenant, found.approval_id, by=by, now=home.clock.now())
    except Temporary:
        return await card(home, name), False
    return await card(home, name), True


async def _decide(home: Home, name: str, answer: Answer) -> Approval:
    decided = await answered(home, await called(home, name), answer)
    await Dispatcher(home, home.targets).drain()
    return decided


async def _assign(home: Home, name: str, to: str, *, by: str) -> Approval:
    found = await called(home, name)
    return await home.approvals.assign(home.tenant, found.approval_id, to=to, by=by, now=home.clock.now())


def _people(approval: Approval) -> str:
    said = sum(vote.kind is VoteKind.APPROVE for vote in approval.votes)
    with_whom = f", with {approval.assignee}" if approval.assignee else ""
    return f"({said} of {approval.terms.people} people have approved{with_whom})"


def _show(tools: Cli, found: Card, now: int) -> None:
    out, approval = tools.out, found.approval
    out.print(
        f"[bold]{approval.approval_id}[/] is {approval.state.value}; lead {approval.lead_id}, decision "
        f"{approval.decision_id}\nasked {when(approval.asked_at, now)}, not sent after "
        f"{when(approval.expires_at, now)} {_people(approval)}",
        highlight=False,
    )
    if approval.edited is not None:
        out.print(
            f"edited by {approval.edited.by}, {when(approval.edited.at, now)}; before: {approval.edited.origin}",
            markup=False, highlight=False,
        )  # fmt: skip
    for change in found.changed:
        was = change.before or "nothing"
        out.print(f"  {change.field}: {was} -> {change.after or 'nothing'}", markup=False, highlight=False)
    for one in found.offers:
        show_offer(out, one, now)
    told = {"Why": reasons(found.decision), "Evidence": evidence(found.decision)}
    for title, lines in (told | ({"Drafts": list(found.drafts)} if found.drafts else {})).items():
        out.print(f"\n[bold]{title}[/]")
        for line in lines:
            out.print(f"  {line}", markup=False, highlight=False)
    if approval.state is ApprovalState.OPEN:
        out.print(
            f"\nleadgraph approvals decide {approval.approval_id} approve --hash {approval.proposal_hash}",
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip
