"""Salespeople with what they were given today."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.instants import DAY
from domain.policy import Rep
from tools.store.components import as_json
from tools.store.engine import Tx


def loaded(tx: Tx, reps: Sequence[Rep], tenant: str, now: int) -> tuple[Rep, ...]:
    """`reps` with the load of the UTC day of `now` and the time of their last assignment (0: none yet)."""
    if not reps:
        return ()
    asked = {"tenant": tenant, "day": now // DAY, "reps": as_json(rep.rep_id for rep in reps)}
    found = {row.rep_id: row for row in tx.rows("rep_loads", asked)}
    return tuple(
        replace(rep, load=found[rep.rep_id].load, last_assigned=found[rep.rep_id].last or 0) for rep in reps
    )


def assigned_today(tx: Tx, tenant: str, reps: Iterable[str], now: int) -> dict[str, set[str]]:
    """Leads given to each of `reps` on the UTC day of `now`."""
    found: dict[str, set[str]] = {rep: set() for rep in reps}
    if found:
        for row in tx.rows("assigned_today", {"tenant": tenant, "day": now // DAY, "reps": as_json(found)}):
            found[row.rep_id].add(row.lead_id)
    return found
