"""What must always hold, one function each. They know the store's rows and the target's ledger, and no other code.

`Watch.after_step` asks them all after each step; each answers with a sentence for every promise that is broken.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from domain.action import NEXT, ActionState
from domain.approval import ApprovalState, VoteKind, hash_of
from domain.attempt import begun
from domain.effect import StepKind, StepProgress, StepState
from domain.ports.outbox import OutboxRow
from tests.chaos.house import ONCE, Sight
from tests.tools.crm.faulty import Line

KNOWN: Final = frozenset({"waiting", "applied", "superseded", "parked"})
STANDS: Final = frozenset(
    {
        ActionState.PROPOSED,
        ActionState.SENDING,
        ActionState.DONE,
        ActionState.UNKNOWN,
        ActionState.UNDOING,
    }
)
"""States in which the effect of an action that has begun is in the target, or may be."""
AT_REST: Final = frozenset(ActionState) - {
    ActionState.PROPOSED,
    ActionState.SENDING,
    ActionState.UNDOING,
}


@dataclass
class Watch:
    """What the checks remember between two looks."""

    paths: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Of each action the states that its audit rows tell of."""
    attempts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    released: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """How often each approval let its actions go."""
    approvals: dict[str, ApprovalState] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    lines: int = 0
    """Lines of the ledger that were looked at."""
    tokens: dict[str, int] = field(default_factory=dict)
    """Of each action the newest hold that was given out."""
    trespasses: list[str] = field(default_factory=list)

    def hears(self, label: str, given: Any, answer: Any) -> None:
        """I2: whoever has lost a hold changes nothing any more."""
        if label == "outbox.take":
            self.tokens.update({one.row.action_id: one.token for one in answer})
        elif label in ("outbox.note", "outbox.finish") and answer:
            one = given.row.action_id
            if given.token != self.tokens[one]:
                self.trespasses.append(f"I2: {label} of {one} was taken from one who had lost it")

    def after_step(self, sight: Sight, acknowledged: set[str]) -> list[str]:
        """Everything that is broken now."""
        self._read(sight.audit)
        fresh = {one for one, row in sight.rows.items() if begun(row.steps)} - self.begun
        lines = sight.ledger[self.lines :]
        broken = [
            *self.trespasses,
            *signals_are_kept(sight, acknowledged),
            *what_is_applied_is_remembered(sight),
            *states_go_by_the_life_cycle(sight, self),
            *approvals_end_once(sight, self),
        ]
        for one in sorted(fresh):
            row = sight.rows[one]
            broken += one_live_effect(sight, row)
            broken += nothing_new_for_the_suppressed(sight, row)
            broken += nothing_begins_without_its_approval(sight, row)
        for line in lines:
            broken += nothing_is_sent_off_the_record(sight, self, line)
            broken += nothing_is_applied_twice(sight, line)
        self.begun |= fresh
        self.lines = len(sight.ledger)
        self.approvals = {one: approval.state for one, approval in sight.approvals.items()}
        return broken

    def _read(self, audit: Sequence[Mapping[str, Any]]) -> None:
        for row in audit:
            detail, code = row["detail"], row["code"]
            if row["step"] == "approval" and code == "released":
                self.released[detail["approval"]] += 1
            if row["step"] != "deliver":
                continue
            if code == "attempt":
                self.attempts[detail["action"]] += 1
                self.paths[detail["action"]].append(detail["state"])
            elif code.startswith("moved:"):
                self.paths[detail["action"]].append(code.removeprefix("moved:"))


def signals_are_kept(sight: Sight, acknowledged: set[str]) -> list[str]:
    """I1: what was acknowledged is there, waiting or in a terminal state."""
    lost = sorted(ref for ref in acknowledged if sight.signals.get(ref) not in KNOWN)
    return [f"I1: {ref} was acknowledged and is gone" for ref in lost]


def what_is_applied_is_remembered(sight: Sight) -> list[str]:
    """I1: a signal that counts as applied is part of its lead's state."""
    return [f"I1: {ref} counts as applied, but its lead knows nothing of it" for ref in sight.unapplied]


def one_live_effect(sight: Sight, row: OutboxRow) -> list[str]:
    """I2: when an action begins, no other of its (lead, kind, episode) stands in the target, or may."""
    rivals = [
        other.action_id
        for other in sight.rows.values()
        if other.action_id != row.action_id
        if (other.lead_id, other.kind, other.episode) == (row.lead_id, row.kind, row.episode)
        if sight.effect_is_live(other) or (begun(other.steps) and other.state in STANDS)
    ]
    if row.kind not in ONCE or not rivals:
        return []
    return [f"I2: {row.action_id} ({row.kind.value}) begins, though {rivals[0]} of the same lead stands"]


def nothing_is_applied_twice(sight: Sight, line: Line) -> list[str]:
    """I2: one step, one line in the target's ledger."""
    times = sum(other.key == line.key for other in sight.ledger)
    return [f"I2: {line.key} is in the ledger {times} times"] if times > 1 else []


def nothing_is_sent_off_the_record(sight: Sight, watch: Watch, line: Line) -> list[str]:
    """I3: when the target applies a step, its attempt and its start are on record already."""
    rows = sight.of_key(line.key)
    undone = line.key.endswith("/undo")
    started = (StepState.UNDO_STARTED, StepState.UNDONE) if undone else (StepState.STARTED, StepState.DONE)
    own = line.key.removesuffix("/undo")
    if not any(watch.attempts[row.action_id] for row in rows):
        return [f"I3: {line.key} was applied, and no attempt is on record"]
    if not any(one.key == own and one.state in started for row in rows for one in row.steps):
        return [f"I3: {line.key} was applied before its start was on record"]
    return []


def nothing_begins_without_its_approval(sight: Sight, row: OutboxRow) -> list[str]:
    """I5: enough different people approved exactly this, in time, and nobody said no."""
    if row.approval_id is None:
        return []
    approval = sight.approvals[row.approval_id]
    voters = {vote.by for vote in approval.votes if vote.kind is VoteKind.APPROVE}
    hashes = [sight.rows[one].proposal_hash for one in approval.action_ids]
    faults = {
        f"is {approval.state.value}": approval.state is not ApprovalState.APPROVED,
        "was rejected": any(vote.kind is VoteKind.REJECT for vote in approval.votes),
        f"has {len(voters)} of {approval.terms.people} people": len(voters) < approval.terms.people,
        "was given after its end": any(vote.at >= approval.expires_at for vote in approval.votes),
        "is about something else": approval.proposal_hash != hash_of(hashes),
    }
    return [f"I5: {row.action_id} begins, but its approval {why}" for why, bad in faults.items() if bad]


def approvals_end_once(sight: Sight, watch: Watch) -> list[str]:
    """I5: an approval that has ended stays as it ended, and lets its actions go once."""
    turned = [
        f"I5: approval {one} was {before.value} and is {sight.approvals[one].state.value}"
        for one, before in watch.approvals.items()
        if before is not ApprovalState.OPEN and sight.approvals[one].state is not before
    ]
    again = [f"I5: approval {one} was used {n} times" for one, n in watch.released.items() if n > 1]
    return turned + again


def states_go_by_the_life_cycle(sight: Sight, watch: Watch) -> list[str]:
    """Every row went from one state to the next as `NEXT` allows, and stands where its audit rows end."""
    broken = []
    for one, row in sight.rows.items():
        path = [ActionState(state) for state in watch.paths.get(one, ())]
        first = ActionState.PROPOSED if row.approval_id is None else ActionState.WAITING
        bad = [pair for pair in pairwise([first, *path]) if pair not in _STEPS]
        if bad:
            broken.append(f"life cycle: {one} went from {bad[0][0].value} to {bad[0][1].value}")
        if row.state is not [first, *path][-1]:
            broken.append(f"life cycle: {one} is {row.state.value}, its audit rows say {path}")
    return broken


_STEPS: Final = frozenset((state, after) for (state, _), after in NEXT.items())


def nothing_new_for_the_suppressed(sight: Sight, row: OutboxRow) -> list[str]:
    """I7: nothing begins for a lead after it asked to be forgotten."""
    if row.lead_id not in sight.suppressed:
        return []
    return [f"I7: {row.action_id} begins for a lead that asked to be forgotten"]


def everything_is_at_rest(sight: Sight) -> list[str]:
    """In the end no signal waits, and every action is over or waits for a person who was asked."""
    waiting = [ref for ref, state in sight.signals.items() if state == "waiting"]
    moving = [row.action_id for row in sight.rows.values() if row.state not in AT_REST]
    unasked = [
        row.action_id
        for row in sight.rows.values()
        if row.state is ActionState.WAITING
        and (row.approval_id is None or sight.approvals[row.approval_id].state is not ApprovalState.OPEN)
    ]
    return [
        *(f"I1: {ref} waits for ever" for ref in waiting),
        *(f"at rest: {one} is {sight.rows[one].state.value} for ever" for one in moving),
        *(f"at rest: {one} waits, and nobody was asked" for one in unasked),
    ]


def receipts_equal_the_ledger(sight: Sight) -> list[str]:
    """In the end the steps on record say what the target's ledger says, each with the target's own answer.

    Of an action that a person looked at, or is to look at, a step may be in doubt; no other may.
    """
    lines = {line.key: line for line in sight.ledger}
    broken = [f"receipts: {key} is in the ledger and on no record" for key in lines if not sight.of_key(key)]
    for row in sight.rows.values():
        for one in row.steps:
            if len(sight.of_key(one.key)) > 1:
                continue  # two actions share the key, as in a merge: the line is either's
            wrong = _wrong(sight, row, one, lines)
            if wrong:
                broken.append(f"receipts: {one.key} of {row.action_id} ({row.state.value}) {wrong}")
    return broken


def _wrong(sight: Sight, row: OutboxRow, one: StepProgress, lines: Mapping[str, Line]) -> str:
    """What is wrong with a step at the end, empty if nothing is."""
    there, undone = one.key in lines, f"{one.key}/undo" in lines
    match one.state:
        case StepState.PENDING:
            return "was never taken, and is in the ledger" if there and not undone else ""
        case StepState.DONE if not there or undone:
            return "is done, and the ledger does not have it standing"
        case StepState.DONE:
            return "" if one.receipt == lines[one.key].receipt else "has not the receipt of the ledger"
        case StepState.UNDONE:
            return "" if undone or sight.deleted else "is undone, and stands in the ledger"
        case _:
            looked_at = row.state is ActionState.UNKNOWN or row.reason == "resolved"
            return "" if looked_at or row.reason == "cannot_undo" else "is in doubt, and nobody looks"


def nothing_is_left_half(sight: Sight) -> list[str]:
    """In the end nothing stands of an action that failed or was taken back, but what cannot be taken back."""
    return [
        f"half: {row.action_id} is {row.state.value}, and {one.step.kind.value} of it stands"
        for row in sight.rows.values()
        if row.state in (ActionState.FAILED, ActionState.COMPENSATED) and row.reason != "resolved"
        for one in row.steps
        if one.state is StepState.DONE and one.step.kind is not StepKind.NOTIFY
    ]


AT_THE_END: Final[Sequence[Callable[[Sight], list[str]]]] = (
    everything_is_at_rest,
    receipts_equal_the_ledger,
    nothing_is_left_half,
)
