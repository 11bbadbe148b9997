"""Giving leads back: after a failure, for good (parking), and out of the park."""

from domain.audit import AuditEntry
from domain.ids import LeadId, Region, TenantId
from tools.store.audit import append
from tools.store.config import Config
from tools.store.engine import Tx
from tools.store.tallies import add_tally


def give_back(
    tx: Tx, config: Config, lead_id: str, token: int, *, code: str, counts: bool, retry_at: int, now: int
) -> bool:
    """Return a lead that is held under `token`; park it if its attempts are used up. True if it was parked.

    An attempt that does not count is taken back. With an old token nothing happens.
    """
    row = tx.one("held_lead", {"lead": lead_id, "token": token})
    if row is None:
        return False
    if counts and row.attempt >= config.max_attempts:
        park(tx, config, lead_id, row.tenant, row.region, code=code, now=now)
        return True
    attempt = row.attempt if counts else row.attempt - 1
    tx.run("give_back", {"lead": lead_id, "tenant": row.tenant, "attempt": attempt, "retry_at": retry_at})
    return False


def park(tx: Tx, config: Config, lead_id: str, tenant: str, region: str, *, code: str, now: int) -> None:
    """Set a lead and its waiting signals aside, with the reason, until somebody releases them."""
    here = {"lead": lead_id, "tenant": tenant, "reason": code}
    tx.run("park_lead", here)
    gone = tx.run("park_signals", here)
    add_tally(tx, {(tenant, region, "waiting"): -gone})
    append(tx, config.writer, [_noted(tenant, region, lead_id, code, now)])


def unpark(tx: Tx, config: Config, lead_id: str, now: int) -> bool:
    """Let a parked lead and its signals back in, with all its attempts. False if it is not parked."""
    row = tx.one("parked_lead", {"lead": lead_id})
    if row is None:
        return False
    here = {"lead": lead_id, "tenant": row.tenant}
    tx.run("unpark_lead", here)
    back = tx.run("unpark_signals", here)
    tx.run("settle_lead", {**here, "now": now})
    add_tally(tx, {(row.tenant, row.region, "waiting"): back})
    append(tx, config.writer, [_noted(row.tenant, row.region, lead_id, "released", now)])
    return True


def _noted(tenant: str, region: str, lead_id: str, code: str, now: int) -> AuditEntry:
    return AuditEntry(
        tenant=TenantId(tenant),
        region=Region(region),
        step="park",
        code=code,
        at=now,
        lead_id=LeadId(lead_id),
    )
