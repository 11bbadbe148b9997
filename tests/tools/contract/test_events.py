"""What others are told: the feed in the order of commit, and how far each subscription has come."""

from dataclasses import replace

import pytest

from domain.edit import Edit
from domain.errors import BadInput
from domain.happening import EventType, Happening, last_position
from domain.ids import LeadId, Region
from domain.instants import MINUTE
from domain.intent import Intent, IntentReading
from domain.ports.commit import Committed
from domain.ports.events import Subscription, SubscriptionState
from tests.tools.contract.company import TASK, Company
from tests.tools.contract.stores import (
    EMAIL,
    LEASE,
    NOW,
    OTHER,
    POLICY,
    REGION,
    TENANT,
    AnyStore,
    bundle,
    claim_one,
    key,
    signal,
)
from tests.tools.contract.test_talks import a_lead, decision

US = Region("us")
ALL = frozenset(EventType)


@pytest.fixture
def company(store: AnyStore) -> Company:
    return Company(store)


async def feed(store: AnyStore, position: int = 0, *, limit: int = 100) -> list[Happening]:
    return list(await store.feed.since(TENANT, REGION, position, limit=limit))


async def decided(store: AnyStore, number: int, intent: Intent | None, *, who: str = "ada") -> LeadId:
    """A decision about a lead that was read as `intent`."""
    await store.inbox.accept([signal(number, key(EMAIL, who))], now=NOW + number)
    one = await claim_one(store, NOW + number)
    made = bundle(one)
    reading = IntentReading((), intent, 500, (), (), "local", "1") if intent is not None else None
    made = replace(made, decision=replace(made.decision, reading=reading))
    assert await store.commit.commit([made], now=NOW + number) == [Committed.DONE]
    return one.given.lead.lead_id


async def test_each_decision_has_a_row_with_the_last_reading_before_it(store: AnyStore) -> None:
    await decided(store, 1, Intent.PRICING)
    await decided(store, 2, None)
    await decided(store, 3, Intent.PURCHASE)
    await decided(store, 4, Intent.DEMO, who="bob")
    rows = await feed(store)
    assert [row.place for row in rows] == sorted(row.place for row in rows)
    assert all(row.decision is not None for row in rows)
    assert [row.earlier for row in rows] == [None, rows[0].decision, rows[0].decision, None]
    assert await feed(store, last_position(rows[1].place)) == rows[2:]
    assert await feed(store, limit=2) == rows[:2]
    assert await store.feed.end(TENANT, REGION) == last_position(rows[-1].place)


async def test_other_tenants_and_regions_see_nothing(store: AnyStore) -> None:
    await decided(store, 1, None)
    for tenant, region in ((OTHER, REGION), (TENANT, US)):
        assert list(await store.feed.since(tenant, region, 0, limit=9)) == []
        assert await store.feed.end(tenant, region) == 0


async def test_a_question_and_the_one_in_its_place_have_rows_which_never_change(company: Company) -> None:
    asks = await company.ask(TASK)
    before = await feed(company.store)
    said = {"proposal_hash": asks.proposal_hash, "policy": POLICY}
    company.later()
    edited = await company.store.approvals.edit(
        TENANT, asks.approval_id, edit=Edit({"owner": "rep_2"}), by="rita", now=company.now, **said
    )
    after = await feed(company.store)
    assert after[: len(before)] == before
    first, second = (row.question for row in after if row.question is not None)
    assert first is not None
    assert second is not None
    assert (first.proposal_hash, first.people, first.edited_from) == (asks.proposal_hash, 1, None)
    assert (second.proposal_hash, second.edited_from) == (edited.proposal_hash, asks.approval_id)
    assert {first.lead, second.lead} == {asks.lead_id}
    assert after[-1].at == company.now


async def test_a_talk_of_a_known_lead_has_a_row_and_one_that_is_told_to_nobody_has_none(
    store: AnyStore,
) -> None:
    lead = await a_lead(store)
    assert await store.talks.decide(decision(lead, told='{"state": "final"}'), expected=0, now=NOW)
    assert await store.talks.decide(decision(lead), expected=1, now=NOW)
    assert await store.talks.decide(decision(None, told='{"state": "final"}'), expected=2, now=NOW)
    (row,) = await feed(store)
    assert (row.talk, row.at) == ((lead, '{"state": "final"}'), NOW)


async def make(store: AnyStore, position: int = 0) -> Subscription:
    return await store.subscriptions.make(
        TENANT, REGION, url="https://them.example", types=ALL, position=position, now=NOW
    )


async def take(store: AnyStore, now: int) -> list[Subscription]:
    return list(await store.subscriptions.take(TENANT, now=now, lease_us=LEASE, limit=9))


async def test_one_is_taken_only_if_something_is_before_it_and_by_one_at_a_time(store: AnyStore) -> None:
    made = await make(store)
    assert await take(store, NOW) == []
    await decided(store, 1, None)
    (one,) = await take(store, NOW + 1)
    assert (one.subscription_id, one.types, one.token) == (made.subscription_id, ALL, made.token + 1)
    assert await take(store, NOW + LEASE) == []
    end = await store.feed.end(TENANT, REGION)
    assert await store.subscriptions.advance(one, end, arrived=True, until=NOW + LEASE)
    await store.subscriptions.release(one, now=NOW + 2)
    assert await take(store, NOW + 2) == []
    assert [each.position for each in await store.subscriptions.all(TENANT)] == [end]
    assert list(await store.subscriptions.all(OTHER)) == []


async def test_those_with_nothing_before_them_hide_nobody_and_turns_go_round(store: AnyStore) -> None:
    """However many they are. Who was given back waits behind who has waited longer."""
    await decided(store, 1, None)
    end = await store.feed.end(TENANT, REGION)
    for _ in range(101):
        await make(store, end)
    failed = await make(store)
    (one,) = await take(store, NOW)
    await store.subscriptions.fail(one, "slow", state=SubscriptionState.ON, next_try=NOW + 5, now=NOW)
    assert [each.subscription_id for each in await take(store, NOW + 5)] == [failed.subscription_id]
    await make(store)
    await make(store)
    order = []
    for now in (NOW + 10, NOW + 20, NOW + 30, NOW + 40):
        (first,) = await store.subscriptions.take(TENANT, now=now, lease_us=1, limit=1)
        await store.subscriptions.release(first, now=now)
        order.append(first.subscription_id)
    assert (len({*order[:2]}), order[2:]) == (2, order[:2])


async def test_whoever_was_too_slow_moves_nothing(store: AnyStore) -> None:
    await make(store)
    await decided(store, 1, None)
    (slow,) = await take(store, NOW + 1)
    (mine,) = await take(store, NOW + 1 + LEASE)
    assert not await store.subscriptions.advance(slow, 4, arrived=True, until=NOW)
    await store.subscriptions.fail(slow, "late", state=SubscriptionState.PAUSED, next_try=0, now=NOW)
    await store.subscriptions.release(slow, now=NOW)
    assert await take(store, NOW + 2 + LEASE) == []
    assert list(await store.subscriptions.all(TENANT)) == [mine]


async def test_failures_are_counted_until_something_arrives(store: AnyStore) -> None:
    await make(store)
    await decided(store, 1, None)
    for number in range(2):
        (one,) = await take(store, NOW + number * MINUTE)
        wait = NOW + (number + 1) * MINUTE
        await store.subscriptions.fail(
            one, "503", state=SubscriptionState.ON, next_try=wait, now=NOW + number * MINUTE
        )
        assert await take(store, wait - 1) == []
    (one,) = await take(store, NOW + 2 * MINUTE)
    assert (one.tries, one.reason, one.failing_since) == (2, "503", NOW)
    assert await store.subscriptions.advance(one, 1, arrived=False, until=NOW + 3 * MINUTE)
    assert [each.tries for each in await store.subscriptions.all(TENANT)] == [2]
    assert await store.subscriptions.advance(one, 2, arrived=True, until=NOW + 3 * MINUTE)
    (after,) = await store.subscriptions.all(TENANT)
    assert (after.tries, after.reason, after.failing_since, after.position) == (0, "", None, 2)


async def test_a_person_resumes_rotates_and_ends_one(store: AnyStore) -> None:
    made = await make(store)
    await decided(store, 1, None)
    (one,) = await take(store, NOW)
    await store.subscriptions.fail(one, "gone", state=SubscriptionState.PAUSED, next_try=NOW, now=NOW)
    assert await take(store, NOW + MINUTE) == []
    name = made.subscription_id
    again = await store.subscriptions.restart(TENANT, name, 0)
    assert (again.state, again.tries, again.position) == (SubscriptionState.ON, 0, 0)
    turned = await store.subscriptions.rotate(TENANT, name, now=NOW + 7)
    assert (turned.generation, turned.rotated_at) == (1, NOW + 7)
    (held,) = await take(store, NOW + MINUTE)
    assert not await store.subscriptions.advance(one, 4, arrived=True, until=NOW)
    ended = await store.subscriptions.end(TENANT, name, "person")
    assert (ended.state, ended.reason) == (SubscriptionState.ENDED, "person")
    assert not await store.subscriptions.advance(held, 4, arrived=True, until=NOW)
    for tenant in (TENANT, OTHER):
        with pytest.raises(BadInput) as refused:
            await store.subscriptions.restart(tenant, name, 0)
        assert refused.value.code == "unknown"
