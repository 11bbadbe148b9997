"""What the tests of delivery build with: leads about whom things are decided, and a clock moved by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.action import ActionKind, ActionState, Move
from domain.approval import Approval, Terms, VoteKind
from domain.decision import Bundle
from domain.effect import StepProgress, StepReceipt, StepState
from domain.ids import LeadId
from domain.instants import SECOND
from domain.kinds import Kind
from domain.policy import Verdict, VerdictKind
from domain.ports.commit import Committed
from domain.ports.outbox import OutboxRow, Taken
from domain.signal import LeadKey
from tests.tools.contract.stores import (
    CRM,
    EMAIL,
    LEASE,
    NOW,
    POLICY,
    TENANT,
    AnyStore,
    alias,
    bundle,
    claim,
    key,
    proposal,
    signal,
)

ADA, BOB, ACE = key(EMAIL, "ada"), key(EMAIL, "bob"), key(CRM, "ace")
TASK, SCORE, ENROL = ActionKind.CREATE_TASK, ActionKind.UPSERT_SCORE, ActionKind.ENROL
NOTIFY, HANDOFF = ActionKind.NOTIFY, ActionKind.HANDOFF


class Company:
    """One tenant's leads in a store."""

    def __init__(self, store: AnyStore) -> None:
        self.store, self.now, self._number = store, int(NOW), 1_000
        self.terms = Terms()
        """On which terms people are asked."""

    def later(self, us: int = SECOND) -> int:
        """Move the clock on."""
        self.now += us
        return self.now

    async def lead(self, who: LeadKey = ADA) -> LeadId:
        """Who a key is."""
        found = await self.store.reads.find_lead(TENANT, who.value)
        assert found is not None
        return found

    async def decide(
        self,
        *kinds: ActionKind,
        who: LeadKey = ADA,
        waiting: bool = False,
        params: Mapping[str, str] | None = None,
    ) -> Sequence[OutboxRow]:
        """Something new about a lead is decided on; the rows that this proposed."""
        await self.store.inbox.accept([signal(self._next(), who)], now=self.now)
        lead, asked = await self.lead(who), list[str]()
        bundles = []
        for one in await claim(self.store, self.now):
            mine = one.given.lead.lead_id == lead
            state = ActionState.WAITING if waiting else ActionState.PROPOSED
            wanted = tuple(
                proposal(lead, self._next(), kind, state=state, params=params) for kind in kinds if mine
            )
            bundles.append(self._on_terms(bundle(one, proposals=wanted)))
            asked += [bundles[-1].decision.decision_id] if mine else []
        results = await self.store.commit.commit(bundles, now=self.now)
        assert set(results) == {Committed.DONE}
        (decision,) = asked
        return await self.store.outbox.of_decision(TENANT, decision)

    async def ask(self, *kinds: ActionKind, who: LeadKey = ADA) -> Approval:
        """A decision that waits for a person."""
        await self.decide(*kinds, who=who, waiting=True)
        (approval,) = [
            one for one in await self.store.approvals.open(TENANT) if one.lead_id == await self.lead(who)
        ]
        return approval

    async def vote(
        self, approval: Approval, by: str = "rita", kind: VoteKind = VoteKind.APPROVE, **given: str
    ) -> Approval:
        """A person's word, on what was looked at unless `given` says otherwise."""
        said = {"proposal_hash": approval.proposal_hash, "policy": POLICY, **given}
        return await self.store.approvals.vote(
            TENANT, approval.approval_id, kind=kind, by=by, now=self.now, **said
        )

    async def take(self, limit: int = 10) -> Sequence[Taken]:
        """Take with the usual lease."""
        return await self.store.outbox.take(now=self.now, limit=limit, lease_us=LEASE)

    async def take_one(self) -> Taken:
        """The only action that can be taken."""
        (one,) = await self.take()
        return one

    async def finish(self, taken: Taken, move: Move = Move.CONFIRM, *, sent: bool = True) -> OutboxRow:
        """End a hold; with all steps done where something was `sent`."""
        steps = progressed(taken, StepState.DONE) if sent else taken.row.steps
        assert await self.store.outbox.finish(taken, move, steps, (), now=self.now)
        return await self.row(taken.row.action_id)

    async def send(self) -> OutboxRow:
        """Take the only action and have it done."""
        return await self.finish(await self.take_one())

    async def row(self, action_id: str) -> OutboxRow:
        """A row as it is now."""
        row = await self.store.outbox.get(TENANT, action_id)
        assert row is not None
        return row

    async def states(self) -> list[tuple[str, str, str]]:
        """Kind, state and reason of every row, the oldest first."""
        rows = await self.store.outbox.rows(TENANT, limit=1_000)
        return [(row.kind.value, row.state.value, row.reason) for row in rows[::-1]]

    async def audit(self, step: str) -> list[str]:
        """Codes of the audit rows of a step."""
        return [row["code"] for row in await self.store.reads.audit_rows(TENANT) if row["step"] == step]  # type: ignore[misc]  # a parsed row

    async def join(self, *who: LeadKey) -> None:
        """Declare keys one."""
        await self.store.inbox.accept([alias(self._next(), *who)], now=self.now)

    async def part(self, *who: LeadKey) -> None:
        """Take that back; it counts as later than all that was said before."""
        undone = alias(self._next(), *who, undo=True, at=self.now)
        await self.store.inbox.accept([undone], now=self.now)

    async def forget(self, who: LeadKey = ADA) -> None:
        """A privacy deletion."""
        asked = signal(self._next(), who, kind=Kind.PRIVACY_DELETE)
        await self.store.inbox.accept([asked], now=self.now)

    async def woken(self) -> list[str]:
        """Reasons of the leads that are ready now, which are run."""
        claimed = await claim(self.store, self.now)
        await self.store.commit.commit([bundle(one) for one in claimed], now=self.now)
        return sorted(one.given.reason for one in claimed)

    def _on_terms(self, made: Bundle) -> Bundle:
        verdict = Verdict(VerdictKind.ASK, (), (), None, None, None, "", POLICY, self.terms)
        return replace(made, decision=replace(made.decision, verdict=verdict))

    def _next(self) -> int:
        self._number += 1
        return self._number


def progressed(taken: Taken, state: StepState) -> tuple[StepProgress, ...]:
    """The steps of an action, all in `state`."""
    receipt = StepReceipt("ref", {}) if state is StepState.DONE else None
    return tuple(replace(step, state=state, receipt=receipt) for step in taken.row.steps)
