"""What an action would write, as lines for a person."""

from rich.console import Console

from domain.action import ActionState
from domain.ports.target import Change
from surfaces.approving import Offer
from surfaces.cli.action_card import show_trouble


def show_offer(out: Console, one: Offer, now: int) -> None:
    """The action, what stands in its way, then each write beside what is there."""
    out.print(f"\n[bold]{one.row.kind.value}[/] ({one.row.state.value})", highlight=False)
    if one.row.state is not ActionState.WAITING:
        show_trouble(out, one.trouble, now)
    for change in one.changes:
        show_write(out, change)
    if one.away:
        out.print(f"  could not be compared: {one.away}", markup=False, highlight=False)


def show_write(out: Console, change: Change) -> None:
    """One write beside what is there."""
    before = change.before or "nothing"
    out.print(
        f"  {change.step.value} {change.field}: {before} -> {change.after}", markup=False, highlight=False
    )
