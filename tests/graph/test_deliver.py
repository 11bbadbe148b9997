"""One delivery: how each kind of failure ends, and that what is on record decides what the next attempt does."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from domain.action import ActionKind, ActionState, Move
from domain.attempt import Performed
from domain.effect import Step, StepKind, StepReceipt, StepState
from domain.errors import Fenced, Permanent, Temporary
from domain.instants import Instant
from domain.ports.target import Subject
from graph.deliver import ATTEMPTS, deliver
from tests.agents.performing import NOTHING, NOW, action, doubled, left
from tests.graph.delivering import SmallOutbox
from tests.tools.crm.faulty import Fault, MemoryTarget


class Broken(MemoryTarget):
    """A target with defects: at the sends in `bugs` it raises what no target should."""

    bugs: frozenset[int] = frozenset()
    error: Exception = ValueError("Ann Example")

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        """Take one step, or break."""
        if len(self.sent) in self.bugs:
            self.sent.append(key)
            raise self.error
        return await super().send(step, subject, key=key)


@dataclass
class Scene:
    """One action in an outbox, before a target."""

    target: Broken
    outbox: SmallOutbox = field(default_factory=SmallOutbox)
    time: int = NOW
    deadline_us: int | None = None

    def now(self) -> Instant:
        """The clock."""
        return Instant(self.time)

    async def once(self) -> Performed:
        """Take the action and deliver it."""
        self.time = max(self.time, self.outbox.row().next_try or 0)
        (taken,) = await self.outbox.take(now=self.time, limit=1, lease_us=60_000_000)
        return await deliver(
            taken,
            targets=dict.fromkeys(StepKind, self.target),
            outbox=self.outbox.port,
            clock=self,
            deadline_us=self.deadline_us,
        )

    async def until(self, *moves: Move) -> Performed:
        """Deliveries until one ends so."""
        for _ in range(40):
            end = await self.once()
            if end.move in moves:
                return end
        raise AssertionError(self.outbox.row())


def scene(
    kind: ActionKind = ActionKind.HANDOFF, *, bugs: Iterable[int] = (), plan: Iterable[Fault | None] = ()
) -> Scene:
    target = Broken(plan)
    target.bugs = frozenset(bugs)
    one = Scene(target)
    one.outbox.add([action(kind)])
    return one


async def test_a_delivery_ends_on_record() -> None:
    one = scene()
    assert (await one.once()).move is Move.CONFIRM
    row = one.outbox.row()
    assert row.state is ActionState.DONE
    assert [step.state for step in row.steps] == [StepState.DONE] * 4
    assert [entry.code for entry in one.outbox.entries][-1] == "step:notify:done"


async def test_a_defect_is_tried_again_and_counts() -> None:
    one = scene(bugs=[0])
    end = await one.once()
    assert (end.move, end.counts, end.reason) == (Move.PUT_BACK, True, "error:defect")
    row = one.outbox.row()
    assert (row.attempt, row.steps[0].state) == (1, StepState.STARTED)
    assert (await one.once()).move is Move.CONFIRM
    assert doubled(one.target) == []


async def test_what_a_defect_says_goes_nowhere() -> None:
    one = scene(bugs=[0])
    await one.once()
    assert "error:bug:ValueError" in [entry.code for entry in one.outbox.entries]
    assert "Ann" not in repr(one.outbox.entries)


async def test_a_lasting_defect_is_given_up_and_leaves_nothing() -> None:
    """The task breaks each time: the conversation is given back and the action has failed."""
    one = scene(bugs=range(1, 1 + ATTEMPTS + 1))
    end = await one.until(Move.REFUSE, Move.LOSE_TRACK)
    assert (end.move, end.reason) == (Move.REFUSE, "defect")
    assert left(one.target) == NOTHING


async def test_a_defect_before_anything_has_left_fails_at_once_when_attempts_are_used_up() -> None:
    one = scene()
    one.target.reads.extend([None] * 99)
    looks = 0

    async def look(subject: Subject) -> Any:
        nonlocal looks
        looks += 1
        raise Permanent("cannot read")

    one.target.look = look  # type: ignore[method-assign]  # a target whose look is broken
    end = await one.until(Move.REFUSE)
    assert (end.reason, looks, one.target.sent) == ("defect", ATTEMPTS + 1, [])


async def test_a_defect_while_undoing_ends_with_a_person() -> None:
    one = scene(ActionKind.CREATE_TASK)
    await one.once()
    row = one.outbox.row()
    one.outbox.rows_by_id[row.action_id] = replace(row, state=ActionState.UNDOING, attempt=0, next_try=NOW)
    one.target.bugs = frozenset(range(2, 40))
    end = await one.until(Move.LOSE_TRACK)
    assert (end.reason, one.outbox.row().attempt) == ("defect", ATTEMPTS + 1)


async def test_a_defect_in_an_unwind_goes_on_unwinding_and_then_to_a_person() -> None:
    one = scene(plan=[None, Fault.REFUSE], bugs=range(2, 60))
    assert (await one.once()).reason == "unwind:interrupted"
    end = await one.until(Move.LOSE_TRACK)
    assert (end.reason, one.outbox.row().attempt) == ("defect", 2 * ATTEMPTS + 1)


async def test_an_outage_of_the_store_while_noting_is_no_defect() -> None:
    one = scene()
    one.outbox.troubles = [Temporary("disk busy")]
    end = await one.once()
    assert (end.move, end.counts, end.reason, one.target.sent) == (
        Move.PUT_BACK,
        False,
        "error:temporary",
        [],
    )
    assert (await one.once()).move is Move.CONFIRM


async def test_an_attempt_that_takes_too_long_is_cut_off_and_what_may_have_left_is_known() -> None:
    one = scene(ActionKind.CREATE_TASK, plan=[Fault.HANG_AFTER])
    one.deadline_us = 10_000
    end = await one.once()
    assert (end.move, end.reason, end.counts) == (Move.PUT_BACK, "error:deadline", False)
    assert one.outbox.row().steps[0].state is StepState.STARTED
    one.deadline_us = None
    assert (await one.once()).move is Move.CONFIRM
    assert one.target.counts()["tasks"] == 1


async def test_a_lost_hold_finishes_nothing() -> None:
    one = scene()
    send = one.target.send

    async def stolen(step: Step, subject: Subject, *, key: str) -> StepReceipt:
        receipt = await send(step, subject, key=key)
        one.outbox.steal("ac_1_0")
        return receipt

    one.target.send = stolen  # type: ignore[method-assign]  # somebody else takes the action meanwhile
    end = await one.once()
    assert (end.move, len(one.target.sent)) == (None, 1)
    assert one.outbox.row().state is ActionState.SENDING


async def test_a_fenced_note_finishes_nothing() -> None:
    one = scene()
    one.outbox.troubles = [Fenced("taken")]
    assert (await one.once()).move is None
    assert one.outbox.row().state is ActionState.SENDING


async def test_an_outage_in_an_unwind_keeps_its_code() -> None:
    one = scene(plan=[None, Fault.REFUSE, Fault.BEFORE])
    one.target.refusal = "forbidden"
    assert (await one.once()).reason == "unwind:forbidden"
    one.outbox.troubles = [Temporary("disk busy")]
    assert (await one.once()).reason == "unwind:forbidden"
    assert ((await one.once()).move, one.outbox.row().reason) == (Move.REFUSE, "forbidden")
    assert left(one.target) == NOTHING


async def test_a_cancelled_delivery_leaves_the_action_to_its_lease() -> None:
    """Shutting down: nothing is finished, the steps say what may have left."""
    one = scene(ActionKind.CREATE_TASK, plan=[Fault.HANG])
    running = asyncio.create_task(one.once())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    row = one.outbox.row()
    assert (row.state, row.steps[0].state) == (ActionState.SENDING, StepState.STARTED)
