"""A guarded target: what is turned away has not happened, what is late may have, and a target in trouble is spared."""

import asyncio
from dataclasses import replace

import pytest

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import OutcomeUnknown, Refused, Temporary, Throttled, Unauthorized
from domain.ids import LeadId, TenantId
from domain.instants import SECOND
from domain.ports.target import Seen, Subject, Target
from tests.tools.crm.faulty import Fault, MemoryTarget
from tests.tools.waits import Waits
from tools.breaker import Circuit
from tools.guard_target import GuardedTarget, Guards
from tools.retry import NEVER, Retries
from tools.waits import SharedWait

SUBJECT = Subject(TenantId("t"), LeadId("ld_1"))
TASK = Step(StepKind.CREATE_TASK, {"queue": "sales"})
CAREFUL = Guards(deadline_s=0.02, retries=NEVER, failures=3)
QUICK = Retries(attempts=3, first_s=0.001, longest_s=0.001)


class Rate(Waits):
    """A rate with so many tokens left."""

    def __init__(self, tokens: int = 1_000) -> None:
        super().__init__()
        self.tokens, self.asked = tokens, list[tuple[str, int, int]]()

    async def reserve(self, name: str, *, per_minute: int, burst: int, now: int, **_: int) -> int:
        """Take one."""
        self.asked.append((name, per_minute, burst))
        self.tokens -= 1
        return 0 if self.tokens >= 0 else 7 * SECOND


class Held(MemoryTarget):
    """Calls that stay until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.arrived = asyncio.Event(), asyncio.Semaphore(0)
        self.inside = self.most = 0

    async def look(self, subject: Subject) -> Seen:
        """Stay."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.arrived.release()
        await self.gate.wait()
        self.inside -= 1
        return Seen(exists=True)


class Watch:
    """A clock to set."""

    now = 0

    def __call__(self) -> int:
        """The Instant."""
        return self.now


def guarded(target: Target, guards: Guards = CAREFUL, rate: Rate | None = None) -> GuardedTarget:
    rate, watch = rate or Rate(), Watch()
    wait = SharedWait(rate, SUBJECT.tenant, target.name, watch)
    return GuardedTarget(target, guards, limits=rate, wait=wait, now=watch)


async def sent(target: GuardedTarget, key: str = "k") -> StepReceipt:
    return await target.send(TASK, SUBJECT, key=key)


async def test_it_is_the_target_it_guards() -> None:
    inner = MemoryTarget(delivery=Delivery.READ_BACK, takes=[StepKind.CREATE_TASK])
    outer: Target = guarded(inner)
    assert (outer.name, outer.delivery, outer.takes) == (inner.name, inner.delivery, inner.takes)
    receipt = await outer.send(TASK, SUBJECT, key="k")
    assert await outer.find("k") == receipt
    assert (await outer.look(SUBJECT)).exists
    assert [change.step for change in await outer.preview([TASK], SUBJECT)] == [StepKind.CREATE_TASK]


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.HANG_AFTER])
async def test_a_send_that_is_late_may_have_happened(fault: Fault) -> None:
    with pytest.raises(OutcomeUnknown):
        await sent(guarded(MemoryTarget([fault])))


async def test_a_read_that_is_late_is_an_outage() -> None:
    inner = MemoryTarget()
    inner.reads.extend([Fault.HANG, Fault.HANG])
    outer = guarded(inner)
    with pytest.raises(Temporary):
        await outer.look(SUBJECT)
    with pytest.raises(Temporary):
        await outer.find("k")


async def test_few_calls_at_a_time_and_a_queue_with_an_end() -> None:
    """I8: the third waits, the fourth is turned away at once; what was turned away was not sent."""
    inner = Held()
    outer = guarded(inner, replace(CAREFUL, deadline_s=60, at_once=2, queue=1))
    calls = [asyncio.create_task(outer.look(SUBJECT)) for _ in range(3)]
    await inner.arrived.acquire()
    await inner.arrived.acquire()
    with pytest.raises(Temporary, match="too many"):
        await sent(outer)
    inner.gate.set()
    assert all(seen.exists for seen in await asyncio.gather(*calls))
    assert (inner.most, inner.sent) == (2, [])


async def test_a_call_that_gets_no_turn_in_time_has_not_happened() -> None:
    inner = Held()
    outer = guarded(inner, replace(CAREFUL, deadline_s=60, at_once=1, queue_s=0.01))
    first = asyncio.create_task(outer.look(SUBJECT))
    await inner.arrived.acquire()
    with pytest.raises(Temporary, match="no turn"):
        await sent(outer)
    inner.gate.set()
    await first
    assert inner.sent == []


async def test_a_target_in_trouble_is_left_alone_and_tried_again_after_the_pause() -> None:
    inner = MemoryTarget([Fault.BEFORE, Fault.VANISHED, Fault.HANG])
    outer = guarded(inner)
    for error in (Temporary, OutcomeUnknown, OutcomeUnknown):
        with pytest.raises(error):
            await sent(outer)
    with pytest.raises(Throttled) as left:
        await sent(outer)
    assert left.value.retry_after_s == CAREFUL.pause_us / SECOND
    assert len(inner.sent) == 3
    watch = outer._now
    assert isinstance(watch, Watch)
    watch.now = CAREFUL.pause_us
    await sent(outer)
    assert outer.breaker.state(watch.now) is Circuit.CLOSED


async def test_refusals_never_open_the_breaker() -> None:
    inner = MemoryTarget([Fault.REFUSE] * 9)
    outer = guarded(inner)
    for _ in range(9):
        with pytest.raises(Refused):
            await sent(outer)
    assert len(inner.sent) == 9


async def test_a_target_that_asks_to_come_later_is_not_asked_before() -> None:
    inner = MemoryTarget([Fault.THROTTLE])
    outer = guarded(inner)
    for _ in range(2):
        with pytest.raises(Throttled) as asked:
            await sent(outer)
        assert asked.value.retry_after_s == inner.retry_after_s
    assert len(inner.sent) == 1


async def test_a_call_cut_off_while_trying_lets_the_next_one_try() -> None:
    inner = Held()
    outer = guarded(inner, replace(CAREFUL, deadline_s=60))
    watch = outer._now
    assert isinstance(watch, Watch)
    inner.plan.extend([Fault.BEFORE] * 3)
    for _ in range(3):
        with pytest.raises(Temporary):
            await sent(outer)
    watch.now = CAREFUL.pause_us
    trying = asyncio.create_task(outer.look(SUBJECT))
    await inner.arrived.acquire()
    with pytest.raises(Throttled):
        await sent(outer)
    trying.cancel()
    await asyncio.gather(trying, return_exceptions=True)
    await sent(outer)
    assert outer.breaker.state(watch.now) is Circuit.CLOSED


async def test_the_rate_is_shared_and_a_call_beyond_it_does_not_leave() -> None:
    inner, rate = MemoryTarget(), Rate(tokens=2)
    one, other = guarded(inner, rate=rate), guarded(inner, rate=rate)
    await sent(one, "1")
    await sent(other, "2")
    with pytest.raises(Throttled) as asked:
        await sent(one, "3")
    assert (asked.value.retry_after_s, inner.sent) == (7.0, ["1", "2"])
    assert rate.asked[0] == ("memory", CAREFUL.per_minute, CAREFUL.burst)
    assert one.breaker.state(0) is Circuit.CLOSED


@pytest.mark.parametrize("delivery", Delivery)
async def test_only_reads_and_keyed_sends_are_tried_again_here(delivery: Delivery) -> None:
    inner = MemoryTarget([Fault.BEFORE, Fault.BEFORE], delivery=delivery)
    inner.reads.extend([Fault.BEFORE, Fault.BEFORE])
    outer = guarded(inner, replace(CAREFUL, retries=QUICK))
    assert not (await outer.look(SUBJECT)).exists
    if delivery is Delivery.KEYED:
        await sent(outer)
        assert inner.sent == ["k"] * 3
    else:
        with pytest.raises(Temporary):
            await sent(outer)
        assert inner.sent == ["k"]


async def test_a_lost_answer_is_never_sent_again_here() -> None:
    """Whether to send again is decided where the step is on record."""
    inner = MemoryTarget([Fault.AFTER])
    with pytest.raises(OutcomeUnknown):
        await sent(guarded(inner, replace(CAREFUL, retries=QUICK)))
    assert inner.sent == ["k"]


async def test_while_the_breaker_is_open_the_credentials_are_still_named() -> None:
    """A person is told what to renew, not that the target is left alone; an in-call retry is never made."""

    class Locked(MemoryTarget):
        asked = 0

        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            self.asked += 1
            raise Unauthorized("locked", "crm_token_file")

    locked = Locked()
    target = guarded(locked, Guards(retries=QUICK, failures=3))
    told = list[float]()
    for _ in range(6):
        with pytest.raises(Unauthorized) as denied:
            await sent(target)
        assert denied.value.setting == "crm_token_file"
        told.append(denied.value.retry_after_s)
    assert locked.asked == 3
    assert told == [0, 0, 0, 30, 30, 30]


async def test_while_the_breaker_is_open_it_is_told_who_asked_for_quiet() -> None:
    """The target itself, or our breaker."""
    asks = MemoryTarget([Fault.THROTTLE])
    for target, code in (
        (guarded(asks), "throttled"),
        (guarded(MemoryTarget([Fault.BEFORE] * 3)), "left_alone"),
    ):
        for _ in range(3):
            with pytest.raises(Temporary):
                await sent(target)
        with pytest.raises(Throttled) as throttled:
            await sent(target)
        assert throttled.value.code == code
