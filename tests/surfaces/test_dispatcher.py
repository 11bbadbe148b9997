"""The dispatcher: everything due is delivered, leads side by side, in the clock's time."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.action import ActionKind, ActionState, proposal_hash
from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import ConfigError, Temporary
from domain.ids import ActionId, LeadId
from domain.instants import MINUTE, SECOND, Instant
from domain.ports.outbox import OutboxRow
from domain.ports.target import Subject
from surfaces.dispatcher import AT_ONCE, Dispatcher, Tally
from tests.agents.performing import NOW, action, doubled
from tests.graph.delivering import SmallApprovals, SmallOutbox
from tests.tools.crm.faulty import Fault, MemoryTarget
from tools.clock import ReplayClock


def actions(count: int, kind: ActionKind = ActionKind.CREATE_TASK) -> list[OutboxRow]:
    """One action of each of `count` leads."""
    rows = []
    for number in range(count):
        lead, row = LeadId(f"ld_{number:020d}"), action(kind)
        steps = tuple(replace(step, key=f"{number}/{step.key}") for step in row.steps)
        digest = proposal_hash(kind, lead, row.params, 1)
        rows.append(
            replace(
                row,
                action_id=ActionId(f"ac_{number}_0"),
                lead_id=lead,
                origin=lead,
                steps=steps,
                proposal_hash=digest,
            )
        )
    return rows


class Office:
    """A dispatcher over a small outbox, with its target and its clock."""

    def __init__(self, rows: Iterable[OutboxRow], target: MemoryTarget, **options: Any) -> None:
        self.outbox, self.approvals, self.target = SmallOutbox(), SmallApprovals(), target
        self.outbox.add(rows)
        self.clock = ReplayClock(Instant(NOW))
        home = SimpleNamespace(outbox=self.outbox, approvals=self.approvals, clock=self.clock)
        self.dispatcher = Dispatcher(cast(Any, home), dict.fromkeys(StepKind, target), **options)


async def test_a_drain_delivers_everything_that_is_due() -> None:
    office = Office(actions(100), MemoryTarget(), batch=7)
    assert await office.dispatcher.drain() == Tally(done=100)
    assert office.target.counts()["tasks"] == 100
    assert await office.dispatcher.drain() == Tally()


async def test_each_end_is_counted_under_its_name() -> None:
    target = MemoryTarget([Fault.BEFORE, Fault.REFUSE, Fault.AFTER, None], delivery=Delivery.NEITHER)
    office = Office(actions(4, ActionKind.NOTIFY), target)
    office.approvals.due = 3
    tally = await office.dispatcher.drain()
    assert tally == Tally(done=1, failed=1, put_back=1, unknown=1, lapsed=3)
    assert tally.attempts == 4


async def test_virtual_time_stands_still_in_a_drain() -> None:
    """What was put back is due later: a replay's drain ends, and goes on when the clock has moved."""
    office = Office(actions(5), MemoryTarget([Fault.BEFORE] * 5))
    assert await office.dispatcher.drain() == Tally(put_back=5)
    assert await office.dispatcher.drain() == Tally()
    office.clock.advance(Instant(NOW + MINUTE))
    assert await office.dispatcher.drain() == Tally(done=5)
    assert doubled(office.target) == []


async def test_leads_are_delivered_side_by_side_within_bounds() -> None:
    class Slow(MemoryTarget):
        inside = most = 0

        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0)
            self.inside -= 1
            return await super().send(step, subject, key=key)

    slow = Slow()
    assert (await Office(actions(3 * AT_ONCE), slow).dispatcher.drain()).done == 3 * AT_ONCE
    assert slow.most == AT_ONCE


async def test_one_broken_action_does_not_stop_the_rest() -> None:
    rows = actions(10)
    rows[3] = replace(rows[3], proposal_hash="torn")
    office = Office(rows, MemoryTarget())
    assert await office.dispatcher.drain() == Tally(done=9, failed=1)


async def test_an_end_that_the_store_cannot_take_leaves_the_action_to_its_lease() -> None:
    """Done in the target, not on record: the next attempt finds it and does not do it again."""
    office = Office(actions(1, ActionKind.NOTIFY), MemoryTarget())
    finish = office.outbox.finish

    async def busy(*args: Any, **more: Any) -> bool:
        raise Temporary("disk busy")

    office.outbox.finish = busy  # type: ignore[method-assign]  # the store is out of reach
    assert await office.dispatcher.drain() == Tally(lost=1)
    office.outbox.finish = finish  # type: ignore[method-assign]  # and is back
    assert await office.dispatcher.drain() == Tally()
    office.clock.advance(Instant(NOW + office.dispatcher.lease_us))
    assert await office.dispatcher.drain() == Tally(done=1)
    assert office.target.counts()["notifications"] == 1


async def test_an_undo_is_counted() -> None:
    office = Office(actions(1), MemoryTarget())
    await office.dispatcher.drain()
    row = office.outbox.row("ac_0_0")
    office.outbox.rows_by_id["ac_0_0"] = replace(row, state=ActionState.UNDOING, next_try=NOW)
    assert await office.dispatcher.drain() == Tally(compensated=1)
    assert office.target.counts()["tasks"] == 0


async def test_serving_goes_on_until_it_is_stopped() -> None:
    stop = asyncio.Event()

    class Last(MemoryTarget):
        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            if len(self.sent) == 2 * 3 - 1:
                stop.set()
            return await super().send(step, subject, key=key)

    office = Office(actions(3), Last(), batch=1)
    assert await office.dispatcher.serve(stop, idle_s=0.001) == Tally(done=3)


def test_a_lease_shorter_than_what_a_batch_may_take_is_refused() -> None:
    with pytest.raises(ConfigError, match="lease"):
        Office([], MemoryTarget(), batch=AT_ONCE + 1, lease_us=2 * MINUTE, deadline_us=MINUTE)
    Office([], MemoryTarget(), batch=AT_ONCE, lease_us=MINUTE + SECOND, deadline_us=MINUTE)
