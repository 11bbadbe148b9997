"""Requests to one account, by whatever door and worker, come out of one bucket: never more than a vendor takes."""

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import cycle

import pytest

from domain.effect import Delivery, Step, StepKind, StepReceipt
from domain.errors import Temporary, Throttled
from domain.ids import LeadId, TenantId
from domain.instants import SECOND, Instant
from domain.ports.limits import Limits
from domain.ports.target import Subject
from tests.tools.contract.stores import NOW, OTHER, TENANT, AnyStore
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.vendor_server import Answering, Wire, instead, token
from tools.breaker import Circuit
from tools.clock import ReplayClock
from tools.crm import hubspot
from tools.guard_target import GuardedTarget, Guards
from tools.retry import NEVER
from tools.settings import Settings
from tools.vendor import Api, Call, Manners
from tools.waits import BEGUN_S, POLITE_S, RATES, Rate, SharedWait, account, one_step

SUBJECT, NOTE = Subject(TENANT, LeadId("ld_1")), Step(StepKind.ADD_NOTE, {"note": "x"})
PUBLISHED = {
    "hubspot": (100, 10),
    "intercom": (1_666, 10),
    "zendesk": (200, 60),
    "chatwoot": (300, 60),
    "slack": (60, 60),
}
"""What the smallest plans take: requests, within so many seconds."""


@dataclass
class Workers:
    """Doors to one account, and a clock that whoever sleeps moves on. `left` are the times at which requests left."""

    limits: Limits
    now: int = NOW
    left: list[int] = field(default_factory=list)

    def watch(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)

    def door(self, rate: Rate | None, *, vendor: str = "hubspot", tenant: TenantId = TENANT) -> SharedWait:
        return SharedWait(self.limits, tenant, vendor, self.watch, rate, sleep=self.sleep)

    def api(self, door: SharedWait, wire: Wire, manners: Manners = hubspot.MANNERS) -> Api:
        clock = ReplayClock(Instant(self.now))
        return Api(
            manners, "http://127.0.0.1:1", token, clock, setting="crm_token", transport=wire.transport(), wait=door
        )  # fmt: skip

    async def leave(self, door: SharedWait, *, begun: bool = True) -> None:
        await door.turn(begun=begun)
        self.left.append(self.now)


@pytest.fixture
def workers(store: AnyStore) -> Workers:
    return Workers(store.limits)


@pytest.mark.parametrize("vendor", PUBLISHED)
def test_a_burst_and_what_time_brings_are_no_more_than_a_vendor_takes(vendor: str) -> None:
    (most, seconds), rate = PUBLISHED[vendor], RATES[vendor]
    assert most * 0.9 <= rate.burst + rate.per_minute * seconds / 60 <= most


async def test_no_window_of_a_vendor_sees_more_than_it_takes(workers: Workers) -> None:
    """Writers of two workers and what reads back, each as fast as it may, after a long rest."""
    vendor = "hubspot"
    most, seconds = PUBLISHED[vendor]
    doors = [workers.door(RATES[vendor], vendor=vendor) for _ in range(2)]
    doors.append(replace(doors[0], behind=True))
    for _, door in zip(range(most + most // 2), cycle(doors), strict=False):
        await workers.leave(door)
    busiest = max(
        sum(start <= at < start + seconds * SECOND for at in workers.left) for start in workers.left
    )
    assert most * 0.8 <= busiest <= most


async def test_every_request_of_a_step_counts_and_the_next_one_waits_its_turn(workers: Workers) -> None:
    """Also one that is sent again with another token; nobody of another tenant or vendor waits."""
    wire, rate = Wire(Answering()), Rate(60, 3)
    api, other = (workers.api(workers.door(rate), wire) for _ in range(2))
    wire.reads = deque([instead(401)])

    async def other_token(stale: str | None) -> str:
        return "another" if stale else "a-token"

    api._renew = other_token
    await api.read(Call("GET", "/x"))
    await other.write(Call("POST", "/x"))
    assert (len(wire.log), workers.now) == (3, NOW)
    await other.read(Call("GET", "/x"))
    assert workers.now == NOW + SECOND
    for stranger in (workers.door(rate, tenant=OTHER), workers.door(rate, vendor="brevo")):
        await workers.api(stranger, wire).read(Call("GET", "/x"))
    assert (len(wire.log), workers.now) == (6, NOW + SECOND)


async def test_what_is_begun_waits_longer_than_what_begins_and_neither_for_ever(store: AnyStore) -> None:
    """Each has its place in the row from the moment it asks; who is turned away takes none."""
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)

    door = SharedWait(store.limits, TENANT, "hubspot", lambda: NOW, Rate(60, 1), sleep=noted)
    for _ in range(3):
        await door.turn(begun=False)
    assert waits == [1.0, 2.0]
    with pytest.raises(Throttled) as turned_away:
        await door.turn(begun=False)
    assert (turned_away.value.code, turned_away.value.retry_after_s) == ("own_rate", 3.0)
    while waits[-1] < BEGUN_S:
        await door.turn(begun=True)
    assert waits == [float(number + 1) for number in range(round(BEGUN_S))]
    with pytest.raises(Throttled):
        await door.turn(begun=True)


async def test_reading_back_leaves_half_a_burst_to_writes(workers: Workers) -> None:
    rate = Rate(60, 10)
    reads = replace(workers.door(rate), behind=True)
    for _ in range(5):
        await workers.leave(reads)
    assert workers.now == NOW
    await workers.leave(reads)
    assert workers.now == NOW + SECOND
    writes = workers.door(rate)
    for _ in range(5):
        await workers.leave(writes)
    assert workers.now == NOW + SECOND, "no write waits for what reads back"
    await workers.leave(writes)
    assert workers.now == NOW + 2 * SECOND


async def test_what_reads_back_is_not_kept_waiting_for_ever(workers: Workers) -> None:
    """While others always come first, it takes its place in the row after a while."""
    rate = Rate(60, 10)
    writes = workers.door(rate)

    async def busy(seconds: float) -> None:
        await workers.sleep(seconds)
        for _ in range(3):
            with suppress(Throttled):
                await replace(writes, sleep=nothing).turn(begun=True)

    async def nothing(_: float) -> None:
        """Others wait elsewhere."""

    for _ in range(10):
        await writes.turn(begun=True)
    await replace(writes, behind=True, sleep=busy).turn(begun=False)
    assert NOW < workers.now <= NOW + (POLITE_S + BEGUN_S) * SECOND


async def test_only_the_first_request_of_a_step_is_turned_away_early(store: AnyStore) -> None:
    """What was begun is finished, while others that would begin are sent away."""

    async def nothing(_: float) -> None:
        """No time passes."""

    door = SharedWait(store.limits, TENANT, "hubspot", lambda: NOW, Rate(60, 2), sleep=nothing)
    with one_step():
        for _ in range(8):
            await door.turn(begun=False)
        with one_step(), pytest.raises(Throttled):
            await door.turn(begun=False)
        await door.turn(begun=False)
    with pytest.raises(Throttled):
        await door.turn(begun=False)


async def test_whoever_is_left_without_a_request_tells_all(workers: Workers) -> None:
    """HubSpot's counts of the second, of ten seconds and of the day, before any request is refused."""
    for which, seconds in (("secondly_", 1), ("", 10), ("daily_", 3_600)):
        wire = Wire(Answering())
        wire.reads = deque([instead(200, {}, **{f"x_hubspot_ratelimit_{which}remaining": "0"})])
        first, second = (workers.api(workers.door(None), wire) for _ in range(2))
        await first.read(Call("GET", "/x"))
        for api in (first, second):
            with pytest.raises(Throttled) as turned_away:
                await api.read(Call("GET", "/x"))
            assert turned_away.value.retry_after_s == seconds
        assert len(wire.log) == 1
        workers.now += 2 * 3_600 * SECOND


async def test_our_own_rate_says_nothing_of_the_vendor(workers: Workers) -> None:
    """The breaker stays shut, and nobody is told to leave the account alone."""

    class Busy(MemoryTarget):
        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            raise Throttled("the rate is used up", 7.0, code="own_rate")

    wait = workers.door(Rate(60, 1))
    target = GuardedTarget(
        Busy(delivery=Delivery.READ_BACK), Guards(retries=NEVER, per_minute=0), limits=workers.limits, wait=wait,
        now=workers.watch,
    )  # fmt: skip
    for _ in range(9):
        with pytest.raises(Throttled) as turned_away:
            await target.send(NOTE, SUBJECT, key="k1")
        assert turned_away.value.code == "own_rate"
    assert target.breaker.state(workers.now) is Circuit.CLOSED
    assert await workers.limits.held(TENANT, "hubspot", now=workers.now) == 0


async def test_without_a_count_nothing_leaves(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is in trouble: that is no trouble of the vendor's."""

    async def broken(*_: object, **__: object) -> int:
        raise Temporary("the disk is full")

    door = workers.door(Rate(60, 1))
    monkeypatch.setattr(type(workers.limits), "reserve", broken)
    with pytest.raises(Throttled) as turned_away:
        await door.turn(begun=True)
    assert turned_away.value.code == "own_rate"


async def test_a_record_has_a_rate_of_its_own(workers: Workers) -> None:
    doors = [workers.door(None) for _ in range(2)]
    for door in doors:
        await door.room("ticket:42", Rate(2, 10), 5)
    for door in doors:
        with pytest.raises(Throttled) as turned_away:
            await door.room("ticket:42", Rate(2, 10), 1)
        assert (turned_away.value.code, turned_away.value.retry_after_s) == ("record", 30.0)
        await door.room("ticket:43", Rate(2, 10), 3)


def test_the_rate_is_the_vendors_usual_one_unless_the_settings_name_another(workers: Workers) -> None:
    def rate(vendor: str, **rates: int) -> Rate | None:
        return account(Settings(vendor_per_minute=rates), vendor, workers.limits, workers.watch).rate

    assert rate("hubspot") == rate("hubspot", zendesk=700) == RATES["hubspot"]
    assert rate("hubspot", hubspot=960) == Rate(960, 40)
    assert rate("zendesk", zendesk=1) == Rate(1, 2)
    assert rate("webhook") is None
