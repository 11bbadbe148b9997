"""One delivery: an action that is held is performed, and its end put on record. No agent sees the outbox."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from agents.actuation import perform
from domain.action import ActionState, Move
from domain.attempt import UNWIND, Performed, attempt_entry, begun, tries, unwinding
from domain.audit import AuditEntry
from domain.backoff import wait_us
from domain.effect import StepKind, StepProgress
from domain.errors import Fenced, Temporary
from domain.instants import SECOND
from domain.ports.clock import Clock
from domain.ports.outbox import Outbox, OutboxRow, Taken
from domain.ports.target import Target
from graph.nodes import error_code
from graph.read_back import CannotTell, read_back

ATTEMPTS: Final = 5
"""Attempts that may end in a defect; outages are not counted."""


@dataclass(slots=True)
class _Noted:
    """Steps as they were last put on record."""

    steps: tuple[StepProgress, ...]


async def deliver(
    taken: Taken,
    *,
    targets: Mapping[StepKind, Target],
    outbox: Outbox,
    clock: Clock,
    deadline_us: int | None = None,
) -> Performed:
    """Perform an action once and finish its hold; the answer's `move` is None if the hold was lost.

    An outage, or an attempt longer than `deadline_us`, puts it back uncounted. A defect puts it back and counts;
    after `ATTEMPTS` it is given up.
    Raises: what the outbox raises when it cannot finish: the lease then runs out and the action is taken again.
    """
    noted = _Noted(taken.row.steps)

    async def note(steps: Sequence[StepProgress], entries: Sequence[AuditEntry]) -> bool:
        kept = await outbox.note(taken, steps, entries, now=clock.now())
        if kept:
            noted.steps = tuple(steps)
        return kept

    try:
        async with asyncio.timeout(None if deadline_us is None else deadline_us / SECOND):
            steps = await read_back(taken, targets)
            if steps != taken.row.steps:
                found = attempt_entry(taken.row, "restored:found", clock.now())
                if not await note(steps, (found,)):
                    return Performed(None, noted.steps, ())
                taken = replace(taken, row=replace(taken.row, steps=steps))
            performed = await perform(taken, targets=targets, note=note, now=clock.now)
    except CannotTell:
        unclear = attempt_entry(taken.row, "restored:cannot_tell", clock.now())
        performed = Performed(Move.LOSE_TRACK, noted.steps, (unclear,), "restored")
    except Fenced:
        return Performed(None, noted.steps, ())
    except Exception as error:  # noqa: BLE001 - here every failure of an attempt ends: it is recorded, and retried or given up
        performed = _after(error, replace(taken.row, steps=noted.steps), clock.now())
    return await _finish(taken, performed, outbox, clock)


async def _finish(taken: Taken, performed: Performed, outbox: Outbox, clock: Clock) -> Performed:
    if performed.move is None:
        return performed
    kept = await outbox.finish(
        taken,
        performed.move,
        performed.steps,
        performed.entries,
        now=clock.now(),
        reason=performed.reason,
        retry_at=performed.retry_at,
        counts=performed.counts,
    )
    return performed if kept else replace(performed, move=None)


def _after(error: Exception, row: OutboxRow, now: int) -> Performed:
    """How an attempt ends that raised `error`; `row` has the steps last on record.

    What happened after that is found out by the next attempt.
    """
    outage = isinstance(error, Temporary | TimeoutError)
    code = error_code(error) if not isinstance(error, TimeoutError) else "error:deadline"
    move, reason = (Move.PUT_BACK, _going_on(row, code)) if outage else _after_defect(row)
    retry_at = now + wait_us(tries(row, now), row.action_id) if move is Move.PUT_BACK else None
    entry = attempt_entry(row, code, now)
    return Performed(move, row.steps, (entry,), reason, retry_at, counts=not outage)


def _after_defect(row: OutboxRow) -> tuple[Move, str]:
    """Tried again; after `ATTEMPTS` what was done is undone; if that fails as often, a person looks."""
    undoing = row.state is ActionState.UNDOING
    if row.attempt <= ATTEMPTS:
        return Move.PUT_BACK, _going_on(row, "error:defect")
    if not undoing and not begun(row.steps):
        return Move.REFUSE, "defect"
    if undoing or row.attempt > 2 * ATTEMPTS:
        return Move.LOSE_TRACK, "defect"
    return Move.PUT_BACK, _going_on(row, f"{UNWIND}defect")


def _going_on(row: OutboxRow, reason: str) -> str:
    """`reason`, unless the action was being unwound: then it goes on unwinding."""
    code = None if row.state is ActionState.UNDOING else unwinding(row)
    return reason if code is None else UNWIND + code
