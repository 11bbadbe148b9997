"""A wait that a vendor asks for is every worker's of that tenant, whoever was told and by whatever door."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from domain.effect import Step, StepKind, StepReceipt
from domain.errors import Temporary, Throttled, Unauthorized
from domain.ids import LeadId, TenantId
from domain.instants import MINUTE, SECOND, Instant
from domain.ports.target import Seen, Subject
from domain.ports.upstream import Record, Told
from tests.tools.contract.stores import NOW, OTHER, TENANT, AnyStore
from tests.tools.crm.faulty import Fault as Failing
from tests.tools.crm.faulty import MemoryTarget
from tests.tools.vendor_server import Answering, Fault, Wire, instead, token
from tools.clock import ReplayClock
from tools.crm import hubspot, salesforce
from tools.desk.chatwoot import MANNERS
from tools.guard_target import GuardedTarget, Guards
from tools.records.guarded import Gate, GuardedReader
from tools.retry import NEVER
from tools.vendor import Api, Call, Manners
from tools.waits import SharedWait

SUBJECT, NOTE = Subject(TENANT, LeadId("ld_1")), Step(StepKind.ADD_NOTE, {"note": "x"})
RECORD = Record("hubspot", "contact", "1", NOW)


class Watch:
    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class Asks:
    """A reader whose vendor answers with `error`, while there is one."""

    error: Temporary | None = None
    vendor: str = "hubspot"
    most: int = 1
    asked: int = 0

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {}


@dataclass
class Workers:
    """Workers of one store, each with guards of its own."""

    store: AnyStore
    watch: Watch = field(default_factory=Watch)

    def wait(self, tenant: TenantId, vendor: str) -> SharedWait:
        return SharedWait(self.store.limits, tenant, vendor, self.watch)

    def writer(
        self, target: MemoryTarget, *, tenant: TenantId = TENANT, vendor: str = "hubspot"
    ) -> GuardedTarget:
        wait, guards = self.wait(tenant, vendor), Guards(retries=NEVER)
        return GuardedTarget(target, guards, limits=self.store.limits, wait=wait, now=self.watch)

    def reader(self, reader: Asks) -> GuardedReader:
        wait = self.wait(TENANT, reader.vendor)
        return GuardedReader(reader, Gate(reader.vendor, wait, self.watch))


@pytest.fixture
def workers(store: AnyStore) -> Workers:
    return Workers(store)


async def test_a_worker_that_is_told_to_wait_tells_all_workers_of_the_account(workers: Workers) -> None:
    """Writers and readers alike, and nobody of another tenant or at another vendor."""
    told, other, reads = MemoryTarget([Failing.THROTTLE]), MemoryTarget(name="hubspot_lists"), Asks()
    told.retry_after_s = 60.0
    with pytest.raises(Throttled):
        await workers.writer(told).send(NOTE, SUBJECT, key="k1")
    for late in (
        workers.writer(other).send(NOTE, SUBJECT, key="k2"),
        workers.reader(reads).read([RECORD], now=NOW),
    ):
        with pytest.raises(Throttled) as turned_away:
            await late
        assert (turned_away.value.retry_after_s, turned_away.value.code) == (60.0, "throttled")
    assert (other.sent, reads.asked) == ([], 0)
    strangers = MemoryTarget(), MemoryTarget()
    await workers.writer(strangers[0], tenant=OTHER).look(Subject(OTHER, LeadId("ld_1")))
    await workers.writer(strangers[1], vendor="brevo").send(NOTE, SUBJECT, key="k3")
    workers.watch.now += 60 * SECOND
    await workers.writer(other).send(NOTE, SUBJECT, key="k2")
    await workers.reader(reads).read([RECORD], now=NOW)
    assert (other.sent, reads.asked) == (["k2"], 1)


async def test_what_a_reader_is_told_holds_for_writers(workers: Workers) -> None:
    """HubSpot's daily limit, as its answer is read: an hour at most at a time, whatever is asked for."""
    reader, target = Asks(Throttled("hubspot has no request left", 86_400.0)), MemoryTarget()
    with pytest.raises(Throttled):
        await workers.reader(reader).read([RECORD], now=NOW)
    with pytest.raises(Throttled) as turned_away:
        await workers.writer(target).look(SUBJECT)
    assert turned_away.value.retry_after_s == 3_600.0


async def test_of_several_wishes_the_latest_end_counts_and_a_refused_token_is_none(workers: Workers) -> None:
    limits = workers.store.limits
    for until in (NOW + 2 * MINUTE, NOW + MINUTE):
        await limits.hold(TENANT, "hubspot", until=until)
    assert await limits.held(TENANT, "hubspot", now=NOW) == 2 * MINUTE
    assert await limits.held(TENANT, "hubspot", now=NOW + 3 * MINUTE) == 0
    reader = Asks(Unauthorized("no", "crm_token", 600.0), vendor="chatwoot")
    with pytest.raises(Unauthorized):
        await workers.reader(reader).read([RECORD], now=NOW)
    assert await limits.held(TENANT, "chatwoot", now=NOW) == 0


async def test_all_waits_of_a_tenant_are_told_those_that_are_over_as_none(store: AnyStore) -> None:
    await store.limits.hold(TENANT, "slack", until=NOW + 5 * SECOND)
    await store.limits.hold(TENANT, "hubspot", until=NOW - SECOND)
    await store.limits.hold(OTHER, "brevo", until=NOW + SECOND)
    assert dict(await store.limits.waits(TENANT, now=NOW)) == {"slack": 5 * SECOND, "hubspot": 0}


async def test_a_door_without_guards_tells_and_hears_too(workers: Workers) -> None:
    """A desk that is followed, or a chat: the requests themselves ask before they leave."""
    wire = Wire(Answering())
    wire.reads.append(instead(429, None, retry_after="20"))
    clock, wait = ReplayClock(Instant(NOW)), workers.wait(TENANT, "chatwoot")
    followed = [
        Api(MANNERS, "http://127.0.0.1:1", token, clock, setting="desk_token", transport=wire.transport(), wait=wait)
        for _ in range(2)
    ]  # fmt: skip
    for api in followed:
        with pytest.raises(Throttled) as turned_away:
            await api.read(Call("GET", "/x"))
        assert turned_away.value.retry_after_s == 20.0
    reader = Asks(vendor="chatwoot")
    with pytest.raises(Throttled):
        await workers.reader(reader).read([RECORD], now=NOW)
    assert (len(wire.log), reader.asked) == (1, 0)
    workers.watch.now += 20 * SECOND
    assert await followed[1].read(Call("GET", "/x")) == {}


async def test_a_record_that_somebody_works_on_keeps_nobody_from_the_others(workers: Workers) -> None:
    """A locked row, or a ticket with all the updates that it may have for now: the account is well."""

    class Locked(MemoryTarget):
        async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
            if subject == SUBJECT:
                raise Throttled("somebody else writes the record now", 600.0, code="record")
            return await super().send(step, subject, key=key)

    locked = Locked()
    writer, other = workers.writer(locked), workers.writer(locked)
    for _ in range(9):
        with pytest.raises(Throttled):
            await writer.send(NOTE, SUBJECT, key="k1")
    for number, one in enumerate((writer, other)):
        await one.send(NOTE, Subject(TENANT, LeadId("ld_2")), key=f"k{number + 2}")
    assert locked.sent == ["k2", "k3"]


@pytest.mark.parametrize(
    ("vendor", "manners", "said", "seconds"),
    [
        ("hubspot", hubspot.MANNERS, instead(429, {"policyName": "DAILY"}), 3_600),
        ("hubspot", hubspot.MANNERS, instead(429, {"policyName": "SECONDLY"}, retry_after="9"), 9),
        (
            "salesforce", salesforce.MANNERS, instead(403, [{"errorCode": "REQUEST_LIMIT_EXCEEDED"}]),
            salesforce.USED_UP_S,
        ),
        ("hubspot", hubspot.MANNERS, instead(423), 0),
        ("salesforce", salesforce.MANNERS, instead(400, [{"errorCode": "UNABLE_TO_LOCK_ROW"}]), 0),
    ],
)  # fmt: skip
async def test_what_each_vendor_says_becomes_the_wait_that_it_means(
    workers: Workers, vendor: str, manners: Manners, said: Fault, seconds: float
) -> None:
    """The day's limit, the second's, and a record that somebody else writes, which is no wait of the account."""
    wire, clock = Wire(Answering()), ReplayClock(Instant(NOW))
    wire.reads.append(said)
    api = Api(manners, "http://127.0.0.1:1", token, clock, setting="crm_token", transport=wire.transport())

    class There(MemoryTarget):
        async def look(self, subject: Subject) -> Seen:
            return Seen(exists=await api.read(Call("GET", "/x")) is not None)

    with pytest.raises(Throttled):
        await workers.writer(There(), vendor=vendor).look(SUBJECT)
    assert await workers.store.limits.held(TENANT, vendor, now=NOW) == seconds * SECOND
