"""Taking back: a refusal in the middle, and a person who wants a done action undone."""

from dataclasses import replace

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.effect import Delivery, StepReceipt, StepState
from tests.agents.performing import (
    NOTHING,
    TENANT,
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


async def done(kind: ActionKind = ActionKind.HANDOFF, delivery: Delivery = Delivery.KEYED) -> Bench:
    """An action that was done and is now to be undone."""
    one = bench(kind, delivery=delivery)
    assert await one.until_over() is ActionState.DONE
    one.row = replace(one.row, state=ActionState.UNDOING, attempt=1, reason="")
    one.target.sent.clear()
    return one


@pytest.mark.parametrize("position", range(4))
async def test_a_refusal_at_any_step_takes_back_what_was_done_in_reverse(position: int) -> None:
    """Never half: a handoff whose task is refused gives the conversation back."""
    one = bench(plan=[*[None] * position, Fault.REFUSE])
    one.target.refusal = "forbidden"
    end = await one.attempt()
    assert (end.move, end.reason) == (Move.REFUSE, "forbidden")
    assert left(one.target) == NOTHING
    keys = [step.key for step in one.row.steps]
    assert one.target.sent == [*keys[: position + 1], *(f"{key}/undo" for key in reversed(keys[:position]))]


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.VANISHED, Fault.THROTTLE])
@pytest.mark.parametrize("undone", range(2))
async def test_an_outage_in_the_middle_of_an_unwind_goes_on_unwinding(fault: Fault, undone: int) -> None:
    """The next attempt never goes forward again, even though the target would take it now."""
    again = [fault] * 2 if fault in (Fault.AFTER, Fault.VANISHED) else [fault]
    one = bench(plan=[None, None, Fault.REFUSE, *[None] * undone, *again])
    end = await one.attempt()
    assert (end.move, end.reason, end.counts) == (Move.PUT_BACK, "unwind:refused", False)
    assert await one.until_over() is ActionState.FAILED
    assert (one.row.reason, left(one.target), doubled(one.target)) == ("refused", NOTHING, [])


async def test_a_kill_in_the_middle_of_an_unwind_goes_on_unwinding() -> None:
    one = bench(plan=[None, None, Fault.REFUSE], kills={3: True})
    with pytest.raises(Killed):
        await one.attempt()
    assert await one.until_over() is ActionState.FAILED
    assert (one.row.reason, left(one.target), doubled(one.target)) == ("interrupted", NOTHING, [])


async def test_what_cannot_be_taken_back_in_an_unwind_goes_to_a_person() -> None:
    one = bench(plan=[None, None, Fault.REFUSE, Fault.REFUSE])
    assert await one.until_over() is ActionState.UNKNOWN
    assert one.row.reason == "unwind:refused"
    assert "step:create_task:cannot_undo" in one.codes
    assert left(one.target) == {**NOTHING, "tasks": 1}


async def test_an_undo_of_what_a_person_has_removed_already_is_done() -> None:
    one = bench(plan=[None, None, Fault.REFUSE, Fault.REFUSE])
    one.target.refusal = "gone"
    assert await one.until_over() is ActionState.FAILED


async def test_undoing_a_handoff_leaves_only_what_cannot_be_taken_back() -> None:
    one = await done()
    assert left(one.target) == WHOLE
    end = await one.attempt()
    assert (end.move, end.reason) == (Move.FINISH_UNDO, "cannot_undo")
    assert left(one.target) == {**NOTHING, "notifications": 1}
    assert [step.state for step in one.row.steps] == [*[StepState.UNDONE] * 3, StepState.DONE]
    assert "step:notify:cannot_undo" in one.codes


@pytest.mark.parametrize("delivery", [Delivery.KEYED, Delivery.READ_BACK])
@pytest.mark.parametrize(
    "fault", [Fault.BEFORE, Fault.AFTER, Fault.VANISHED, Fault.THROTTLE, "killed", "killed_after"]
)
async def test_an_undo_happens_once_whatever_fails(delivery: Delivery, fault: Fault | str) -> None:
    one = await done(ActionKind.CREATE_TASK, delivery)
    if isinstance(fault, Fault):
        one.target.plan.append(fault)
    else:
        assert isinstance(one.target, Mortal)
        one.target.kills = {0: fault == "killed_after"}
    assert await one.until_over() is ActionState.COMPENSATED
    assert (left(one.target), doubled(one.target)) == (NOTHING, [])


async def test_an_undo_whose_answer_is_lost_where_nobody_can_be_asked_goes_to_a_person() -> None:
    one = await done(ActionKind.CREATE_TASK, Delivery.NEITHER)
    one.target.plan.append(Fault.AFTER)
    assert await one.until_over() is ActionState.UNKNOWN
    assert doubled(one.target) == []


async def test_an_undo_that_the_target_refuses_goes_to_a_person() -> None:
    one = await done(ActionKind.CREATE_TASK)
    one.target.plan.append(Fault.REFUSE)
    assert await one.until_over() is ActionState.UNKNOWN
    assert one.row.reason == "undo_refused"
    assert left(one.target) == {**NOTHING, "notes": 1}


async def test_an_owner_is_given_back_unless_a_person_has_changed_it_since() -> None:
    for later, expected in ((None, ""), ("boss", "boss")):
        one = await done(ActionKind.ASSIGN_OWNER)
        if later:
            one.target.give(TENANT, one.row.lead_id, later, at=one.now)
        assert await one.until_over() is ActionState.COMPENSATED
        (card,) = one.target.world.cards.values()
        assert card.owner["owner"] == expected


async def test_a_step_that_a_person_said_was_done_is_looked_up_before_it_is_undone() -> None:
    """Once unknown, then resolved by a person as done: its receipt is fetched, not guessed."""
    one = bench(ActionKind.CREATE_TASK, delivery=Delivery.READ_BACK, kills={1: True})
    with pytest.raises(Killed):
        await one.attempt()
    one.row = replace(one.row, state=ActionState.UNDOING)
    assert await one.until_over() is ActionState.COMPENSATED
    assert left(one.target) == NOTHING


async def test_a_step_nobody_can_tell_does_not_keep_the_others_from_being_undone() -> None:
    row = action(steps=[StepState.DONE] * 3 + [StepState.STARTED], state=ActionState.UNDOING)
    target = MemoryTarget(delivery=Delivery.NEITHER)
    one = Bench(replace(row, steps=tuple(replace(s, receipt=StepReceipt("none")) for s in row.steps)), target)
    end = await one.attempt()
    assert end.move is Move.FINISH_UNDO
    assert [step.state for step in end.steps] == [*[StepState.UNDONE] * 3, StepState.STARTED]
    assert "step:notify:cannot_undo" in one.codes


async def test_an_undo_stops_when_the_hold_is_lost() -> None:
    one = await done(ActionKind.CREATE_TASK)
    one.held.extend([True, False])
    end = await one.attempt()
    assert (end.move, len(one.target.sent)) == (None, 1)
