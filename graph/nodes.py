"""The five nodes: each carries state to its agent and one typed update back, under one audit wrapper."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from langgraph.runtime import Runtime

from agents import actuation as actuation_agent
from agents import ingestion as ingestion_agent
from agents import intent as intent_agent
from agents import policy as policy_agent
from agents import scoring as scoring_agent
from domain.assessment import Assessment
from domain.audit import AuditEntry, AuditValue
from domain.decision import RunInput
from domain.errors import LeadgraphError, Temporary
from domain.memory import Recall
from domain.policy import VerdictKind
from graph import thinking
from graph.deps import NO_THOUGHT, Deps, RunContext, Thought
from graph.state import RunState


class Node(Protocol):
    """A node as LangGraph calls it."""

    async def __call__(self, state: RunState, *, runtime: Runtime[RunContext]) -> RunState:
        """One step: state in, update out."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """What a node gives back: its state update, and what the audit row and the rationale say about it."""

    update: RunState
    code: str = "ok"
    evidence: tuple[str, ...] = ()
    detail: Mapping[str, AuditValue] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    thought: Thought = NO_THOUGHT
    beside: Callable[[], Awaitable[Mapping[str, AuditValue]]] | None = None
    """Asked once the update is fixed and the deadline held; what it says goes into the audit row and nowhere else."""


Body = Callable[[RunState, Deps], Awaitable[Step]]


async def ingestion(state: RunState, deps: Deps) -> Step:
    """What is new, is it lawful to use, and what do we know of this lead?"""
    intake = await ingestion_agent.take_in(state["given"], catalogue=deps.catalogue)
    detail: dict[str, AuditValue] = {
        "new": len(state["given"].new),
        "superseded": len(intake.superseded),
        "events": len(intake.lead.events),
        "lawful": intake.lawful,
        "flags": intake.flags,
    }
    refs: tuple[str, ...] = tuple(signal.signal_id for signal in intake.accepted)
    recall = state["given"].recall
    if recall is not None and not intake.suppressed:
        refs += tuple(one.ref for one in recall.refs)
        detail |= _of_memory(recall)
    code = "suppressed" if intake.suppressed else "ok"
    return Step({"intake": intake}, code, refs, detail, intake.words)


def _of_memory(recall: Recall) -> dict[str, AuditValue]:
    analogues = recall.analogues
    return {
        "recalled": len(recall.refs),
        "likeness": tuple(str(one.likeness) for one in recall.refs),
        "cases": analogues.cases if analogues else 0,
        "cases_won": analogues.won if analogues else 0,
        "recall_dropped": recall.dropped,
        "memory": recall.degraded or "ok",
    }


async def intent(state: RunState, deps: Deps) -> Step:
    """What is this lead after, and how sure are we?"""
    model = thinking.Reader(state, deps, deps.mind) if deps.mind is not None else None
    reading, lead = await intent_agent.classify(
        state["given"], state["intake"], reasoner=model or deps.reasoner
    )
    detail: dict[str, AuditValue] = {
        "top": reading.top.value,
        "confidence": reading.confidence,
        "claims": len(reading.claims),
        "reasoner": reading.reasoner,
        "sentiment": reading.mood.sentiment.value,
        "urgency": reading.mood.urgency.value,
    }
    thought = model.thought if model is not None else NO_THOUGHT
    code = f"degraded:{reading.degraded}" if reading.degraded else thought.failed or "ok"
    evidence = tuple(dict.fromkeys(claim.ref for claim in reading.claims))
    words = (f"Intent {reading.top.value} at {reading.confidence / 10:.0f} % (reasoner {reading.reasoner}).",)
    update: RunState = {"reading": reading, "lead": lead}
    if model is not None:
        update["quotes"] = model.quotes
    return Step(update, code, evidence, detail, words, thought)


async def scoring(state: RunState, deps: Deps) -> Step:
    """How likely is a sale, and why?"""
    given = state["given"]
    weighed = await thinking.weigh(state, deps, deps.mind) if deps.mind is not None else thinking.UNWEIGHED
    assessment = await scoring_agent.assess(
        given,
        state["intake"],
        state["reading"],
        state["lead"],
        scorer=deps.scorer_of(given.scorer),
        catalogue=deps.catalogue,
        nudges=weighed.tags,
        bound=weighed.bound,
    )
    score = assessment.score
    detail: dict[str, AuditValue] = {
        "arm": given.arm.value,
        "scorer": score.version,
        "points": score.points,
        "fit": score.fit,
        "engagement": score.engagement,
        "band": assessment.band.band.value,
        "cold_start": score.cold_start,
    }
    evidence = tuple(part.name for part in score.ledger)
    beside = _beside(state, deps) if given.shadow else None
    update: RunState = {"assessment": assessment}
    if weighed.tags:
        update["nudges"] = weighed.tags
    code = weighed.thought.failed or "ok"
    return Step(update, code, evidence, detail, assessment.words, weighed.thought, beside)


def _beside(state: RunState, deps: Deps) -> Callable[[], Awaitable[Mapping[str, AuditValue]]] | None:
    """The same question to the shadow, on copies of what it reads."""
    given, intake, shadow = state["given"], state["intake"], deps.shadow
    if shadow is None:
        return None
    own = replace(intake, features=dict(intake.features))
    asked = given, own, state["reading"], state["lead"]

    def look() -> Assessment:
        scorer = deps.scorer_of(given.shadow)
        return asyncio.run(scoring_agent.assess(*asked, scorer=scorer, catalogue=deps.catalogue))

    return lambda: shadow.detail(given.shadow, look)


async def policy(state: RunState, deps: Deps) -> Step:
    """What may be done about it?"""
    assessment = state["assessment"]
    verdict = await policy_agent.review(
        _with_lead(state),
        features=state["intake"].features,
        reading=state["reading"],
        score=assessment.score,
        band=assessment.band,
        previous=state["given"].lead.band,
        policy=deps.policy,
    )
    verdict, thought = await thinking.look_again(state, deps, verdict)
    detail: dict[str, AuditValue] = {
        "verdict": verdict.kind.value,
        "actions": tuple(action.kind.value for action in verdict.actions),
        "due_reason": verdict.due_reason,
    }
    evidence = tuple(f"{row.table}:{row.rule}" for row in verdict.rules)
    words = tuple(row.why for row in verdict.rules) + ((verdict.next_step,) if verdict.next_step else ())
    return Step({"verdict": verdict}, f"verdict:{verdict.kind.value}", evidence, detail, words, thought)


async def actuation(state: RunState, deps: Deps) -> Step:
    """Propose what the verdict asks for; performing it is the outbox's affair."""
    verdict = state["verdict"]
    proposals = await actuation_agent.propose(
        _with_lead(state), verdict, waiting=verdict.kind is VerdictKind.ASK
    )
    evidence = tuple(proposal.effect_key for proposal in proposals)
    detail: dict[str, AuditValue] = {"proposed": len(proposals)}
    thought = await thinking.drafts(state, deps, deps.mind) if deps.mind is not None else NO_THOUGHT
    return Step({"proposals": proposals}, "proposed", evidence, detail, thought=thought)


def _with_lead(state: RunState) -> RunInput:
    """The input with the lead as this run has it so far: an episode closed and reopened in this run counts already."""
    return replace(state["given"], lead=state["lead"])


def audited(name: str, body: Body) -> Node:
    """`body` as a LangGraph node: deadline, timing, one audit row whatever happens.

    Deadlines are held here, with `asyncio.timeout`: LangGraph's own cost 60 microseconds a node (decision 0010).
    Raises: Temporary when the deadline passes; otherwise whatever the agent raised, after its row was made.
    """

    async def node(state: RunState, *, runtime: Runtime[RunContext]) -> RunState:
        context = runtime.context
        started = time.perf_counter()
        try:
            async with asyncio.timeout(context.deps.deadlines[name]):
                step = await body(state, context.deps)
        except TimeoutError as slow:
            _record(context, state, name, "error:deadline", started=started, step=None)
            raise Temporary(f"{name} took longer than {context.deps.deadlines[name]} s") from slow
        except Exception as error:
            _record(context, state, name, error_code(error), started=started, step=None)
            raise
        if step.beside is not None:
            step = replace(step, detail={**step.detail, **await step.beside()})
        _record(context, state, name, step.code, started=started, step=step)
        return step.update

    node.__name__ = name
    node.__doc__ = body.__doc__
    return node


def error_code(error: Exception) -> str:
    """The audit code of an error: its class, never its text."""
    known = isinstance(error, LeadgraphError)
    return f"error:{type(error).__name__.lower()}" if known else f"error:bug:{type(error).__name__}"


def _record(
    context: RunContext, state: RunState, name: str, code: str, *, started: float, step: Step | None
) -> None:
    given = state["given"]
    took = round((time.perf_counter() - started) * 1_000_000)
    if step is not None:
        context.collector.words.extend((*step.words, *step.thought.words))
        if step.thought is not NO_THOUGHT:
            context.collector.thoughts.append(step.thought)
    context.collector.add(
        AuditEntry(
            tenant=given.lead.tenant,
            region=given.lead.region,
            step=name,
            code=code,
            at=given.as_of,
            run_id=given.run_id,
            lead_id=given.lead.lead_id,
            duration_us=took,
            evidence=step.evidence if step else (),
            detail={**step.detail, **step.thought.detail} if step else {},
        )
    )


BODIES: Mapping[str, Body] = {
    "ingestion": ingestion,
    "intent": intent,
    "scoring": scoring,
    "policy": policy,
    "actuation": actuation,
}
"""The agents in the order in which a lead passes them."""
