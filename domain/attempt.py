"""One attempt at an action: where it stands when it begins, what it says in the audit log, how it ends."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.action import Move, proposal_hash
from domain.audit import AuditEntry, AuditValue
from domain.backoff import tries_in
from domain.effect import LEFT, MAY_BE_LEFT, StepProgress, StepReceipt, StepState
from domain.errors import LeadgraphError, Temporary, Throttled
from domain.ids import LeadId
from domain.instants import HOUR, MINUTE
from domain.ports.outbox import OutboxRow, Taken
from domain.ports.target import Subject
from domain.signal import KeyKind

GIVE_UP_AFTER: Final = 72 * HOUR
"""An action that was tried in vain and is this old is given up (microseconds)."""
STALE_AFTER: Final = 10 * MINUTE
"""A step that may be left out is not begun any more when its action is this old (microseconds)."""
UNWIND: Final = "unwind:"
"""Prefix of the reason under which an action is put back that must be undone; the code of the refusal follows."""
INTERRUPTED: Final = "interrupted"
"""Stands for that code if the attempt that knew it came to no end."""
UNKNOWN: Final = "unknown"
"""Stands for why a step was left out that may have happened."""
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


def trouble(error: LeadgraphError) -> str:
    """The code of an outage, for a reason and the audit log."""
    if isinstance(error, Throttled):
        return error.code
    return "temporary" if isinstance(error, Temporary) else "unknown"


def intact(row: OutboxRow) -> bool:
    """True if the bytes are those that were proposed: the hash fits, and the steps say nothing else."""
    said = row.params.items()
    same = all(pair in said for one in row.steps for pair in one.step.params.items())
    digest = proposal_hash(row.kind, row.origin, row.params, row.episode)
    return bool(row.steps) and same and digest == row.proposal_hash


def subject_of(taken: Taken) -> Subject:
    """The lead as a target finds it; of its conversations only the one that the action is about, if it is about one.

    A target knows nothing of a merge on our side. Under the winner's name it would look for the task at another
    record, and call it gone: so once a step has begun, the lead is the one under which the action was first taken.
    """
    row, talk = taken.row, taken.row.params.get("talk")
    lead = LeadId(row.steps[0].key.partition("/")[0]) if begun(row.steps) else row.lead_id
    keys = (
        key for key in taken.keys if talk is None or key.kind is not KeyKind.CONVERSATION or key.value == talk
    )
    return Subject(row.tenant, lead, tuple(keys))


def left_out(row: OutboxRow, steps: Sequence[StepProgress], code: str) -> Mapping[int, StepReceipt]:
    """What is still to be done, by its place, as left out because of `code`; empty if not all of it may be left out.

    A step that was started may have happened, whatever the action is given up for: it is `UNKNOWN`.
    """
    to_do = {n: one for n, one in enumerate(steps) if one.state is not StepState.DONE}
    if unwinding(row) or not all(one.step.kind in MAY_BE_LEFT for one in to_do.values()):
        return {}
    return {
        n: StepReceipt(before={LEFT: UNKNOWN if one.state is StepState.STARTED else code})
        for n, one in to_do.items()
    }
