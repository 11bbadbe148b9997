"""Account snapshots and when they fall due."""

from domain.ids import AccountId
from domain.instants import HOUR
from domain.lead import AccountSnapshot
from domain.ports.accounts import Refreshed
from tests.tools.contract.stores import (
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    AnyStore,
    bundle,
    claim,
    claim_one,
    drain,
    key,
    signal,
)
from tools.store.config import CLOCK_SKEW

ACME = AccountId("acme.test")


async def told(store: AnyStore, now: int = NOW) -> None:
    """Work everything off, each run telling that its account changed."""
    await drain(store, now, make=lambda one: bundle(one, account_changed=True))


async def test_a_burst_of_changes_is_one_refresh_an_hour_later(store: AnyStore) -> None:
    """Counted from the first."""
    for number in range(3):
        await store.inbox.accept([signal(number, account="acme.test")], now=NOW + number)
        await told(store, NOW + number)
    assert await store.accounts.due(now=NOW + HOUR - 1, limit=10) == []
    assert await store.accounts.due(now=NOW + HOUR, limit=10) == [(TENANT, ACME)]
    assert await store.work.next_due() == NOW + HOUR


async def test_a_saved_snapshot_has_the_next_version_and_is_not_due(store: AnyStore) -> None:
    """And is the newest."""
    await store.inbox.accept([signal(1, account="acme.test")], now=NOW)
    await told(store)
    for turn in (1, 2):
        at = NOW + turn * HOUR
        await store.accounts.save(
            [Refreshed(TENANT, AccountSnapshot(ACME, 99, at, {"account.leads": turn}))], now=at
        )
        found = await store.accounts.snapshot(TENANT, ACME)
        assert found == AccountSnapshot(ACME, turn, at, {"account.leads": turn})
        assert await store.accounts.due(now=at + 9 * HOUR, limit=10) == []
    assert await store.accounts.snapshot(OTHER, ACME) is None


async def test_a_change_while_the_snapshot_is_taken_is_not_lost(store: AnyStore) -> None:
    """It may have come after the members were read."""
    await store.inbox.accept([signal(1, account="acme.test")], now=NOW)
    await told(store)
    at = NOW + HOUR
    await store.inbox.accept([signal(2)], now=at + 5)
    await told(store, at + 5)
    await store.accounts.save([Refreshed(TENANT, AccountSnapshot(ACME, 0, at, {}))], now=at + 9)
    assert await store.accounts.due(now=at + 5 + HOUR, limit=10) == [(TENANT, ACME)]


async def test_a_change_is_not_lost_that_was_marked_by_a_clock_that_is_behind(store: AnyStore) -> None:
    """By as much as two processes' clocks may lie apart."""
    await store.inbox.accept([signal(1, account="acme.test")], now=NOW)
    await told(store)
    at, behind = NOW + HOUR, NOW + HOUR - CLOCK_SKEW
    await store.inbox.accept([signal(2)], now=behind)
    await told(store, behind)
    await store.accounts.save([Refreshed(TENANT, AccountSnapshot(ACME, 0, at, {}))], now=at + 9)
    assert await store.accounts.due(now=behind + HOUR, limit=10) == [(TENANT, ACME)]


async def test_members_are_the_leads_of_the_account_most_recently_active_first(store: AnyStore) -> None:
    """At most so many; a lead that moved to another account leaves both to be refreshed."""
    leads = [signal(n, key(EMAIL, str(n)), account="acme.test") for n in (3, 1, 2)]
    await store.inbox.accept([*leads, signal(9, key(EMAIL, "9"), account="bolt.test")], now=NOW)
    await drain(store)
    members = await store.accounts.members(TENANT, ACME)
    assert [member.events[-1].ref for member in members] == ["web:1", "web:2", "web:3"]
    assert len(await store.accounts.members(TENANT, ACME, limit=2)) == 2
    await store.inbox.accept([signal(0, key(EMAIL, "1"), account="bolt.test")], now=NOW + 1)
    await told(store, NOW + 1)
    assert len(await store.accounts.members(TENANT, ACME)) == 2
    assert len(await store.accounts.members(TENANT, AccountId("bolt.test"))) == 2
    due = await store.accounts.due(now=NOW + 1 + HOUR, limit=10)
    assert sorted(account for _, account in due) == ["acme.test", "bolt.test"]
    assert len(await store.accounts.due(now=NOW + 1 + HOUR, limit=1)) == 1


async def test_a_snapshot_wakes_whom_it_names(store: AnyStore) -> None:
    """And nobody of another tenant."""
    mine, theirs = signal(1, account="acme.test"), signal(2, account="acme.test", tenant=OTHER)
    await store.inbox.accept([mine, theirs], now=NOW)
    taken = await claim(store)
    await store.commit.commit([bundle(one) for one in taken], now=NOW)
    leads = [one.given.lead.lead_id for one in taken]
    await store.accounts.save(
        [Refreshed(TENANT, AccountSnapshot(ACME, 0, NOW + 1, {"n": 1}), leads)], now=NOW + 1
    )
    woken = await claim_one(store, NOW + 1)
    assert (woken.given.lead.tenant, woken.given.reason) == (TENANT, "account_changed")
    assert woken.given.account == AccountSnapshot(ACME, 1, NOW + 1, {"n": 1})
