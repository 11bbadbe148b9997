"""What the demo shows of its actions: what waits for a person, one action taken back, and both ledgers."""

from dataclasses import asdict
from typing import Any

from domain.action import ActionKind, ActionState
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.approving import card, reasons, undo
from surfaces.cli.context import Cli
from surfaces.cli.offer_card import show_write
from surfaces.dispatcher import Dispatcher
from surfaces.receipts import compared


async def act(tools: Cli, home: Home) -> dict[str, Any]:
    """Take one task back, then hold our receipts against the CRM's own ledger; the JSON form."""
    undone = await _take_one_back(home)
    both = await compared(home, tools.tools.crm_ledger(home))
    waiting = await home.approvals.open(home.tenant)
    return {
        "waiting": [approval.approval_id for approval in waiting],
        "undone": undone.action_id if undone else None,
        "crm": asdict(both) | {"equal": both.equal},
    }


async def _take_one_back(home: Home) -> OutboxRow | None:
    done = await home.outbox.rows(home.tenant, states=[ActionState.DONE], limit=1_000_000)
    task = next((row for row in done if row.kind is ActionKind.CREATE_TASK), None)
    if task is None:
        return None
    await undo(home, task.action_id, by="demo")
    await Dispatcher(home, home.targets).drain()
    return await home.outbox.get(home.tenant, task.action_id)


async def tell(tools: Cli, home: Home, acted: dict[str, Any]) -> None:
    """The same for a person."""
    out, crm = tools.out, acted["crm"]
    waiting = acted["waiting"]
    out.print(f"[bold]What was done[/] in the embedded CRM ({crm['theirs']:,} writes)")
    out.print(
        ", ".join(f"{n:,} {kind.replace('_', ' ')}" for kind, n in crm["steps"].items()), highlight=False
    )
    out.print(
        f"The CRM's own ledger and our receipts are {'equal' if crm['equal'] else 'NOT EQUAL'}: "
        f"{crm['theirs']:,} writes there, {crm['ours']:,} receipts here, {len(crm['doubled'])} done twice"
    )
    if acted["undone"] is not None:
        row = await home.outbox.get(home.tenant, acted["undone"])
        steps = ", ".join(f"{one.step.kind.value} {one.state.value}" for one in row.steps) if row else ""
        out.print(f"Taken back for you to see: {acted['undone']} ({steps})", highlight=False)
    out.print(f"{len(waiting):,} proposals wait for a person" + (", the first of them:" if waiting else ""))
    if waiting:
        await _first(tools, home, waiting[0])
    out.print()


async def _first(tools: Cli, home: Home, name: str) -> None:
    found = await card(home, name)
    for one in found.offers:
        for change in one.changes[:4]:
            show_write(tools.out, change)
    why = reasons(found.decision)[:2]
    tools.out.print(f"  why: {' '.join(why)}", markup=False, highlight=False)
