"""A step that may be left out: it never undoes what was done before it, and it is not begun late."""

from dataclasses import replace

import pytest

from domain.action import ActionKind, ActionState, Move, moved
from domain.attempt import STALE_AFTER
from domain.effect import LEFT, StepKind, StepState
from domain.instants import HOUR
from tests.agents.performing import NOW, PARAMS, Bench, action
from tests.tools.crm.faulty import Fault, MemoryTarget

TOLD = {**PARAMS[ActionKind.HANDOFF], "tell": "One moment", "heard": "2023-11-14T22:13:20.000Z"}
DONE = [StepState.DONE] * 4


def bench(*plan: Fault | None, steps: list[StepState] | None = None) -> Bench:
    """A handing over that ends with a word to the customer."""
    return Bench(action(params=TOLD, steps=steps or []), MemoryTarget(plan))


def told(one: Bench) -> int:
    return [line.kind for line in one.target.ledger].count(StepKind.TELL_CUSTOMER)


async def test_the_customer_is_told_last() -> None:
    one = bench()
    assert await one.until_over() is ActionState.DONE
    assert one.target.ledger[-1].kind is StepKind.TELL_CUSTOMER
    assert one.row.steps[-1].step.params["tell"] == "One moment"


async def test_without_a_sentence_nobody_is_told() -> None:
    one = Bench(action(), MemoryTarget())
    assert await one.until_over() is ActionState.DONE
    assert told(one) == 0


async def test_a_refusal_leaves_it_out_and_the_rest_stands() -> None:
    one = bench(None, None, None, None, Fault.REFUSE)
    assert await one.until_over() is ActionState.DONE
    assert one.row.steps[-1].receipt is not None
    assert one.row.steps[-1].receipt.before == {LEFT: "refused"}
    assert [(one.code, one.detail["reason"]) for one in one.entries[-1:]] == [
        ("step:tell_customer:left", "refused")
    ]
    assert len(one.target.ledger) == 4


async def test_an_earlier_refusal_comes_before_any_word() -> None:
    one = bench(None, None, Fault.REFUSE)
    assert await one.until_over() is ActionState.FAILED
    assert told(one) == 0


@pytest.mark.parametrize(("lost", "count"), [(None, 0), (Fault.AFTER, 1), (Fault.VANISHED, 0)])
async def test_it_is_not_begun_late_and_what_may_have_arrived_is_looked_up(
    lost: Fault | None, count: int
) -> None:
    one = bench(None, None, None, None, *([lost] * 2 if lost else [Fault.BEFORE]))
    one.target.reads.extend([None, *[Fault.BEFORE] * 3])
    await one.attempt()
    one.target.reads.clear()
    assert one.row.state is ActionState.SENDING
    one.now = NOW + STALE_AFTER + 1
    one.target.plan.clear()
    assert await one.until_over() is ActionState.DONE
    assert told(one) == count


async def test_what_nobody_can_tell_for_days_is_left_and_the_handing_over_stands() -> None:
    one = bench(steps=[*DONE, StepState.STARTED])
    one.row = replace(one.row, at=NOW - 80 * HOUR, attempt=2)
    one.target.reads.extend([Fault.BEFORE] * 9)
    assert await one.until_over() is ActionState.DONE
    assert (one.target.sent, one.entries[-1].detail["reason"]) == ([], "unknown"), "it may have been read"


async def test_undoing_one_that_was_left_out_leaves_nothing_to_explain() -> None:
    one = bench(None, None, None, None, Fault.REFUSE)
    await one.until_over()
    one.row = replace(one.row, state=moved(one.row.state, Move.UNDO))
    await one.attempt()
    assert one.row.steps[-1].state is StepState.UNDONE
    assert "step:tell_customer:cannot_undo" not in [entry.code for entry in one.entries]


async def test_without_somebody_who_tells_the_rest_is_done() -> None:
    one = bench()
    one.targets = {kind: one.target for kind in StepKind if kind is not StepKind.TELL_CUSTOMER}
    assert await one.until_over() is ActionState.DONE
    assert (len(one.target.ledger), one.entries[-1].detail["reason"]) == (4, "no_target")


async def test_a_person_who_took_it_meanwhile_expires_it() -> None:
    one = bench(Fault.REFUSE)
    one.target.refusal = "owner_changed"
    assert await one.until_over() is ActionState.EXPIRED
    assert (one.row.reason, one.target.ledger) == ("owner_changed", [])
