"""Claims: leases, fencing, attempts, parking."""

import asyncio

from domain.decision import Timer
from domain.instants import HOUR
from domain.lead import AccountSnapshot
from domain.ports.accounts import Refreshed
from domain.ports.commit import Committed
from tests.tools.contract.stores import (
    CRM,
    EMAIL,
    LEASE,
    NOW,
    OTHER,
    TENANT,
    AnyStore,
    OpenStore,
    balanced,
    bundle,
    claim,
    claim_one,
    drain,
    key,
    message,
    rep,
    signal,
)

ADA, BOB = key(EMAIL, "ada"), key(EMAIL, "bob")
LATER = NOW + LEASE


async def test_a_lead_that_is_held_is_not_given_out_again(store: AnyStore) -> None:
    """Until its lease has run out; then under a new token, and the attempt is counted."""
    await store.inbox.accept([signal(1)], now=NOW)
    first = await claim_one(store)
    assert not await claim(store, LATER - 1)
    second = await claim_one(store, LATER)
    assert second.claim.token > first.claim.token
    assert [first.claim.attempt, second.claim.attempt] == [1, 2]
    assert second.given.attempt == 2
    assert second.given.run_id != first.given.run_id
    results = await store.commit.commit([bundle(first), bundle(second)], now=LATER)
    assert results == [Committed.FENCED, Committed.DONE]


async def test_concurrent_claims_share_the_work_and_never_a_lead(store: AnyStore) -> None:
    """Four workers asking at once."""
    await store.inbox.accept([signal(n, key(EMAIL, str(n))) for n in range(20)], now=NOW)
    parts = await asyncio.gather(*(claim(store, limit=7) for _ in range(4)))
    leads = [one.claim.lead_id for part in parts for one in part]
    assert len(leads) == len(set(leads)) == 20


async def test_the_oldest_work_comes_first(store: AnyStore) -> None:
    """By when it came in."""
    for number, name in enumerate(["cid", "ada", "bob"]):
        await store.inbox.accept([signal(number, key(EMAIL, name))], now=NOW + number)
    leads = [
        (await store.reads.keys(TENANT, one.claim.lead_id))[0].value for one in await claim(store, NOW + 9, 2)
    ]
    assert leads == ["cid", "ada"]


async def test_a_heartbeat_keeps_the_lease(store: AnyStore) -> None:
    """One that comes too late does not, once somebody else has the lead."""
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    (kept,) = await store.work.heartbeat([one.claim], now=LATER - 1, lease_us=LEASE)
    assert kept.lease_until == LATER - 1 + LEASE
    assert not await claim(store, LATER)
    taken = await claim_one(store, LATER + LEASE)
    assert await store.work.heartbeat([one.claim], now=LATER + LEASE, lease_us=LEASE) == []
    assert await store.commit.commit([bundle(taken)], now=LATER + LEASE) == [Committed.DONE]


async def test_a_start_takes_back_what_was_held(store: AnyStore) -> None:
    """At once, without waiting for leases; the old run cannot commit any more."""
    await store.inbox.accept([signal(1), signal(2, BOB)], now=NOW)
    old = await claim(store)
    assert await store.work.reclaim(now=NOW + 1) == 2
    again = await claim_one(store, NOW + 1)
    assert again.claim.attempt == 2
    assert set(await store.commit.commit([bundle(one) for one in old], now=NOW + 1)) == {Committed.FENCED}


async def test_an_outage_is_not_an_attempt(store: AnyStore) -> None:
    """However long it lasts; the lead waits until it is to be tried again, whatever comes in meanwhile."""
    await store.inbox.accept([signal(1)], now=NOW)
    for turn in range(9):
        one = await claim_one(store, NOW + turn * 10)
        assert one.claim.attempt == 1
        retry = NOW + turn * 10 + 10
        assert not await store.work.fail(one.claim, code="t", counts=False, retry_at=retry, now=retry - 10)
    await store.inbox.accept([signal(2)], now=NOW + 85)
    assert not await claim(store, NOW + 89)
    assert len((await claim_one(store, NOW + 90)).given.new) == 2


async def test_a_poisonous_lead_is_parked_and_blocks_nobody(open_any: OpenStore) -> None:
    """With its signals, also those that come later, and a reason; others run on."""
    store = open_any(max_attempts=2)
    await store.inbox.accept([signal(1), signal(2, BOB)], now=NOW)
    first, second = sorted(await claim(store), key=lambda one: one.given.new[0].id)
    await store.commit.commit([bundle(second)], now=NOW)
    assert not await store.work.fail(first.claim, code="error:bug", counts=True, retry_at=NOW + 5, now=NOW)
    again = await claim_one(store, NOW + 5)
    assert await store.work.fail(again.claim, code="error:bug", counts=True, retry_at=NOW + 9, now=NOW + 5)
    await store.inbox.accept([signal(3), signal(4, BOB)], now=NOW + 6)
    assert await drain(store, NOW + 99) == 1
    counts = await balanced(store)
    assert (counts["parked"], counts["applied"]) == (2, 2)
    rows = await store.reads.audit_rows(TENANT)
    assert ("park", "error:bug") in {(row["step"], row["code"]) for row in rows}


async def test_a_parked_lead_runs_again_when_released(open_any: OpenStore) -> None:
    """With all its signals and all its attempts."""
    store = open_any(max_attempts=1)
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    assert await store.work.fail(one.claim, code="error:bug", counts=True, retry_at=NOW, now=NOW)
    await store.inbox.accept([signal(2)], now=NOW)
    assert await store.work.next_due() is None
    assert await store.work.unpark(one.claim.lead_id, now=NOW + 1)
    assert not await store.work.unpark(one.claim.lead_id, now=NOW + 1)
    again = await claim_one(store, NOW + 1)
    assert (len(again.given.new), again.claim.attempt) == (2, 1)
    await store.commit.commit([bundle(again)], now=NOW + 1)
    assert (await balanced(store))["applied"] == 2


async def test_a_lead_that_kills_its_worker_is_tried_alone_and_then_parked(open_any: OpenStore) -> None:
    """Those that were taken with it lose nothing but time."""
    store = open_any(max_attempts=3)
    await store.inbox.accept([signal(n, key(EMAIL, str(n))) for n in range(4)], now=NOW)
    together = await claim(store)
    assert len(together) == 4
    deadly = together[0].claim.lead_id
    now = int(NOW)
    for _ in range(99):
        now += 1
        await store.work.reclaim(now=now)
        while taken := await claim(store, now):
            assert len(taken) == 1
            if taken[0].claim.lead_id == deadly:
                break
            await store.commit.commit([bundle(taken[0])], now=now)
        else:
            break
    counts = await balanced(store)
    assert (counts["applied"], counts["parked"], counts["waiting"]) == (3, 1, 0)


async def test_a_timer_wakes_a_lead_for_its_reason(store: AnyStore) -> None:
    """The earliest of one reason wins; a commit replaces what the run did not set again."""
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    timers = (Timer(NOW + 50, "hold_over"), Timer(NOW + 20, "hold_over"), Timer(NOW + 30, "band_decay"))
    await store.commit.commit([bundle(one, timers=timers)], now=NOW)
    assert await store.work.next_due() == NOW + 20
    assert not await claim(store, NOW + 19)
    woken = await claim_one(store, NOW + 20)
    assert (woken.given.reason, woken.given.new, woken.given.as_of) == ("hold_over", (), NOW + 20)
    await store.commit.commit([bundle(woken, timers=(Timer(NOW + 90, "redo"),))], now=NOW + 20)
    assert await store.work.next_due() == NOW + 90


async def test_what_comes_while_a_lead_is_held_makes_it_ready_again(store: AnyStore) -> None:
    """A signal, and a timer set by somebody else."""
    await store.inbox.accept([signal(1, account="acme.test")], now=NOW)
    one = await claim_one(store)
    await store.inbox.accept([signal(2)], now=NOW + 1)
    assert not await claim(store, NOW + 1)
    await store.commit.commit([bundle(one)], now=NOW + 2)
    two = await claim_one(store, NOW + 2)
    assert [new.id for new in two.given.new] == ["2"]
    lead = two.given.lead
    assert lead.account is not None
    snapshot = AccountSnapshot(lead.account, 0, NOW + 3, {"account.leads": 1})
    await store.accounts.save([Refreshed(TENANT, snapshot, [lead.lead_id])], now=NOW + 3)
    await store.commit.commit([bundle(two, timers=(Timer(NOW + HOUR, "band_decay"),))], now=NOW + 4)
    three = await claim_one(store, NOW + 4)
    assert (three.given.reason, three.given.account) == (
        "account_changed",
        AccountSnapshot(lead.account, 1, NOW + 3, {"account.leads": 1}),
    )


async def test_a_run_takes_so_many_signals_and_the_next_one_the_rest(store: AnyStore) -> None:
    """Five hundred at most."""
    await store.inbox.accept([signal(n) for n in range(620)], now=NOW)
    one = await claim_one(store)
    assert len(one.given.new) == 500
    await store.commit.commit([bundle(one)], now=NOW)
    assert len((await claim_one(store)).given.new) == 120


async def test_a_run_sees_the_last_texts_that_came_before(store: AnyStore) -> None:
    """Five at most, of this lead alone, without the new ones."""
    await store.inbox.accept([message(n + 10, text=f"message {n}") for n in range(7)], now=NOW)
    await store.inbox.accept([message(99, BOB, text="not hers"), signal(20)], now=NOW)
    await drain(store)
    await store.inbox.accept([message(1, text="new")], now=NOW)
    one = await claim_one(store)
    assert [seen.text for seen in one.given.recent] == [f"message {n}" for n in (4, 3, 2, 1, 0)]


async def test_a_rep_carries_todays_load_into_the_run(open_any: OpenStore) -> None:
    """And none of yesterday's."""
    store = open_any(reps=(rep("r1", 2), rep("r2", 2)))
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    assert [(r.load, r.last_assigned) for r in one.given.reps] == [(0, 0), (0, 0)]
    await store.commit.commit([bundle(one, reserved=("r2",))], now=NOW + 7)
    await store.inbox.accept([signal(2)], now=NOW + 8)
    two = await claim_one(store, NOW + 8)
    assert [(r.load, r.last_assigned) for r in two.given.reps] == [(0, 0), (1, NOW + 7)]
    tomorrow = await store.reads.reps(TENANT, now=NOW + 24 * HOUR)
    assert [(r.load, r.last_assigned) for r in tomorrow] == [(0, 0), (0, NOW + 7)]
    assert [r.load for r in await store.reads.reps(OTHER, now=NOW + 8)] == [0, 0]


async def test_an_empty_store_has_nothing_due(store: AnyStore) -> None:
    """And nothing to claim."""
    assert await store.work.next_due() is None
    assert not await claim(store)
    assert await store.work.reclaim(now=NOW) == 0


async def test_work_of_all_tenants_is_given_out_but_never_mixed(store: AnyStore) -> None:
    """Each run has the signals of its own lead only."""
    await store.inbox.accept(
        [signal(1, ADA), signal(2, ADA, tenant=OTHER), signal(3, key(CRM, "1"))], now=NOW
    )
    taken = await claim(store)
    assert sorted((one.given.lead.tenant, one.given.new[0].id) for one in taken) == [
        (TENANT, "1"), (TENANT, "3"), (OTHER, "2"),
    ]  # fmt: skip
    assert all(len(one.given.new) == 1 for one in taken)


async def test_leads_that_are_woken_are_decided_once_for_that_reason(store: AnyStore) -> None:
    """A lead that does not exist wakes nobody."""
    await store.inbox.accept([signal(1, ADA), signal(2, BOB)], now=NOW)
    held = await claim(store)
    ids = [one.claim.lead_id for one in held]
    await store.commit.commit([bundle(one) for one in held], now=NOW)
    await store.work.wake(TENANT, [ids[0], "ld_nobody"], reason="rescored", now=NOW + HOUR)
    await store.work.wake(TENANT, [ids[0]], reason="rescored", now=NOW + HOUR)
    woken = await claim(store, NOW + HOUR)
    assert [(one.claim.lead_id, one.given.reason) for one in woken] == [(ids[0], "rescored")]
