"""What the demo prints at its end: the list of the day, one decision's trail, what to try next."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from domain.decision import Decision
from domain.model import Bin, points_of
from domain.ports.home import Home
from domain.score import MICRO_POINT
from surfaces.cli.audit_card import audit_story
from surfaces.cli.context import Cli
from surfaces.cli.demo_past import Learnt

OVERRULED = "; it scores here all the same, by force, which is on record"
SHOWN_FACTS = ("seniority", "buyer_role", "industry", "employee_band")


async def call_table(home: Home, listed: Sequence[Decision], today: str) -> Table:
    """The leads to call, with reasons and next steps."""
    table = Table(
        title=f"The {len(listed)} leads to call today ({today})", title_justify="left", show_lines=True
    )
    for name, style in (("lead", ""), ("score", "bold"), ("who", ""), ("why", ""), ("next step", "")):
        table.add_column(name, style=style, overflow="fold")
    for decision in listed:
        keys = await home.reads.keys(home.tenant, decision.lead_id)
        score = decision.score
        points = f"{score.points}\nfit {score.fit}\neng. {score.engagement}" if score else "-"
        step = decision.verdict.next_step if decision.verdict else ""
        owner = f"\nowner {decision.verdict.owner}" if decision.verdict and decision.verdict.owner else ""
        table.add_row(
            keys[0].value if keys else decision.lead_id, points, _who(decision), _why(decision), step + owner
        )
    return table


def _who(decision: Decision) -> str:
    facts = (decision.features.get(name) or decision.features.get(f"fact.{name}") for name in SHOWN_FACTS)
    return "\n".join(str(fact).replace("_", " ") for fact in facts if fact)


def _why(decision: Decision) -> str:
    if decision.score is None:
        return ""
    parts = sorted((p for p in decision.score.ledger if p.micro and p.feature), key=lambda p: -abs(p.micro))
    return "\n".join(f"{part.micro / MICRO_POINT:+.1f} {part.words or part.name}" for part in parts[:3])


async def audit_trail(tools: Cli, home: Home, decision: Decision) -> None:
    """One decision's story, as ``audit show`` tells it."""
    tools.out.print("[bold]The audit trail of the first one[/]")
    await audit_story(tools.out, home, decision.run_id)


def learnt_words(out: Console, learnt: Learnt) -> None:
    """The package beside the rule by hand, on accounts that neither was made of, and how true its per cent are."""
    package, told = learnt.package, learnt.document
    if package is None:
        out.print(
            f"The score is a rule by hand: last year had too little to learn from, {told.get('have')}.\n",
            markup=False, highlight=False,
        )  # fmt: skip
        return
    judged = told["compared"]
    mine, rule = judged["figures"][learnt.version], judged["figures"][judged["compared"][1]]
    out.print(
        f"[bold]Learnt score against the rule by hand[/], on {judged['n']:,} leads of last year's accounts put aside "
        f"({judged['won']:,} won): AUC [bold]{_interval(mine['auc'])}[/] against {_interval(rule['auc'])}, "
        f"difference {_interval(judged['differences']['auc'])}; calibration error {_interval(mine['ece'])}. "
        f"Gates: {judged['answer']}{OVERRULED if judged['answer'] != 'pass' else ''}.",
        highlight=False,
    )
    _calibration(out, package.reliability)


def _calibration(out: Console, bins: Sequence[Bin]) -> None:
    """What became of leads put aside, by what was said of them."""
    if len(bins) < 2:
        cases, won = sum(one.cases for one in bins), sum(one.won for one in bins)
        out.print(
            f"Are its per cent true? {cases} leads put aside are too few to tell by score; {won} of them were won.\n",
            highlight=False,
        )
        return
    table = Table(title="Are its per cent true? Last year's leads put aside", title_justify="left")
    for name in ("score from", "leads", "won", "won, in per cent"):
        table.add_column(name, justify="right")
    for one in bins:
        share = f"{100 * one.won / one.cases:.0f}" if one.cases else "-"
        table.add_row(f"{points_of(one.low)} %", str(one.cases), str(one.won), share)
    out.print(table)


def _interval(figure: Mapping[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def closing_words(out: Console, folder: Path, listed: Sequence[Decision]) -> None:
    """Commands to go on with."""
    home = f"LEADGRAPH_HOME={folder / 'home'}"
    lead = listed[0].lead_id if listed else "LEAD"
    out.print("\n[bold]What to try next[/]")
    for words, command in (
        ("one lead as a person wants it", f"score --lead {lead}"),
        ("the graph at work, live", f"score --lead {lead} --watch"),
        ("where a feature's value comes from", f"features lineage {lead} decayed.web.session"),
        ("the card of the model that scores", "models list"),
        ("what waits for a person", "approvals list"),
        ("what became of its actions, and taking them back", "decisions actions"),
        ("is the log whole?", "audit verify"),
        ("recompute every decision", "audit replay --all"),
        ("your own signals", "replay FILE --source signals"),
    ):
        out.print(
            f"  {home} .venv/bin/leadgraph {command}   [dim]# {words}[/]", highlight=False, soft_wrap=True
        )
