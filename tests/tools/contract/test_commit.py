"""The one transaction of a run: all of it, or nothing, and never twice."""

from dataclasses import replace

from domain.action import ActionKind
from domain.decision import Timer
from domain.ids import DecisionId
from domain.instants import DAY
from domain.ports.commit import Committed
from graph.record import plain
from tests.tools.contract.stores import (
    EMAIL,
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
    proposal,
    rep,
    signal,
)


async def test_a_commit_leaves_everything_of_the_run(store: AnyStore) -> None:
    """Decision, record, audit row, state, signal states."""
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    lead = one.given.lead.lead_id
    packed = bundle(one, proposals=(proposal(lead, 1),), timers=(Timer(NOW + 5, "hold_over"),))
    assert await store.commit.commit([packed], now=NOW) == [Committed.DONE]
    stored = await store.reads.latest_decision(TENANT, lead)
    assert stored is not None
    assert (stored.decision_id, stored.run_id) == (packed.decision.decision_id, one.given.run_id)
    assert stored.record == packed.record
    rows = await store.reads.audit_rows(TENANT, run_id=one.given.run_id)
    assert [(row["step"], row["lead_id"]) for row in rows] == [("run", lead)]
    assert await store.reads.lead(TENANT, lead) == packed.lead
    counts = await balanced(store)
    assert {name: counts[name] for name in ("applied", "decisions", "actions", "runs", "leads")} == {
        "applied": 1, "decisions": 1, "actions": 1, "runs": 1, "leads": 1,
    }  # fmt: skip


async def test_a_decision_is_stored_in_the_bytes_that_a_replay_compares(store: AnyStore) -> None:
    """Canonical JSON, the same as in the sealed record."""
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    packed = bundle(one, proposals=(proposal(one.given.lead.lead_id, 1),))
    await store.commit.commit([packed], now=NOW)
    (batch,) = [batch async for batch in store.reads.decisions(TENANT)]
    assert [stored.content for stored in batch] == [plain(packed.decision)]


async def test_a_done_bundle_cannot_be_done_again(store: AnyStore) -> None:
    """Neither in a later group nor twice in one."""
    await store.inbox.accept([signal(1)], now=NOW)
    packed = bundle(await claim_one(store))
    assert await store.commit.commit([packed, packed], now=NOW) == [Committed.DONE, Committed.FENCED]
    assert await store.commit.commit([packed], now=NOW) == [Committed.FENCED]
    assert (await balanced(store))["decisions"] == 1


async def test_each_bundle_of_a_group_stands_or_falls_alone(open_any: OpenStore) -> None:
    """One fenced, one without capacity, one malformed, two done; what fell left nothing behind."""
    store = open_any(reps=(rep("r1", 1),))
    await store.inbox.accept([signal(n, key(EMAIL, str(n))) for n in range(5)], now=NOW)
    claimed = await claim(store)
    assert len(claimed) == 5
    group = [bundle(one, reserved=("r1",) if n in (0, 2) else ()) for n, one in enumerate(claimed)]
    group[1] = replace(group[1], claim=replace(group[1].claim, token=0))
    spoilt = replace(group[3].audit[0], detail={"share": 0.5})  # type: ignore[dict-item]  # no floats in audit rows
    group[3] = replace(group[3], audit=(group[3].audit[0], spoilt))
    assert await store.commit.commit(group, now=NOW) == [
        Committed.DONE, Committed.FENCED, Committed.NO_CAPACITY, Committed.REFUSED, Committed.DONE,
    ]  # fmt: skip
    counts = await balanced(store)
    assert (counts["decisions"], counts["applied"], counts["waiting"]) == (2, 2, 3)
    assert len(await store.reads.audit_rows(TENANT)) == 2


async def test_a_lead_whose_bundle_is_malformed_is_parked_in_the_end(open_any: OpenStore) -> None:
    """It does not spin: each refusal is an attempt, with a rest after it."""
    store = open_any(max_attempts=2)
    await store.inbox.accept([signal(1)], now=NOW)
    now = int(NOW)
    for _ in range(2):
        one = await claim_one(store, now)
        packed = bundle(one)
        spoilt = replace(packed.audit[0], at=2**60)
        assert await store.commit.commit([replace(packed, audit=(spoilt,))], now=now) == [Committed.REFUSED]
        assert not await claim(store, now)
        now += DAY
    assert (await balanced(store))["parked"] == 1


async def test_an_effect_that_is_open_is_never_proposed_twice(store: AnyStore) -> None:
    """However often the decision is redone; another kind and another episode are other effects."""
    await store.inbox.accept([signal(1)], now=NOW)
    one = await claim_one(store)
    lead = one.given.lead.lead_id
    await store.commit.commit([bundle(one, proposals=(proposal(lead, 1), proposal(lead, 2)))], now=NOW)
    assert (await balanced(store))["actions"] == 1
    await store.inbox.accept([signal(2)], now=NOW)
    again = (
        proposal(lead, 3),
        proposal(lead, 4, ActionKind.ENROL),
        proposal(lead, 5, episode=2),
    )
    await store.commit.commit([bundle(await claim_one(store), proposals=again)], now=NOW)
    assert (await balanced(store))["actions"] == 3


async def test_a_rep_is_never_given_more_than_the_day_holds(open_any: OpenStore) -> None:
    """Within one group and over several; the same lead again costs nothing; tomorrow is another day."""
    store = open_any(reps=(rep("r1", 2),))
    await store.inbox.accept([signal(n, key(EMAIL, str(n))) for n in range(4)], now=NOW)
    claimed = await claim(store)
    results = await store.commit.commit([bundle(one, reserved=("r1",)) for one in claimed[:3]], now=NOW)
    assert results == [Committed.DONE, Committed.DONE, Committed.NO_CAPACITY]
    full = bundle(claimed[3], reserved=("r1",))
    assert await store.commit.commit([full], now=NOW) == [Committed.NO_CAPACITY]
    assert await store.commit.commit([full], now=NOW + DAY) == [Committed.DONE]
    await store.inbox.accept([signal(10, key(EMAIL, claimed[0].given.new[0].keys[0].value))], now=NOW)
    redone = await claim_one(store)
    assert await store.commit.commit([bundle(redone, reserved=("r1", "guest"))], now=NOW) == [Committed.DONE]


async def test_a_bundle_of_another_tenant_cannot_commit_on_a_lead(store: AnyStore) -> None:
    """Even with the right token."""
    await store.inbox.accept([signal(1)], now=NOW)
    packed = bundle(await claim_one(store))
    foreign = replace(packed, lead=replace(packed.lead, tenant=OTHER))
    assert await store.commit.commit([foreign], now=NOW) == [Committed.FENCED]


async def test_signals_without_influence_are_superseded(store: AnyStore) -> None:
    """With all others applied, so that the counts add up."""
    await store.inbox.accept([signal(n) for n in range(3)], now=NOW)
    packed = replace(bundle(await claim_one(store)), superseded=("web:2",))
    await store.commit.commit([packed], now=NOW)
    counts = await balanced(store)
    assert (counts["applied"], counts["superseded"]) == (2, 1)


async def test_decisions_come_in_the_order_of_their_commit(store: AnyStore) -> None:
    """Across batches of reading."""
    for number in range(5):
        await store.inbox.accept([signal(number)], now=NOW + number)
        await drain(store, NOW + number)
    batches = [batch async for batch in store.reads.decisions(TENANT, batch=2)]
    assert [stored.as_of - NOW for batch in batches for stored in batch] == [0, 1, 2, 3, 4]
    assert [batch async for batch in store.reads.decisions(OTHER)] == []


async def test_an_empty_group_is_nothing(store: AnyStore) -> None:
    """No transaction, no result."""
    assert await store.commit.commit([], now=NOW) == []


async def test_a_decision_id_is_used_once(store: AnyStore) -> None:
    """A second run that claims it is fenced."""
    await store.inbox.accept([signal(1)], now=NOW)
    first = bundle(await claim_one(store))
    await store.commit.commit([first], now=NOW)
    await store.inbox.accept([signal(2)], now=NOW)
    second = bundle(await claim_one(store))
    stolen = replace(second.decision, decision_id=DecisionId(first.decision.decision_id))
    assert await store.commit.commit([replace(second, decision=stolen)], now=NOW) == [Committed.FENCED]
