"""A decision's story and a log's verdict, as a person reads them in a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from domain.decision import Decision
from domain.instants import Instant, iso
from domain.intent import IntentReading
from domain.ports.home import Home
from domain.score import MICRO_POINT, Score
from domain.verification import Verification
from surfaces.audit_story import Story, tell
from surfaces.cli.talk_card import clean, plain, show_turn
from surfaces.sealed import Seal

EVIDENCE_SHOWN, SIGNALS_SHOWN, PROBLEMS_SHOWN = 4, 3, 20
SEALS: dict[Seal, str] = {
    "open": "",
    "erased": "The sealed record was erased; the rows above still verify.",
    "locked": "The sealed record does not open: its key was erased, or it was changed (see audit verify).",
    "none": "No decision was made, so there is no sealed record.",
}


async def audit_story(out: Console, home: Home, what: str) -> bool:
    """Find a story and print it; False if there is none."""
    story = await tell(home, what)
    if story is not None:
        show_story(out, story)
    return story is not None


def show_story(out: Console, story: Story) -> None:
    """Print a story: its transitions, its versions, then what was sealed."""
    plain(out, f"run {story.run_id} of " + (f"lead {story.lead_id}" if story.lead_id else "nobody we know"))
    if story.record:
        decision = story.record.decision
        plain(out, f"decision {decision.decision_id}, {decision.state.value}, woken by {decision.reason}")
    out.print(_transitions(story))
    plain(out, "made with " + ", ".join(f"{name} {version}" for name, version in story.versions.items()))
    for number, turn in enumerate(story.talk, start=1):
        show_turn(out, number, turn)
    if SEALS[story.seal]:
        plain(out, SEALS[story.seal])
    if story.record:
        _rationale(out, story.record.decision, story.record.rationale)


def show_verification(out: Console, found: Verification) -> None:
    """Print what was verified, and every problem by its place."""
    chains = "1 chain" if found.chains == 1 else f"{found.chains:,} chains"
    plain(out, f"{found.rows:,} rows in {chains}, {found.rows_per_second:,} rows/s")
    plain(out, f"{found.sealed:,} sealed payloads match their rows, {found.erased:,} are erased")
    for chain, (rows, last) in found.restored.items():
        words = (
            f"{chain}: rows {rows + 1:,} to {last:,} are missing since the home was restored from a backup"
        )
        plain(out, f"  {words}; the anchor proves that they were there", style="yellow")
    for problem in found.problems[:PROBLEMS_SHOWN]:
        place = f"{problem.chain} row {problem.seq}: " if problem.chain else ""
        plain(out, f"  {problem.code}: {place}{problem.words}", style="red")
    if len(found.problems) > PROBLEMS_SHOWN:
        plain(out, f"  and {len(found.problems) - PROBLEMS_SHOWN:,} more: see --json")
    for chain, rest in found.unanchored.items():
        anchored = found.anchored_to.get(chain)
        vouched = f"anchored up to row {anchored:,}" if anchored else "no row is anchored"
        plain(
            out,
            f"  {chain}: {vouched}, {rest:,} after that" if rest else f"  {chain}: {vouched}, the last one",
        )
    plain(out, _verdict(found), style="bold green" if found.ok else "bold red")


def _verdict(found: Verification) -> str:
    if not found.ok:
        return "the log was changed or is damaged"
    if found.anchored_to:
        return "sound: nothing before the anchored rows was changed"
    return "internally consistent; without an anchor nobody can say more"


def _transitions(story: Story) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for name in ("time", "step", "what happened", "took", "evidence"):
        table.add_column(name, overflow="fold", justify="right" if name == "took" else "left")
    for one in story.transitions:
        took = f"{one.duration_us:,} µs" if one.duration_us else ""
        cells = (iso(Instant(one.at)), one.step, one.outcome, took, _some(one.evidence, EVIDENCE_SHOWN))
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _rationale(out: Console, decision: Decision, rationale: tuple[str, ...]) -> None:
    out.print("\n[bold]Why[/] (from the sealed record)")
    for sentence in rationale:
        plain(out, f"  {sentence}")
    for line in _read(decision.reading):
        plain(out, line)
    if decision.score:
        out.print(_ledger(decision.score))
    if decision.verdict:
        out.print("[bold]Rules that fired[/]")
        for row in decision.verdict.rules:
            plain(out, f"  {row.table}/{row.rule}: {row.why}")
        if decision.verdict.next_step:
            plain(out, f"next step: {decision.verdict.next_step}")
    for proposal in decision.proposals:
        plain(out, f"action: {proposal.kind.value} ({proposal.state.value}), {proposal.effect_key}")


def _read(reading: IntentReading | None) -> Iterator[str]:
    """What was read in the lead's words, where anything was."""
    if reading and reading.confidences:
        levels = (f"{intent.value} {level / 10:.0f} %" for intent, level in reading.confidences)
        yield f"intents: {', '.join(levels)}"
    if reading and reading.slots:
        known = (f"{slot.name} {slot.value} [{slot.ref}]" for slot in reading.slots)
        yield f"facts: {', '.join(known)}"


def _ledger(score: Score) -> Table:
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("points", justify="right")
    for name in ("part", "why", "signals"):
        table.add_column(name, overflow="fold")
    for part in score.ledger:
        if part.micro:
            refs = _some(part.signals, SIGNALS_SHOWN, part.signal_count)
            cells = (f"{part.micro / MICRO_POINT:+.2f}", part.name, part.words, refs)
            table.add_row(*(Text(clean(cell)) for cell in cells))
    unit = "points" if score.unit == "points" else "% likely to convert"
    table.add_row(f"{score.points}.00", "total", unit, "")
    return table


def _some(names: tuple[str, ...], most: int, count: int | None = None) -> str:
    more = max(count or 0, len(names)) - min(most, len(names))
    return ", ".join(names[:most]) + (f" +{more}" if more > 0 else "")
