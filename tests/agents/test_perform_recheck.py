"""Right before acting: what has happened since the proposal expires it, what stood then does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.effect import StepState
from domain.ids import LeadId
from domain.instants import HOUR
from domain.kinds import Kind
from domain.lead import LeadState
from domain.ports.target import Subject
from domain.recheck import RULES, Rule, needs_look
from domain.signal import FACT, Event
from tests.agents.performing import KEYS, LEAD, LEAD_ID, NOW, TENANT, Bench, action, bench
from tests.tools.crm.faulty import Fault, MemoryTarget

BEFORE, SINCE = NOW - HOUR, NOW + HOUR
REACHING = [kind for kind in ActionKind if Rule.HUMAN_TOUCH in RULES[kind]]


def event(
    kind: str, subject: str = "", value: str = "", *, at: int = SINCE, known: int | None = None
) -> Event:
    return Event(at, f"s:{kind}:{at}", subject, kind, value, 0, known or at, ())


def won(at: int = SINCE, known: int | None = None) -> Event:
    return event(Kind.OUTCOME, "won", at=at, known=known)


def refused(purpose: str, at: int = SINCE) -> Event:
    return event(Kind.CONSENT, "withdrawn", purpose, at=at)


def with_record(kind: ActionKind, *events: Event, lead: LeadState = LEAD) -> Bench:
    """An action proposed at `NOW`, two hours ago, on a lead that the target knows."""
    one = bench(kind)
    one.target.world.create(Subject(TENANT, LEAD_ID, KEYS))
    one.now = NOW + 2 * HOUR
    one.lead = replace(lead, events=tuple(sorted(events)))
    return one


async def expires(one: Bench, rule: Rule) -> bool:
    """True if the attempt expires the action by `rule`, with nothing sent."""
    end = await one.attempt()
    if end.move is Move.EXPIRE:
        assert (end.reason, one.target.sent) == (rule.value, [])
        assert f"recheck:{rule.value}" in one.codes
    return end.move is Move.EXPIRE


IN_THE_TARGET: dict[Rule, Callable[[MemoryTarget], None]] = {
    Rule.GONE: lambda target: target.delete(TENANT, LEAD_ID),
    Rule.DO_NOT_CONTACT: lambda target: target.forbid(TENANT, LEAD_ID),
    Rule.HUMAN_TOUCH: lambda target: target.touch(TENANT, LEAD_ID, at=SINCE),
    Rule.OWNER_CHANGED: lambda target: target.give(TENANT, LEAD_ID, "boss", at=BEFORE),
}
IN_OUR_STORE: dict[Rule, LeadState] = {
    Rule.SUPPRESSED: replace(LEAD, suppressed=True),
    Rule.CONSENT: replace(LEAD, events=(refused("sales"),)),
    Rule.OUTCOME: replace(LEAD, events=(won(),)),
    Rule.NOT_A_LEAD: replace(LEAD, events=(event(Kind.NOT_A_LEAD, "spam"),)),
}


@pytest.mark.parametrize("kind", ActionKind)
@pytest.mark.parametrize("rule", IN_THE_TARGET)
async def test_news_in_the_target_expires_what_would_reach_somebody(kind: ActionKind, rule: Rule) -> None:
    one = with_record(kind)
    IN_THE_TARGET[rule](one.target)
    assert await expires(one, rule) == (rule in RULES[kind])


@pytest.mark.parametrize("kind", ActionKind)
@pytest.mark.parametrize("rule", IN_OUR_STORE)
async def test_news_of_the_lead_expires_what_the_table_says(kind: ActionKind, rule: Rule) -> None:
    lead = IN_OUR_STORE[rule]
    one = with_record(kind, *lead.events, lead=lead)
    assert await expires(one, rule) == (rule in RULES[kind])


@pytest.mark.parametrize("kind", REACHING)
async def test_what_stood_when_the_lead_was_decided_is_no_news(kind: ActionKind) -> None:
    """Policy weighed it: a lost deal, a refusal, a talk before the proposal."""
    known = event(Kind.NOT_A_LEAD, "spam", at=BEFORE)
    one = with_record(kind, won(BEFORE), refused("sales", BEFORE), refused("marketing", BEFORE), known)
    one.target.touch(TENANT, LEAD_ID, at=BEFORE)
    assert await one.until_over() is ActionState.DONE


async def test_what_was_learnt_after_the_proposal_is_news_however_old() -> None:
    assert await expires(with_record(ActionKind.CREATE_TASK, won(BEFORE, known=SINCE)), Rule.OUTCOME)


async def test_an_outcome_taken_back_stops_nothing() -> None:
    back = event(Kind.OUTCOME, "reverted", at=SINCE + 1)
    assert await with_record(ActionKind.CREATE_TASK, won(), back).until_over() is ActionState.DONE


async def test_a_refusal_of_mailings_stops_an_enrolment_and_no_call() -> None:
    assert await expires(with_record(ActionKind.ENROL, refused("marketing")), Rule.CONSENT)
    one = with_record(ActionKind.CREATE_TASK, refused("marketing"))
    assert await one.until_over() is ActionState.DONE


async def test_a_record_merged_elsewhere_expires_the_action() -> None:
    one = with_record(ActionKind.CREATE_TASK)
    other = LeadId("ld_00000000000000000002")
    one.target.world.create(Subject(TENANT, other))
    one.target.merge(TENANT, LEAD_ID, other)
    assert await expires(one, Rule.MERGED)


async def test_an_owner_is_news_only_if_a_person_chose_another() -> None:
    """The owner we ask for, the one we know, and the last one known at the proposal are not."""
    house = event(FACT, "owner", "house", at=BEFORE)
    known = replace(LEAD, owner="ann")
    for owner in ("r1", "house", "ann", None):
        one = with_record(ActionKind.ASSIGN_OWNER, house, lead=known)
        if owner is not None:
            one.target.give(TENANT, LEAD_ID, owner, at=BEFORE)
        assert await one.until_over() is ActionState.DONE
    changed = event(Kind.OWNER_CHANGE, "bob")
    one = with_record(ActionKind.ASSIGN_OWNER, house, changed, lead=replace(LEAD, owner="bob"))
    one.target.give(TENANT, LEAD_ID, "bob", at=BEFORE)
    assert await expires(one, Rule.OWNER_CHANGED)


async def test_nothing_is_looked_at_again_once_a_step_has_begun() -> None:
    """A task without its note would be half an action."""
    one = with_record(ActionKind.CREATE_TASK)
    one.target.plan.extend([None, Fault.BEFORE])
    assert (await one.attempt()).move is Move.PUT_BACK
    assert one.row.steps[0].state is StepState.DONE
    one.target.forbid(TENANT, LEAD_ID)
    assert await one.until_over() is ActionState.DONE


async def test_what_reaches_nobody_costs_no_look() -> None:
    silent = {kind for kind in ActionKind if not needs_look(kind)}
    assert silent == {ActionKind.UPSERT_SCORE, ActionKind.LEAVE}
    for kind in silent:
        one = with_record(kind)
        one.target.reads.append(Fault.BEFORE)
        assert await one.until_over() is ActionState.DONE
        assert list(one.target.reads) == [Fault.BEFORE]


async def test_a_target_that_cannot_be_looked_at_is_an_outage() -> None:
    one = Bench(action(), MemoryTarget())
    one.target.reads.append(Fault.THROTTLE)
    end = await one.attempt()
    assert (end.move, end.reason, end.counts, one.target.sent) == (
        Move.PUT_BACK,
        "error:throttled",
        False,
        [],
    )


def test_every_kind_of_action_has_its_rules() -> None:
    assert set(RULES) == set(ActionKind)
    assert all(Rule.SUPPRESSED in rules for rules in RULES.values())
