"""One attempt at an action: where it stands when it begins, what it says in the audit log, how it ends."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.action import Move
from domain.audit import AuditEntry, AuditValue
from domain.backoff import tries_in
from domain.effect import StepProgress, StepState
from domain.instants import HOUR
from domain.ports.outbox import OutboxRow

GIVE_UP_AFTER: Final = 72 * HOUR
"""An action that was tried in vain and is this old is given up (microseconds)."""
UNWIND: Final = "unwind:"
"""Prefix of the reason under which an action is put back that must be undone; the code of the refusal follows."""
INTERRUPTED: Final = "interrupted"
"""Stands for that code if the attempt that knew it came to no end."""
_FAILED: Final = ("error:", UNWIND)
_CREDENTIALS: Final = "credentials:"
_BEGUN: Final = frozenset({StepState.STARTED, StepState.DONE, StepState.UNDO_STARTED, StepState.UNDONE})
_TAKEN_BACK: Final = frozenset({StepState.UNDO_STARTED, StepState.UNDONE})
_WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,39}")


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ends. `move` None: the hold was lost, so nothing is finished; somebody else goes on."""

    move: Move | None
    reason: str = ""
    retry_at: int | None = None
    counts: bool = True
    """False for an outage, which never counts as an attempt (I9)."""


@dataclass(frozen=True, slots=True)
class Performed:
    """An attempt that ended: `steps` as they stand, and the `entries` that are not on record yet."""

    move: Move | None
    steps: tuple[StepProgress, ...]
    entries: tuple[AuditEntry, ...]
    reason: str = ""
    retry_at: int | None = None
    counts: bool = True


def begun(steps: Iterable[StepProgress]) -> bool:
    """True if a request of any step has, or may have, left."""
    return any(progress.state in _BEGUN for progress in steps)


def complete(steps: Iterable[StepProgress]) -> bool:
    """True if every step is done."""
    return all(progress.state is StepState.DONE for progress in steps)


def unwinding(row: OutboxRow) -> str | None:
    """The code for which what was done is to be undone, None if the action goes forward."""
    if row.reason.startswith(UNWIND):
        return row.reason.removeprefix(UNWIND)
    return INTERRUPTED if any(one.state in _TAKEN_BACK for one in row.steps) else None


def tried(row: OutboxRow) -> bool:
    """True if an earlier attempt got somewhere or failed; one that came late out of an approval has not been tried."""
    return row.attempt > 1 or row.reason.startswith(_FAILED) or begun(row.steps)


def given_up(row: OutboxRow, now: int) -> str | None:
    """The code under which the action is given up as of the Instant `now`, None if it goes on.

    One that the target's credentials held up names them: a person renews them and has it sent again.
    """
    if not tried(row) or now - row.since < GIVE_UP_AFTER:
        return None
    why = row.reason.removeprefix("error:")
    return why if why.startswith(_CREDENTIALS) else "gave_up"


def tries(row: OutboxRow, now: int) -> int:
    """Which try this is, for the next wait: outages are not counted in `row.attempt`, so age tells."""
    put_back = row.reason.startswith(_FAILED)
    return max(row.attempt, tries_in(now - row.since) if put_back else 1)


def word(code: str) -> str:
    """`code` if it is fit for the audit log, else ``other``: what a target wrote goes no further.

    >>> word("invalid"), word("no such person: Ann")
    ('invalid', 'other')
    """
    return code if _WORD.fullmatch(code) else "other"


def attempt_entry(
    row: OutboxRow, code: str, at: int, *, evidence: tuple[str, ...] = (), **detail: AuditValue
) -> AuditEntry:
    """An audit row of this attempt: step ``deliver``. `code` and `detail` are codes, never free text."""
    return AuditEntry(
        tenant=row.tenant,
        region=row.region,
        step="deliver",
        code=code,
        at=at,
        run_id=row.run_id,
        lead_id=row.lead_id,
        evidence=evidence,
        detail={"action": row.action_id, "attempt": row.attempt, **detail},
    )
