"""One lead as a person wants to see it: the score, what moved it, the story of its signals, what policy decided."""

from rich.console import Console
from rich.table import Table

from domain.audit import AuditEntry
from domain.decision import Decision
from domain.ids import LeadId
from domain.instants import Instant, instant, iso
from domain.ports.home import Home
from domain.score import MICRO_POINT, Score
from domain.signal import Signal
from surfaces.cli.score_words import certainty_of, moves_in_words
from surfaces.feedback import in_words
from surfaces.scoring import Scored

STORY = 15
BAND_STYLE = {"hot": "bold red", "warm": "yellow", "cold": "blue"}


async def show_card(out: Console, home: Home, scored: Scored, as_of: int) -> None:
    """Print the card of `scored`."""
    decision = scored.ran.decision
    band = decision.band.band.value
    out.print(f"[bold]{', '.join(scored.keys)}[/]  ({scored.lead.lead_id})", highlight=False)
    if scored.lead.account:
        out.print(f"account {scored.lead.account}", highlight=False)
    if decision.score is None:
        out.print("This lead must not be processed: " + " ".join(scored.ran.words))
        return
    _headline(out, decision, decision.score, band)
    for row in scored.fixed:
        out.print("[yellow]fixed by a person:[/] ", end="")
        out.print(in_words(row) + (f": {row.reason}" if row.reason else ""), highlight=False, markup=False)
    out.print(_ledger(decision.score))
    if scored.moves is not None:
        out.print("\n[bold]What would change the band[/] (one thing at a time, within what past leads did)")
        for line in moves_in_words(scored.moves, home.catalogue):
            out.print(f"  {line}", highlight=False, markup=False)
    signals = await home.reads.signals(home.tenant, LeadId(scored.lead.lead_id), limit=200)
    _story(out, [signal for signal in signals if instant(signal.occurred_at) <= as_of])
    _verdict(out, decision)


def _headline(out: Console, decision: Decision, score: Score, band: str) -> None:
    unit = "points (rules, not a probability)" if score.unit == "points" else "% likely to convert"
    out.print(
        f"[{BAND_STYLE[band]}]{score.points}[/] {unit}, [{BAND_STYLE[band]}]{band}[/]  =  "
        f"fit {score.fit}/100 × engagement {score.engagement}/100   as of {iso(Instant(decision.as_of))[:16]}",
        highlight=False,
    )
    for said in certainty_of(score):
        out.print(said, highlight=False)
    if score.cold_start:
        out.print("Cold start: too little is known of this lead; the score rests mostly on what is usual.")
    reading = decision.reading
    if reading is not None:
        sure = f"{reading.confidence / 10:.0f} %"
        others = ", ".join(f"{intent.value} {level / 10:.0f} %" for intent, level in reading.confidences[1:4])
        out.print(
            f"intent [bold]{reading.top.value}[/] ({sure}, reasoner {reading.reasoner})"
            + (f"; also {others}" if others else ""),
            highlight=False,
        )
    for failure in decision.quality:
        out.print(f"[yellow]data quality:[/] {failure.gate.value} of {failure.source} ({failure.detail})")


def _ledger(score: Score) -> Table:
    table = Table(title="What moved it", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("points", justify="right")
    table.add_column("part")
    table.add_column("why", overflow="fold")
    table.add_column("signals", overflow="fold")
    for part in sorted(score.ledger, key=lambda one: -abs(one.micro)):
        if not part.micro:
            continue
        refs = ", ".join(part.signals[:3])
        more = part.signal_count - min(3, len(part.signals))
        table.add_row(
            f"{part.micro / MICRO_POINT:+.2f}",
            part.name,
            part.words,
            refs + (f" +{more}" if more > 0 else ""),
        )
    table.add_row(f"{score.points}.00", "[bold]total[/]", "", "")
    return table


def _story(out: Console, signals: list[Signal]) -> None:
    out.print("\n[bold]Its story[/] (newest first)")
    for signal in signals[:STORY]:
        facts = ", ".join(f"{name}={value}" for name, value in signal.payload.items() if value != signal.text)
        text = f'  "{signal.text[:80]}"' if signal.text else ""
        out.print(
            f"  {iso(instant(signal.occurred_at))[:16]}  {signal.kind.value:<24} {facts}{text}",
            highlight=False,
            markup=False,
        )
    if len(signals) > STORY:
        out.print(f"  … and {len(signals) - STORY} earlier")


def _verdict(out: Console, decision: Decision) -> None:
    verdict = decision.verdict
    if verdict is None:
        return
    out.print(
        f"\n[bold]Policy:[/] {verdict.kind.value}" + (f", owner {verdict.owner}" if verdict.owner else "")
    )
    for row in verdict.rules:
        out.print(f"  {row.table}/{row.rule}: {row.why}", highlight=False, markup=False)
    if verdict.actions:
        out.print("  actions: " + ", ".join(action.kind.value for action in verdict.actions))
    if verdict.next_step:
        out.print(f"  next step: {verdict.next_step}", highlight=False, markup=False)
    if verdict.due_at is not None:
        again = iso(Instant(max(decision.as_of, verdict.due_at)))[:16]
        out.print(f"  looked at again {again} ({verdict.due_reason})", highlight=False)


def show_step(out: Console, entry: AuditEntry) -> None:
    """One transition, live."""
    detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items() if value not in ((), None))
    out.print(
        f"[dim]{entry.duration_us:>7,} µs[/]  [bold]{entry.step:<10}[/] {entry.code:<16} {detail}",
        highlight=False,
    )
