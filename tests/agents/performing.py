"""Actions to perform, and a bench that performs them as a dispatcher would: what was noted outlives a kill."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agents.actuation import perform
from domain.action import ActionKind, ActionState, Move, moved, proposal_hash
from domain.attempt import Performed
from domain.audit import AuditEntry
from domain.effect import Delivery, Step, StepKind, StepProgress, StepReceipt, StepState, steps_of
from domain.ids import ActionId, DecisionId, LeadId, Region, RunId, TenantId
from domain.lead import LeadState
from domain.ports.outbox import OutboxRow, Taken
from domain.ports.target import Subject, Target
from domain.signal import KeyKind, LeadKey
from tests.tools.crm.faulty import Fault, MemoryTarget

NOW = 1_700_000_000_000_000
TENANT, LEAD_ID = TenantId("t"), LeadId("ld_00000000000000000001")
LEAD = LeadState(LEAD_ID, TENANT, Region("eu"))
KEYS = (LeadKey(KeyKind.CRM_ID, "c1"), LeadKey(KeyKind.CONVERSATION, "v1"))
PARAMS: Mapping[ActionKind, Mapping[str, str]] = {
    ActionKind.UPSERT_SCORE: {"band": "hot", "points": "71"},
    ActionKind.CREATE_TASK: {"next_step": "Call about pricing", "owner": "r1", "queue": "sales"},
    ActionKind.ASSIGN_OWNER: {"owner": "r1", "team": "north"},
    ActionKind.ENROL: {"programme": "nurture"},
    ActionKind.LEAVE: {"programme": "nurture"},
    ActionKind.HANDOFF: {
        "next_step": "Call about pricing",
        "owner": "r1",
        "queue": "sales",
        "priority": "high",
    },
    ActionKind.NOTIFY: {"next_step": "Call about pricing", "owner": "r1", "queue": "sales"},
}
OVER = frozenset(
    {ActionState.DONE, ActionState.FAILED, ActionState.UNKNOWN, ActionState.EXPIRED, ActionState.COMPENSATED}
)


class Killed(BaseException):
    """The process ends here."""


class Mortal(MemoryTarget):
    """A target whose caller is killed at the sends that `kills` names; True: after it was applied."""

    kills: Mapping[int, bool] = {}

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step, or die."""
        after = self.kills.get(len(self.sent))
        if after is None:
            return await super().send(step, subject, key=key)
        self.sent.append(key)
        if after:
            self._apply(step, subject, key)
        raise Killed


def action(
    kind: ActionKind = ActionKind.HANDOFF,
    *,
    at: int = NOW,
    state: ActionState = ActionState.SENDING,
    params: Mapping[str, str] | None = None,
    steps: Sequence[StepState] = (),
) -> OutboxRow:
    """An action that was just taken for the first time; `steps` says how far each is, the rest are pending."""
    said = dict(PARAMS[kind] if params is None else params)
    key = f"{LEAD_ID}/{kind.value}/1"
    progress = [StepProgress(step, f"{key}/{n}") for n, step in enumerate(steps_of(kind, said))]
    for n, how_far in enumerate(steps):
        progress[n] = replace(progress[n], state=how_far)
    return OutboxRow(
        action_id=ActionId("ac_1_0"),
        tenant=TENANT,
        region=LEAD.region,
        lead_id=LEAD_ID,
        origin=LEAD_ID,
        kind=kind,
        params=said,
        episode=1,
        effect_key=key,
        state=state,
        proposal_hash=proposal_hash(kind, LEAD_ID, said, 1),
        decision_id=DecisionId("dc_1"),
        run_id=RunId("rn_1"),
        at=at,
        attempt=1,
        steps=tuple(progress),
    )


@dataclass
class Bench:
    """One action, its target, and what is durable of it: `row` and `entries`."""

    row: OutboxRow
    target: MemoryTarget
    lead: LeadState = LEAD
    now: int = NOW
    targets: Mapping[StepKind, Target] | None = None
    entries: list[AuditEntry] = field(default_factory=list)
    ends: list[Performed] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    """What happened in its order: ``note`` with the states of the steps."""
    held: deque[bool] = field(default_factory=deque)
    """Answers of the next notes; True when used up."""

    async def attempt(self) -> Performed:
        """Take the action, perform it once, keep the end."""
        taken = Taken(self.row, 1, self.now + 1, self.lead, KEYS)
        targets = dict.fromkeys(StepKind, self.target) if self.targets is None else self.targets
        end = await perform(taken, targets=targets, note=self.note, now=lambda: self.now)
        self.ends.append(end)
        if end.move is None:
            return end
        self.entries += end.entries
        row = self.row = replace(
            self.row, state=moved(self.row.state, end.move), steps=end.steps, reason=end.reason
        )
        if end.move is Move.PUT_BACK:
            assert end.retry_at is not None
            assert end.retry_at > self.now
            self.now = end.retry_at
            if row.state is ActionState.PROPOSED:
                self.row = replace(row, state=moved(row.state, Move.TAKE), attempt=row.attempt + end.counts)
        return end

    async def until_over(self, most: int = 40) -> ActionState:
        """Attempts until the action has ended; a kill is followed by another attempt."""
        for _ in range(most):
            try:
                await self.attempt()
            except Killed:
                self.row = replace(self.row, attempt=self.row.attempt + 1)
            if self.row.state in OVER:
                return self.row.state
        raise AssertionError(f"not over: {self.row}")

    async def note(self, steps: Sequence[StepProgress], entries: Sequence[AuditEntry]) -> bool:
        """Keep the steps, unless the hold was lost."""
        if self.held and not self.held.popleft():
            return False
        self.row = replace(self.row, steps=tuple(steps))
        self.entries += entries
        self.log.append(" ".join(step.state.value for step in steps))
        return True

    @property
    def codes(self) -> list[str]:
        """Codes of the audit rows."""
        return [entry.code for entry in self.entries]


def doubled(target: MemoryTarget) -> list[str]:
    """Keys that the target's ledger has more than once."""
    keys = [line.key for line in target.ledger]
    return sorted({key for key in keys if keys.count(key) > 1})


def left(target: MemoryTarget) -> dict[str, int]:
    """What is open in the target: tasks, notes, notifications, conversations with an owner."""
    counts = target.counts()
    return {
        "tasks": counts["tasks"],
        "notes": counts["notes"],
        "notifications": counts["notifications"],
        "talks": sum(bool(talk.get("owner")) for talk in target.world.talks.values()),
    }


WHOLE = {"tasks": 1, "notes": 1, "notifications": 1, "talks": 1}
"""A handoff that was done."""
NOTHING = dict.fromkeys(WHOLE, 0)


def bench(
    kind: ActionKind = ActionKind.HANDOFF,
    plan: Iterable[Fault | None] = (),
    *,
    delivery: Delivery = Delivery.KEYED,
    kills: Mapping[int, bool] | None = None,
) -> Bench:
    """An action of `kind` before a target that fails by `plan`."""
    target = Mortal(plan, delivery=delivery)
    target.kills = kills or {}
    return Bench(action(kind), target)
