"""Performing: whatever fails, an action is done once, or undone, or left to a person; the target's ledger judges."""

from collections import deque
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.action import ActionKind, ActionState, Move
from domain.effect import Delivery, Step, StepKind, StepReceipt, StepState
from domain.ids import LeadId
from domain.instants import HOUR, SECOND
from domain.ports.target import Subject
from tests.agents.performing import (
    NOTHING,
    NOW,
    WHOLE,
    Bench,
    Killed,
    Mortal,
    action,
    bench,
    doubled,
    left,
)
from tests.tools.crm.faulty import Fault, MemoryTarget

ONE_SHOT: Final = (Fault.BEFORE, Fault.AFTER, Fault.VANISHED, Fault.THROTTLE, Fault.REFUSE)
OTHER: Final = LeadId("ld_00000000000000000009")
LOST: Final = (Fault.AFTER, Fault.VANISHED)


@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("fault", ONE_SHOT)
@pytest.mark.parametrize("position", range(4))
async def test_a_fault_at_any_step_ends_done_once_or_undone_or_with_a_person(
    delivery: Delivery, fault: Fault, position: int
) -> None:
    """I2, by the target's own ledger: never doubled, never half."""
    one = bench(plan=[*[None] * position, fault], delivery=delivery)
    state = await one.until_over()
    assert doubled(one.target) == []
    if fault is Fault.REFUSE:
        assert (state, left(one.target)) == (ActionState.FAILED, NOTHING)
    elif fault in LOST and delivery is Delivery.NEITHER:
        assert state is ActionState.UNKNOWN
        assert len(one.target.sent) == position + 1
    else:
        assert (state, left(one.target)) == (ActionState.DONE, WHOLE)


@pytest.mark.parametrize("kind", ActionKind)
@pytest.mark.parametrize("fault", [None, *ONE_SHOT])
async def test_each_kind_of_action_survives_each_fault(kind: ActionKind, fault: Fault | None) -> None:
    one = bench(kind, [fault])
    state = await one.until_over()
    assert state is (ActionState.FAILED if fault is Fault.REFUSE else ActionState.DONE)
    assert len(one.target.ledger) == (0 if fault is Fault.REFUSE else len(one.row.steps))


@given(
    plan=st.lists(st.sampled_from((None, *ONE_SHOT)), max_size=12),
    reads=st.lists(st.sampled_from((None, Fault.BEFORE, Fault.THROTTLE)), max_size=8),
    delivery=st.sampled_from(Delivery),
    kills=st.dictionaries(st.integers(0, 9), st.booleans(), max_size=3),
)
async def test_no_run_of_faults_and_kills_doubles_or_halves_an_effect(
    plan: list[Fault | None], reads: list[Fault | None], delivery: Delivery, kills: dict[int, bool]
) -> None:
    one = bench(plan=plan, delivery=delivery, kills=kills)
    one.target.reads.extend(reads)
    state = await one.until_over()
    assert doubled(one.target) == []
    if state is ActionState.DONE:
        assert left(one.target) == WHOLE
    elif state is ActionState.FAILED:
        assert left(one.target) == NOTHING
    else:
        assert state is ActionState.UNKNOWN
        assert delivery is Delivery.NEITHER or one.row.reason.startswith("unwind:")


@pytest.mark.parametrize("delivery", [Delivery.KEYED, Delivery.READ_BACK])
async def test_two_hundred_lost_answers_make_one_effect_each(delivery: Delivery) -> None:
    target = MemoryTarget(delivery=delivery)
    for number in range(200):
        target.plan = deque([Fault.AFTER, Fault.AFTER, None] * 2)
        row = action(ActionKind.CREATE_TASK)
        keyed = tuple(replace(step, key=f"{number}/{step.key}") for step in row.steps)
        one = Bench(replace(row, steps=keyed), target)
        assert await one.until_over(most=400) is ActionState.DONE
    assert doubled(target) == []
    assert (target.counts()["tasks"], target.counts()["notes"]) == (200, 200)


async def test_a_step_is_on_record_before_its_request_leaves() -> None:
    """I3: whatever moment the process dies at, what may have left is known."""
    seen: list[str] = []

    class Watched(MemoryTarget):
        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            seen.append(one.log[-1] if one.log else "nothing")
            return await super().send(step, subject, key=key)

    one = Bench(action(ActionKind.CREATE_TASK), Watched())
    await one.attempt()
    assert seen == ["started pending", "done started"]


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("delivery", Delivery)
@pytest.mark.parametrize("position", range(4))
async def test_a_kill_between_note_and_answer_is_found_out_by_the_next_attempt(
    delivery: Delivery, position: int, applied: bool
) -> None:
    one = bench(delivery=delivery, kills={position: applied})
    state = await one.until_over()
    assert doubled(one.target) == []
    if delivery is Delivery.NEITHER:
        assert state is ActionState.UNKNOWN
        assert one.row.steps[position].state is StepState.STARTED
    else:
        assert (state, left(one.target)) == (ActionState.DONE, WHOLE)


async def test_a_read_back_target_is_asked_before_anything_is_sent_again() -> None:
    one = bench(ActionKind.CREATE_TASK, delivery=Delivery.READ_BACK, kills={0: True})
    with pytest.raises(Killed):
        await one.attempt()
    one.target.reads.append(Fault.BEFORE)
    end = await one.attempt()
    assert (end.move, end.steps[0].state, one.target.sent) == (
        Move.PUT_BACK,
        StepState.STARTED,
        [one.row.steps[0].key],
    )
    assert await one.until_over() is ActionState.DONE
    assert one.target.sent == [step.key for step in one.row.steps]


async def test_an_outage_while_sending_again_does_not_say_that_the_first_request_was_lost() -> None:
    """The outage speaks of the second request; the first may have counted, so the step stays started."""
    one = bench(ActionKind.CREATE_TASK, [Fault.AFTER, Fault.BEFORE])
    end = await one.attempt()
    assert (end.move, end.steps[0].state) == (Move.PUT_BACK, StepState.STARTED)
    assert await one.until_over() is ActionState.DONE
    assert doubled(one.target) == []


async def test_a_refusal_while_sending_again_is_checked_against_what_is_there() -> None:
    """A right that was taken away meanwhile refuses the second request; the first one's task is there all the same."""
    one = bench(ActionKind.CREATE_TASK, [Fault.AFTER, Fault.REFUSE])
    assert await one.until_over() is ActionState.DONE
    assert one.target.counts()["tasks"] == 1


async def test_an_outage_waits_and_never_counts() -> None:
    """I9."""
    one = bench(plan=[Fault.BEFORE] * 8)
    waits = []
    for _ in range(8):
        before = one.now
        end = await one.attempt()
        assert (end.move, end.counts, end.reason) == (Move.PUT_BACK, False, "error:temporary")
        waits.append((end.retry_at or 0) - before)
    assert waits[0] < 3 * SECOND < max(waits)
    assert await one.until_over() is ActionState.DONE
    assert one.row.attempt == 1


async def test_a_throttled_action_does_not_come_back_before_it_was_asked_to() -> None:
    one = bench(plan=[Fault.THROTTLE])
    one.target.retry_after_s = 90.0
    end = await one.attempt()
    assert (end.move, end.reason, end.counts) == (Move.PUT_BACK, "error:throttled", False)
    assert one.now >= NOW + 90 * SECOND
    assert "error:throttled" in one.codes


@pytest.mark.parametrize("notes_kept", range(4))
async def test_when_the_hold_is_lost_nothing_more_is_sent(notes_kept: int) -> None:
    one = bench()
    one.held.extend([True] * notes_kept + [False])
    end = await one.attempt()
    assert end.move is None
    assert len(one.target.sent) == notes_kept


@pytest.mark.parametrize("field", ["kind", "params", "episode", "hash", "origin", "steps", "no_steps"])
async def test_bytes_that_are_not_those_proposed_are_never_acted_upon(field: str) -> None:
    row = action(ActionKind.CREATE_TASK)
    step = replace(row.steps[0], step=Step(StepKind.CREATE_TASK, {"queue": "salet"}))
    torn = {
        "kind": replace(row, kind=ActionKind.NOTIFY),
        "params": replace(row, params={**row.params, "owner": "r2"}),
        "episode": replace(row, episode=2),
        "hash": replace(row, proposal_hash="0" + row.proposal_hash[1:]),
        "origin": replace(row, origin=OTHER),
        "steps": replace(row, steps=(step, row.steps[1])),
        "no_steps": replace(row, steps=()),
    }
    one = Bench(torn[field], MemoryTarget())
    end = await one.attempt()
    assert (end.move, end.reason, one.target.sent) == (Move.REFUSE, "digest", [])


async def test_torn_bytes_of_an_action_that_had_begun_go_to_a_person() -> None:
    row = action(ActionKind.CREATE_TASK, steps=[StepState.DONE])
    for torn in (replace(row, episode=2), replace(row, steps=(), attempt=2)):
        one = Bench(torn, MemoryTarget())
        end = await one.attempt()
        assert (end.move, end.reason, one.target.sent) == (Move.LOSE_TRACK, "digest", [])


async def test_after_a_merge_the_hash_is_still_that_of_the_lead_it_was_proposed_for() -> None:
    one = bench(ActionKind.CREATE_TASK)
    one.row = replace(one.row, lead_id=OTHER)
    assert await one.until_over() is ActionState.DONE
    assert {line.lead_id for line in one.target.ledger} == {one.row.lead_id}


async def test_what_fails_for_three_days_is_given_up_and_leaves_nothing() -> None:
    one = bench(plan=[None, None, *[Fault.BEFORE] * 2_000])
    while one.row.reason != "unwind:gave_up":
        await one.attempt()
    assert 72 * HOUR <= one.now - NOW < 74 * HOUR
    assert len(one.ends) < 400
    one.target.plan.clear()
    assert await one.until_over() is ActionState.FAILED
    assert (one.row.reason, left(one.target)) == ("gave_up", NOTHING)


async def test_an_action_that_was_approved_late_is_tried_before_it_is_given_up() -> None:
    one = bench()
    one.row = replace(one.row, at=NOW - 80 * HOUR)
    assert await one.until_over() is ActionState.DONE


async def test_an_old_action_that_was_done_before_the_process_died_is_done() -> None:
    one = Bench(action(steps=[StepState.DONE] * 4, at=NOW - 80 * HOUR), MemoryTarget())
    assert await one.until_over() is ActionState.DONE


async def test_without_a_target_for_each_step_nothing_is_sent() -> None:
    one = bench()
    one.targets = {kind: one.target for kind in StepKind if kind is not StepKind.NOTIFY}
    end = await one.attempt()
    assert (end.move, end.reason, one.target.sent) == (Move.REFUSE, "no_target", [])
    limited = Mortal(takes=[StepKind.HAND_OVER])
    one = Bench(action(), limited)
    assert (await one.attempt()).reason == "no_target"


async def test_audit_rows_name_steps_and_refs_and_nothing_that_was_written() -> None:
    one = bench(plan=[Fault.THROTTLE, None, None, None, Fault.REFUSE])
    one.target.refusal = "no such person: Ann Example"
    await one.until_over()
    assert {entry.step for entry in one.entries} == {"deliver"}
    assert [entry.evidence for entry in one.entries if entry.code == "step:create_task:done"] == [("task-1",)]
    said = repr([(e.code, e.detail, e.evidence) for e in one.entries])
    assert "step:notify:refused" in said
    for text in ("Call", "Ann", "sales", "r1"):
        assert text not in said
