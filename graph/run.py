"""One run of the graph, and its assembly into what is committed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from domain.action import ActionKind, Proposal
from domain.asking import Kept
from domain.assessment import Assessment
from domain.audit import AuditEntry
from domain.decision import Bundle, Decision, DecisionState, LeadClaim, RunInput, Timer
from domain.ids import DecisionId
from domain.instants import MINUTE
from domain.intake import Intake
from domain.lead import LeadState, PastAction
from domain.nudge import nudged
from domain.policy import Verdict, VerdictKind
from domain.ports.vault import Vault
from domain.rollout import Arm
from graph.build import LONGEST_PATH, Graph
from graph.deliver import deliver as deliver
from graph.deps import Collector, Deps, RunContext
from graph.record import pack, plain
from graph.state import RunState
from graph.thinking import REDO

REDO_AFTER = 5 * MINUTE
"""A degraded decision is redone after this long (microseconds)."""
RECALL_AFTER = 60 * MINUTE
"""So is one whose recall was missing, the second time and later: it stands without it (microseconds)."""
SOONEST = MINUTE
"""No timer wakes a lead sooner than this after its run, so that a wrong due time cannot spin (microseconds)."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished run: its decision, the lead as it leaves the run, audit rows and rationale. Nothing is stored yet."""

    decision: Decision
    lead: LeadState
    superseded: tuple[str, ...]
    timers: tuple[Timer, ...]
    entries: tuple[AuditEntry, ...]
    words: tuple[str, ...]
    answers: Mapping[str, Kept] | None = None
    """Of a language model; None if there was none at hand."""


async def run_lead(graph: Graph, deps: Deps, given: RunInput, *, collector: Collector | None = None) -> Ran:
    """Run the five agents on one pinned input; `collector` tells its listener of each transition as it happens.

    A pure function of `given` and the versions behind `deps` (durations apart).
    Raises: Temporary for an outage or a deadline, anything else for a defect; `collector` then holds the rows so far.
    """
    rows = collector if collector is not None else Collector()
    state: dict[str, object] = {"given": given}
    updates = graph.astream(
        {"given": given},
        {"recursion_limit": LONGEST_PATH},
        context=RunContext(deps, rows),
        stream_mode="updates",
    )
    async for update in updates:
        for change in update.values():
            state |= change
    return conclude(given, cast(RunState, state), rows)


def conclude(given: RunInput, state: RunState, rows: Collector) -> Ran:
    """The decision that a final state stands for."""
    intake, verdict = state["intake"], state.get("verdict")
    assessment, reading = state.get("assessment"), state.get("reading")
    proposals = state.get("proposals", ())
    band = assessment.band if assessment else given.lead.band
    lead = _lead_after(given, state, proposals)
    decision = Decision(
        decision_id=DecisionId(f"dc_{given.run_id.removeprefix('rn_')}"),
        run_id=given.run_id,
        lead_id=given.lead.lead_id,
        as_of=given.as_of,
        reason=given.reason,
        state=_decision_state(state, rows),
        signals=tuple(signal.signal_id for signal in given.new),
        features=intake.features,
        reading=reading,
        score=assessment.score if assessment else None,
        band=band,
        verdict=verdict,
        proposals=proposals,
        quality=given.quality,
        versions=given.versions,
        flags=_flags(given, intake, state, rows),
    )
    rows.add(_closing(given, decision))
    timers = _timers(given, decision, verdict, assessment)
    return Ran(
        decision,
        lead,
        intake.superseded,
        timers,
        tuple(rows.entries),
        tuple(rows.words),
        answers=_answers(rows),
    )


def bundle(ran: Ran, given: RunInput, claim: LeadClaim, vault: Vault) -> Bundle:
    """Everything of one run for the one commit; the record is sealed and its commitment put on the closing row."""
    content = plain(ran.decision)
    packed = pack(given, content, ran.words, ran.answers)
    sealed = vault.seal(given.lead.tenant, given.lead.lead_id, packed)
    closing = replace(ran.entries[-1], commitment=sealed.commitment)
    return Bundle(
        claim=claim,
        decision=ran.decision,
        content=content,
        lead=ran.lead,
        superseded=ran.superseded,
        audit=(*ran.entries[:-1], closing),
        record=sealed,
        timers=ran.timers,
        account_changed=bool(given.new) and given.lead.account is not None,
        reserved=_reserved(ran.decision, given),
    )


def _lead_after(given: RunInput, state: RunState, proposals: tuple[Proposal, ...]) -> LeadState:
    lead = nudged(state.get("lead", state["intake"].lead), state.get("nudges", {}))
    assessment, verdict, reading = state.get("assessment"), state.get("verdict"), state.get("reading")
    past = {action.kind: action for action in lead.actions}
    for proposal in proposals:
        past[proposal.kind.value] = _past(proposal, given.as_of)
    return replace(
        lead,
        band=assessment.band if assessment else lead.band,
        owner=_owner_after(lead, verdict),
        actions=tuple(past[kind] for kind in sorted(past)),
        reading={intent.value: confidence for intent, confidence in reading.confidences} if reading else {},
    )


def _owner_after(lead: LeadState, verdict: Verdict | None) -> str | None:
    """Whose lead it is from now on. An owner that a person has fixed leaves no trace unless it was assigned."""
    if verdict is None or verdict.kind is not VerdictKind.ACT or not verdict.owner:
        return lead.owner
    assigned = any(action.kind is ActionKind.ASSIGN_OWNER for action in verdict.actions)
    return verdict.owner if assigned else lead.owner


def _reserved(decision: Decision, given: RunInput) -> tuple[str, ...]:
    """Whose capacity the decision takes. Routing finds somebody with room; whom a person fixed may have none left."""
    owner = decision.verdict.owner if decision.verdict else None
    assigned = any(proposal.kind is ActionKind.ASSIGN_OWNER for proposal in decision.proposals)
    room = {rep.rep_id for rep in given.reps if rep.load < rep.capacity}
    return (owner,) if owner and assigned and owner in room else ()


def _past(proposal: Proposal, at: int) -> PastAction:
    """What is remembered of a proposal: for a score that was written, what it said."""
    points = proposal.params.get("points") if proposal.kind is ActionKind.UPSERT_SCORE else None
    band = proposal.params.get("band") if proposal.kind is ActionKind.UPSERT_SCORE else None
    return PastAction(proposal.kind.value, at, proposal.episode, int(points) if points else None, band)


def _answers(rows: Collector) -> Mapping[str, Kept] | None:
    """None if no model was at hand: then no step has a thought."""
    if not rows.thoughts:
        return None
    return {place: kept for thought in rows.thoughts for place, kept in thought.kept.items()}


def _decision_state(state: RunState, rows: Collector) -> DecisionState:
    reading, verdict = state.get("reading"), state.get("verdict")
    if state["intake"].suppressed:
        return DecisionState.SUPPRESSED
    if (reading is not None and reading.degraded) or any(thought.again for thought in rows.thoughts):
        return DecisionState.DEGRADED
    if verdict is not None and verdict.kind is VerdictKind.ASK:
        return DecisionState.WAITING
    return DecisionState.FINAL


def _flags(given: RunInput, intake: Intake, state: RunState, rows: Collector) -> tuple[str, ...]:
    flags = {*intake.flags, *(thought.failed for thought in rows.thoughts if thought.failed)}
    if given.arm is not Arm.CHAMPION:
        flags.add(f"arm:{given.arm.value}")
    reading, assessment = state.get("reading"), state.get("assessment")
    if reading is not None and reading.degraded:
        flags.add(f"degraded:{reading.degraded}")
    if assessment is not None and assessment.score.cold_start:
        flags.add("cold_start")
    flags.update(f"quality:{failure.gate.value}" for failure in given.quality)
    return tuple(sorted(flags))


def _closing(given: RunInput, decision: Decision) -> AuditEntry:
    verdict = decision.verdict
    return AuditEntry(
        tenant=given.lead.tenant,
        region=given.lead.region,
        step="run",
        code=f"route:{verdict.kind.value}" if verdict else "route:stop",
        at=given.as_of,
        run_id=given.run_id,
        lead_id=given.lead.lead_id,
        evidence=decision.signals,
        versions=given.versions,
        detail={
            "decision": decision.decision_id,
            "state": decision.state.value,
            "reason": given.reason,
            "attempt": given.attempt,
            "flags": decision.flags,
        },
    )


def _timers(
    given: RunInput, decision: Decision, verdict: Verdict | None, assessment: Assessment | None
) -> tuple[Timer, ...]:
    timers: list[Timer] = []
    if decision.state is DecisionState.DEGRADED:
        timers.append(Timer(given.as_of + REDO_AFTER, REDO))
    elif given.recall is not None and given.recall.again:
        wait = RECALL_AFTER if given.reason == REDO else REDO_AFTER
        timers.append(Timer(given.as_of + wait, REDO))
    if assessment is not None and assessment.next_due is not None:
        timers.append(assessment.next_due)
    if verdict is not None and verdict.due_at is not None and verdict.due_reason is not None:
        timers.append(Timer(verdict.due_at, verdict.due_reason))
    soonest = given.as_of + SOONEST
    return tuple(Timer(max(timer.due_at, soonest), timer.reason) for timer in timers)
