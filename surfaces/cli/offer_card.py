"""What an action would write, as lines for a person."""

from rich.console import Console

from surfaces.approving import Offer


def show_offer(out: Console, one: Offer) -> None:
    """The action, then each write beside what is there."""
    out.print(f"\n[bold]{one.row.kind.value}[/] ({one.row.state.value})", highlight=False)
    for change in one.changes:
        before = change.before or "nothing"
        out.print(
            f"  {change.step.value} {change.field}: {before} -> {change.after}", markup=False, highlight=False
        )
    if one.away:
        out.print(f"  could not be compared: {one.away}", markup=False, highlight=False)
