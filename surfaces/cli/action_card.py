"""How far an action is and what stands in its way, as lines."""

from rich.console import Console

from domain.ports.outbox import OutboxRow
from surfaces.cli.when import when
from surfaces.trouble import Trouble


def show_action(out: Console, row: OutboxRow, why: Trouble, now: int) -> None:
    """The action, what stands in its way, then each step."""
    out.print(
        f"{row.action_id}  {row.kind.value:<13} {row.state.value:<12} attempt {row.attempt}  lead {row.lead_id}",
        markup=False, highlight=False,
    )  # fmt: skip
    show_trouble(out, why, now)
    for one in row.steps:
        ref = one.receipt.ref if one.receipt else "-"
        out.print(f"    {one.step.kind.value:<13} {one.state.value:<12} {ref}", markup=False, highlight=False)


def show_trouble(out: Console, why: Trouble, now: int) -> None:
    """Cause, what to do, and what happens by itself; nothing where there is nothing to say."""
    by_itself = why.next
    if why.next_try is not None:
        by_itself = f"{by_itself or 'due'}: {when(why.next_try, now)}"
    if why.until is not None:
        by_itself += f"; given up {when(why.until, now)} if it lasts"
    for name, words in (("why", why.cause), ("do", why.remedy), ("next", by_itself)):
        if words:
            out.print(f"    {name + ':':<6}{words}", markup=False, highlight=False, soft_wrap=True)
