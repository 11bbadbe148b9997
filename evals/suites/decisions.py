"""Suites that ask about leads, again and again under other circumstances: policy, rationale, robustness."""

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.audit import AuditEntry
from domain.decision import Decision
from domain.errors import LeadgraphError
from domain.feature import Aggregate
from domain.lead import LeadState, absorb
from domain.score import Part, Score
from domain.signal import Event
from evals.cases import Case, Step, Trace
from evals.world import World, digest, moment_of
from graph.run import Ran, run_lead


def case_of(world: World, suite: str, lead: LeadState, as_of: int, **given: Any) -> Case:
    """A case about one lead."""
    return Case(
        id=f"{suite}:{lead.lead_id}@{as_of}", suite=suite, dataset=world.name, account=lead.account, at=as_of,
        slices={"region": lead.region}, given={"lead_id": lead.lead_id, **given},
    )  # fmt: skip


def steps_of(entries: Iterable[AuditEntry]) -> tuple[Step, ...]:
    """The run's audit rows as steps."""
    return tuple(
        Step(step=entry.step, code=entry.code, evidence=entry.evidence, detail=dict(entry.detail))
        for entry in entries
    )


def _seconds(ran: Ran) -> float:
    return sum(entry.duration_us for entry in ran.entries) / 1e6


async def policy(world: World, most: int) -> AsyncIterator[Trace]:
    """Each lead twice with one and the same input, and which rules fired."""
    for lead in await world.leads(most):
        as_of = moment_of(lead)
        given, ran = await world.run(lead, as_of)
        again = await run_lead(world.graph, world.deps, given)
        verdict = ran.decision.verdict
        output = {
            "digest": digest(ran.decision),
            "digest_again": digest(again.decision),
            "differing": _differing(ran.decision, again.decision),
            "verdict": verdict.kind.value if verdict else None,
            "rules": [f"{row.table}:{row.rule}" for row in verdict.rules] if verdict else None,
        }
        case = case_of(world, "policy", lead, as_of, rules=sorted(world.rules))
        yield Trace(case=case, output=output, steps=steps_of(ran.entries), seconds=_seconds(ran))


def coverage(traces: Sequence[Trace], rules: Iterable[str]) -> dict[str, Any]:
    """Which rows of the decision tables these traces made fire."""
    known = set(rules)
    fired = {rule for trace in traces for rule in trace.output.get("rules") or ()}
    return {"rules": len(known), "fired": len(fired & known), "never_fired": sorted(known - fired)}


def _differing(one: Decision, other: Decision) -> list[str]:
    names = Decision.__dataclass_fields__
    return [name for name in names if digest(getattr(one, name)) != digest(getattr(other, name))]


async def rationale(world: World, most: int) -> AsyncIterator[Trace]:
    """Each lead's reasons, and for each whether it rests on the signals it cites."""
    for lead in await world.leads(most):
        as_of = moment_of(lead)
        given, ran = await world.run(lead, as_of)
        score = ran.decision.score
        if score is None:
            continue
        output = {
            "points": score.points,
            "ledger": [[part.name, part.micro] for part in score.ledger],
            "own": sorted({event.ref for event in lead.events}),
            "read": sorted({event.ref for event in given.lead.events if max(event.at, event.known) <= as_of}),
            "cited": [
                {
                    "name": part.name,
                    "refs": list(part.signals),
                    "rests": await _rests(world, lead, as_of, ran.decision, part),
                }
                for part in score.ledger
                if part.signals
            ],
        }
        case = case_of(world, "rationale", lead, as_of)
        yield Trace(case=case, output=output, steps=steps_of(ran.entries), seconds=_seconds(ran))


OF_ONE: Final = frozenset(
    {Aggregate.RECENCY, Aggregate.AGE, Aggregate.LAST, Aggregate.LAST_AMOUNT, Aggregate.LAST_NUMBER}
)
"""Features that a single event decides; without it another event of the same hour may say the same."""


async def _rests(world: World, lead: LeadState, as_of: int, decision: Decision, part: Part) -> bool | None:
    """Whether a reason rests on the signals it cites: it weighs or says something else once they are gone.

    Where a single event decides, the value of the feature must follow from the cited signals alone instead.
    None where a reason names only some of its signals.
    """
    if part.signal_count > len(part.signals):
        return None
    cited, catalogue = set(part.signals), world.deps.catalogue
    feature = part.feature if part.feature in decision.features else None
    if feature is not None and catalogue.get(feature).aggregate in OF_ONE:
        alone = tuple(event for event in lead.events if event.ref in cited)
        return catalogue.prepare(alone).at(as_of, frozenset({feature}))[feature] == decision.features[feature]
    left = tuple(event for event in lead.events if event.ref not in cited)
    _, ran = await world.run(replace(lead, events=left), as_of)
    after = ran.decision.score
    return after is None or _rows(after, part.name) != _rows(decision.score, part.name)


def _rows(score: Score | None, name: str) -> list[tuple[int, str]]:
    return sorted((part.micro, part.words) for part in score.ledger if part.name == name) if score else []


async def robustness(world: World, most: int) -> AsyncIterator[Trace]:
    """Each lead with its signals shuffled, late, repeated, and without one channel at a time."""
    dice = random.Random(world.seed)  # noqa: S311 - orders to try, nothing secret
    for lead in await world.leads(most):
        as_of = moment_of(lead)
        _, ran = await world.run(lead, as_of)
        variants: dict[str, Any] = {}
        for name, change in CHANGES.items():
            variants[name] = await _variant(world, lead, as_of, change(lead.events, dice))
        for channel in sorted({event.kind.split(".")[0] for event in lead.events if "." in event.kind}):
            left = tuple(event for event in lead.events if not event.kind.startswith(f"{channel}."))
            variants[f"without:{channel}"] = await _variant(world, lead, as_of, left)
        output = {**_said(ran.decision), "variants": variants}
        case = case_of(world, "robustness", lead, as_of)
        yield Trace(case=case, output=output, steps=steps_of(ran.entries), seconds=_seconds(ran))


def _shuffled(events: tuple[Event, ...], dice: random.Random) -> tuple[Event, ...]:
    """In any order, one at a time."""
    kept: tuple[Event, ...] = ()
    for event in dice.sample(events, len(events)):
        kept, _ = absorb(kept, [event])
    return kept


def _late(events: tuple[Event, ...], dice: random.Random) -> tuple[Event, ...]:
    """The second half first, then the rest in two batches."""
    half, cut = len(events) // 2, dice.randint(0, len(events) // 2)
    kept, _ = absorb((), events[half:])
    kept, _ = absorb(kept, events[cut:half])
    return absorb(kept, events[:cut])[0]


def _duplicated(events: tuple[Event, ...], dice: random.Random) -> tuple[Event, ...]:
    """Some come again, some three times."""
    again = dice.choices(events, k=len(events))
    return absorb(absorb(absorb((), events)[0], again)[0], again)[0]


CHANGES: Final[Mapping[str, Callable[[tuple[Event, ...], random.Random], tuple[Event, ...]]]] = {
    "shuffled": _shuffled,
    "late": _late,
    "duplicated": _duplicated,
}


async def _variant(world: World, lead: LeadState, as_of: int, events: tuple[Event, ...]) -> dict[str, Any]:
    try:
        _, ran = await world.run(replace(lead, events=events), as_of)
    except LeadgraphError as error:
        return {"digest": "", "points": None, "problem": type(error).__name__}
    kept = {event.ref for event in events}
    score = ran.decision.score
    cited = {ref for part in score.ledger for ref in part.signals} if score else set()
    made = _said(ran.decision)
    return made | ({"problem": "cites what is not there"} if cited - kept else {})


def _said(decision: Decision) -> dict[str, Any]:
    score = decision.score
    points = score.points if score else None
    ledger = [(part.name, part.micro) for part in score.ledger] if score else []
    return {"digest": digest([dict(decision.features), ledger, points]), "points": points}
