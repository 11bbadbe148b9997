"""What a person needs to decide on a proposal: what would be written, beside what is there, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.action import ActionState
from domain.approval import Approval, ApprovalState, VoteKind
from domain.decision import Decision
from domain.edit import Difference
from domain.effect import steps_of
from domain.errors import BadInput, Temporary
from domain.ids import LeadId
from domain.instants import Instant, iso
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from domain.ports.target import Change, Subject
from domain.score import MICRO_POINT
from graph.thinking import DRAFT
from surfaces.audit_story import tell
from surfaces.editing import changes, edit_from
from surfaces.trouble import Trouble, explain

REASONS = 5


@dataclass(frozen=True, slots=True)
class Offer:
    """One action of a proposal: what it would write. `away` names the target that could not be asked."""

    row: OutboxRow
    changes: tuple[Change, ...]
    trouble: Trouble
    """What stands in its way by now."""
    away: str | None = None

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "action": self.row.action_id,
            "kind": self.row.kind.value,
            "state": self.row.state.value,
            "params": dict(self.row.params),
            "writes": [
                {"step": c.step.value, "field": c.field, "before": c.before, "after": c.after}
                for c in self.changes
            ],
            "target_away": self.away,
            **self.trouble.document(),
        }


@dataclass(frozen=True, slots=True)
class Card:
    """An approval with everything behind it; `decision` is None once its record was erased."""

    approval: Approval
    offers: tuple[Offer, ...]
    decision: Decision | None
    changed: tuple[Difference, ...] = ()
    """What a person has edited."""
    drafts: tuple[str, ...] = ()
    """What a language model drafted for the person who decides; nothing sends it."""

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return summary(self.approval) | {
            "actions": [offer.document() for offer in self.offers],
            "reasons": reasons(self.decision),
            "evidence": evidence(self.decision),
            "changed": [{"field": c.field, "before": c.before, "after": c.after} for c in self.changed],
            "drafts": list(self.drafts),
        }


def summary(approval: Approval) -> dict[str, Any]:
    """The JSON form of an approval without what is behind it. Comments of voters are left out."""
    return {
        "approval": approval.approval_id,
        "lead": approval.lead_id,
        "decision": approval.decision_id,
        "state": approval.state.value,
        "proposal_hash": approval.proposal_hash,
        "people": approval.terms.people,
        "approved_by": sum(vote.kind is VoteKind.APPROVE for vote in approval.votes),
        "asked_at": iso(Instant(approval.asked_at)),
        "expires_at": iso(Instant(approval.expires_at)),
        "assignee": approval.assignee,
        "reason": approval.reason,
        "edited_by": approval.edited.by if approval.edited else None,
        "edited_at": iso(Instant(approval.edited.at)) if approval.edited else None,
        "edited_from": approval.edited.origin if approval.edited else None,
    }


def reasons(decision: Decision | None) -> list[str]:
    """Why, in sentences built from the decision's own parts: the rules that fired, then what moved the score."""
    if decision is None:
        return []
    rules = [row.why for row in decision.verdict.rules] if decision.verdict else []
    parts = sorted(decision.score.ledger if decision.score else (), key=lambda part: -abs(part.micro))
    moved = [f"{part.micro / MICRO_POINT:+.1f} points: {part.words}" for part in parts if part.words]
    return rules + moved[:REASONS]


def evidence(decision: Decision | None) -> list[str]:
    """Refs of the signals behind the largest parts of the score and behind the intent, each once."""
    if decision is None:
        return []
    parts = sorted(decision.score.ledger if decision.score else (), key=lambda part: -abs(part.micro))
    refs = [ref for part in parts if part.words for ref in part.signals][: REASONS * 2]
    claims = [claim.ref for claim in decision.reading.claims] if decision.reading else []
    return list(dict.fromkeys(claims + refs))


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person said: a verdict on what has this hash, or an approval with changes (``NAME=VALUE``)."""

    verdict: VoteKind
    proposal_hash: str
    by: str
    comment: str = ""
    edit: Sequence[str] = ()
    drop: Sequence[str] = ()


async def decide(home: Home, approval: Approval, answer: Answer) -> Approval:
    """Take one person's word on `approval`.

    Raises: BadInput, see `Approvals`; with the code ``used`` also if the word counts for nothing, as what was asked no
    longer holds.
    """
    after = await _said(home, approval, answer)
    if after.state is ApprovalState.REDECIDED:
        problem = (
            f"{after.approval_id} no longer holds ({after.reason}): nothing is sent, the lead is decided anew"
        )
        raise BadInput("approval", problem, "look at the open approvals", code="used")
    return after


async def _said(home: Home, approval: Approval, answer: Answer) -> Approval:
    now, policy = home.clock.now(), home.policy.version
    if answer.edit or answer.drop:
        return await home.approvals.edit(
            home.tenant,
            approval.approval_id,
            edit=await edit_from(home, approval, answer.edit, answer.drop),
            proposal_hash=answer.proposal_hash,
            by=answer.by,
            policy=policy,
            now=now,
            comment=answer.comment,
        )
    return await home.approvals.vote(
        home.tenant,
        approval.approval_id,
        kind=answer.verdict,
        proposal_hash=answer.proposal_hash,
        by=answer.by,
        policy=policy,
        now=now,
        comment=answer.comment,
    )


async def called(home: Home, name: str) -> Approval:
    """The approval called `name` (its id, or that of its decision or an action). Raises: BadInput."""
    approval = await home.approvals.get(home.tenant, name)
    if approval is None:
        remedy = "see them with: leadgraph approvals list"
        raise BadInput("approval", f"there is none called {name}", remedy, code="unknown")
    return approval


async def card(home: Home, name: str) -> Card:
    """The approval called `name` with everything behind it; its targets are asked. Raises: BadInput."""
    approval = await called(home, name)
    rows = await home.outbox.of_decision(home.tenant, approval.decision_id)
    asked = [row for row in rows if row.action_id in approval.action_ids]
    story = await tell(home, approval.decision_id)
    record = story.record if story else None
    offers = tuple([await offer(home, row) for row in asked])
    return Card(
        approval,
        offers,
        record.decision if record else None,
        tuple(await changes(home, approval, rows)),
        tuple(line for line in record.rationale if line.startswith(DRAFT)) if record else (),
    )


async def offer(home: Home, row: OutboxRow) -> Offer:
    """What `row` would write now, step by step, as its targets see it."""
    keys = await home.reads.keys(home.tenant, LeadId(row.lead_id))
    subject = Subject(row.tenant, row.lead_id, tuple(keys))
    writes: list[Change] = []
    why = explain(home, row)
    for step in steps_of(row.kind, row.params):
        target = home.targets.get(step.kind)
        if target is None:
            return Offer(row, tuple(writes), why, f"nothing takes the step {step.kind.value}")
        try:
            writes += await target.preview([step], subject)
        except Temporary:
            return Offer(row, tuple(writes), why, target.name)
    return Offer(row, tuple(writes), why)


async def undo(home: Home, name: str, *, by: str) -> Sequence[OutboxRow]:
    """Ask for an action, or all done actions of a decision, to be taken back, the newest first. Raises: BadInput."""
    one = await home.outbox.get(home.tenant, name)
    rows = [one] if one else list(await home.outbox.of_decision(home.tenant, name))
    if not rows:
        raise BadInput("id", f"there is no action or decision called {name}", "give dc_… or ac_…")
    there = [
        row for row in rows if row.state in (ActionState.DONE, ActionState.UNDOING, ActionState.COMPENSATED)
    ]
    if not there:
        states = ", ".join(sorted({row.state.value for row in rows}))
        raise BadInput("id", f"nothing of {name} was done ({states})", "only done actions can be taken back")
    now = home.clock.now()
    return [await home.outbox.undo(home.tenant, row.action_id, by=by, now=now) for row in reversed(there)]
