"""Answers that are lost after the write succeeded: one effect each, judged by the CRM's own ledger (I2)."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing

import pytest

from domain.effect import Delivery, StepReceipt
from domain.errors import LeadgraphError, OutcomeUnknown, Permanent, Refused, Temporary, Throttled
from domain.ports.target import Target
from tests.tools.crm.conftest import Serve
from tests.tools.crm.faulty import Fault, MemoryTarget
from tests.tools.crm.worlds import SUBJECT, TASK, Server
from tools.crm.embedded import EmbeddedCrm
from tools.crm.embedded.remote import RemoteCrm

MANY = 200
FAULTY = "tests.tools.crm.faulty_server"


async def in_turns(count: int, work: Callable[[str], Awaitable[object]], at_once: int = 20) -> None:
    """Do `work` for `count` keys, some at once."""
    gate = asyncio.Semaphore(at_once)

    async def one(key: str) -> None:
        async with gate:
            await work(key)

    await asyncio.gather(*(one(f"k{number}") for number in range(count)))


async def lost(target: RemoteCrm, key: str) -> None:
    """Send, and see the answer lost."""
    with pytest.raises(OutcomeUnknown):
        await target.send(TASK, SUBJECT, key=key)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["error", "cut", "garbage", "late"])
async def test_two_hundred_lost_answers_and_resends_are_two_hundred_effects(
    crm: EmbeddedCrm, serve: Serve, fault: str
) -> None:
    server = serve(FAULTY, fault)
    hasty, patient = server.client(read_s=1.0 if fault == "late" else 60.0), server.client(read_s=60.0)
    await in_turns(MANY, lambda key: lost(hasty, key), at_once=100 if fault == "late" else 20)
    await in_turns(MANY, lambda key: patient.send(TASK, SUBJECT, key=key))
    await hasty.aclose()
    await patient.aclose()
    assert Counter(line.key for line in crm.reports.ledger()) == {f"k{number}": 1 for number in range(MANY)}
    assert crm.reports.counts()["tasks"] == MANY
    assert crm.reports.doubled() == []


async def test_what_was_lost_is_found_by_its_key(crm: EmbeddedCrm, serve: Serve) -> None:
    remote = serve(FAULTY, "cut").client()
    await lost(remote, "k1")
    found = await remote.find("k1")
    assert found is not None
    assert found == await remote.send(TASK, SUBJECT, key="k1") == crm.reports.ledger()[0].receipt
    await remote.aclose()


@pytest.mark.slow
async def test_a_server_killed_at_work_has_ledger_and_tables_that_agree(
    crm: EmbeddedCrm, serve: Serve
) -> None:
    """Killed four times, each time while twenty requests are under way; then every key is sent again."""
    seed, confirmed = random.Random(7), dict[str, StepReceipt]()
    for _ in range(4):
        server = serve()
        remote, goal = server.client(), len(confirmed) + seed.randrange(5, 40)

        async def send(
            key: str, remote: RemoteCrm = remote, server: Server = server, goal: int = goal
        ) -> None:
            if key in confirmed:
                return
            try:
                confirmed[key] = await remote.send(TASK, SUBJECT, key=key)
            except (OutcomeUnknown, Temporary):
                return
            if len(confirmed) >= goal:
                server.process.kill()

        await in_turns(MANY, send)
        await remote.aclose()
        agree(crm, confirmed)
    assert 20 <= len(confirmed) < MANY
    remote = serve().client()

    async def again(key: str) -> None:
        assert await remote.send(TASK, SUBJECT, key=key) == confirmed.get(key, await remote.find(key))

    await in_turns(MANY, again)
    await remote.aclose()
    agree(crm, confirmed)
    assert len(crm.reports.ledger()) == crm.reports.counts()["tasks"] == MANY


def agree(crm: EmbeddedCrm, confirmed: dict[str, StepReceipt]) -> None:
    """Each line has its task and each task its line, once; nothing that was confirmed is missing."""
    ledger = {line.key: line.receipt for line in crm.reports.ledger()}
    assert Counter(task.ref for task in crm.reports.tasks()) == Counter(line.ref for line in ledger.values())
    assert crm.reports.doubled() == []
    assert confirmed.items() <= ledger.items()
    assert crm.reports.counts()["records"] == 1
    with closing(sqlite3.connect(crm.reports.path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_two_processes_on_one_file_make_one_effect(crm: EmbeddedCrm, serve: Serve) -> None:
    remote = serve().client()
    both: list[Target] = [crm, remote] * 25
    receipts = await asyncio.gather(*(target.send(TASK, SUBJECT, key="k1") for target in both))
    await remote.aclose()
    assert set(map(repr, receipts)) == {repr(receipts[0])}
    assert crm.reports.counts() == {"ledger": 1, "notes": 0, "notifications": 0, "records": 1, "tasks": 1}


@pytest.mark.parametrize(
    ("fault", "error", "written"),
    [
        (Fault.BEFORE, Temporary, 0),
        (Fault.THROTTLE, Throttled, 0),
        (Fault.REFUSE, Refused, 0),
        (Fault.VANISHED, OutcomeUnknown, 0),
        (Fault.AFTER, OutcomeUnknown, 1),
    ],
)
async def test_the_twin_fails_as_its_plan_says(
    fault: Fault, error: type[LeadgraphError], written: int
) -> None:
    twin = MemoryTarget([None, fault])
    await twin.send(TASK, SUBJECT, key="k0")
    with pytest.raises(error):
        await twin.send(TASK, SUBJECT, key="k1")
    assert len(twin.ledger) == 1 + written
    await twin.send(TASK, SUBJECT, key="k1")
    assert [line.key for line in twin.ledger] == ["k0", "k1"]
    assert twin.sent == ["k0", "k1", "k1"]


@pytest.mark.parametrize(("fault", "written"), [(Fault.HANG, 0), (Fault.HANG_AFTER, 1)])
async def test_the_twin_hangs_until_it_is_cancelled(fault: Fault, written: int) -> None:
    twin = MemoryTarget([fault])
    call = asyncio.create_task(twin.send(TASK, SUBJECT, key="k1"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not call.done()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert len(twin.ledger) == written


async def test_a_twin_without_keys_applies_again() -> None:
    """As such systems do: a dispatcher that resends blindly is caught by the ledger."""
    twin = MemoryTarget(delivery=Delivery.READ_BACK)
    first = await twin.send(TASK, SUBJECT, key="k1")
    assert await twin.find("k1") == first
    await twin.send(TASK, SUBJECT, key="k1")
    assert len(twin.ledger) == twin.counts()["tasks"] == 2
    with pytest.raises(Permanent):
        await MemoryTarget(delivery=Delivery.NEITHER).find("k1")
