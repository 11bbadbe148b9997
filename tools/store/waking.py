"""Waking leads: a timer that is due, and the lead made ready."""

from tools.store.engine import Tx


def wake(tx: Tx, tenant: str, lead: str, reason: str, now: int) -> None:
    """Let a lead be decided anew for `reason`. One that is gone or asked to be forgotten sleeps on."""
    wake_all(tx, tenant, [lead], reason, now)


def wake_all(tx: Tx, tenant: str, leads: list[str], reason: str, now: int) -> None:
    """Wake several leads for one reason."""
    rows = [{"tenant": tenant, "lead": lead, "reason": reason, "now": now} for lead in leads]
    tx.run("wake_lead", rows)
    tx.run("ready_lead", rows)
