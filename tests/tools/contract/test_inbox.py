"""The door's durable side: what is taken in, what is known already, what is put aside."""

from datetime import timedelta

import pytest

from domain.errors import Backpressure, BadInput
from domain.kinds import Kind
from domain.signal import Signal
from tests.tools.contract.stores import (
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    AnyStore,
    OpenStore,
    balanced,
    claim,
    claim_one,
    drain,
    key,
    refused,
    signal,
    states,
)


async def test_one_run_sees_all_signals_of_a_lead_in_the_order_in_which_they_happened(
    store: AnyStore,
) -> None:
    """Not in the order in which they came."""
    await store.inbox.accept([signal(1), signal(3)], now=NOW)
    await store.inbox.accept([signal(2)], now=NOW)
    one = await claim_one(store)
    assert [new.id for new in one.given.new] == ["3", "2", "1"]
    assert one.given.reason == "signals"
    assert one.given.as_of == NOW


async def test_a_lead_with_nothing_to_do_is_woken_and_one_that_waits_keeps_its_turn(store: AnyStore) -> None:
    """However its signals come: one by one, or many while it waits."""
    await store.inbox.accept([signal(1, key(EMAIL, "ada"))], now=NOW)
    assert await drain(store) == 1
    for number in (9, 4, 6):
        await store.inbox.accept([signal(number, key(EMAIL, "ada"))], now=NOW + 10 - number)
    await store.inbox.accept([signal(7, key(EMAIL, "countess"))], now=NOW + 2)
    ada, countess = await claim(store, NOW + 20)
    assert [new.id for new in ada.given.new] == ["9", "6", "4"], "it has waited for longer"
    assert [new.id for new in countess.given.new] == ["7"]


async def test_a_signal_comes_out_as_it_went_in(store: AnyStore) -> None:
    """Every field."""
    given = signal(
        1,
        key(EMAIL, "ada"),
        kind=Kind.IDENTIFY,
        payload={"employees": 12, "industry": "steel"},
        account="acme.test",
    ).model_copy(update={"delivery_id": "d1", "steps": ("upcast:1>2",), "imported": True})
    await store.inbox.accept([given], now=NOW)
    assert (await claim_one(store)).given.new == (given,)


async def test_a_delivery_repeated_is_a_duplicate(store: AnyStore) -> None:
    """Also when the second attempt came later, by another way, or names the keys in another order."""
    keys = key(EMAIL, "ada"), key(EMAIL, "countess")
    first = signal(1, *keys)
    again = Signal(
        **first.model_dump(exclude={"received_at", "known_at", "delivery_id", "steps", "keys"}),
        keys=keys[::-1],
        received_at=first.received_at + timedelta(hours=1),
        known_at=first.received_at + timedelta(hours=1),
        delivery_id="second",
        steps=("dropped:utm_term",),
    )
    taken = await store.inbox.accept([first, first], now=NOW)
    later = await store.inbox.accept([again], now=NOW)
    assert (taken.accepted, taken.duplicates, later.accepted, later.duplicates) == (1, 1, 0, 1)
    assert (await balanced(store))["duplicates"] == 2
    assert await drain(store) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_an_id_used_for_something_else_is_put_aside_and_names_the_field(
    store: AnyStore, together: bool
) -> None:
    """Within one batch as well as against what is stored."""
    first, second = signal(1), signal(1, payload={"page": "/jobs", "section": "x"})
    if together:
        taken = await store.inbox.accept([first, second], now=NOW, positions=[11, 12])
    else:
        await store.inbox.accept([first], now=NOW)
        taken = await store.inbox.accept([second], now=NOW, positions=[12])
    ((position, reason),) = taken.quarantined
    assert position == 12
    assert reason.startswith("payload.page,payload.section: ")
    (row,) = await store.reads.quarantine(TENANT)
    assert (row["code"], row["field"], row["position"]) == ("conflict", "payload.page,payload.section", 12)
    assert (await claim_one(store)).given.new == (first,)


async def test_the_same_id_of_another_tenant_is_another_signal(store: AnyStore) -> None:
    """Deduplication stays within a tenant."""
    await store.inbox.accept([signal(1), signal(1, tenant=OTHER)], now=NOW)
    assert (await balanced(store))["waiting"] == 1
    assert (await balanced(store, OTHER))["waiting"] == 1


async def test_a_full_inbox_takes_nothing_and_says_when_to_come_back(open_any: OpenStore) -> None:
    """And takes more once there is room."""
    store = open_any(max_waiting=3)
    await store.inbox.accept([signal(1), signal(2)], now=NOW)
    with pytest.raises(Backpressure) as full:
        await store.inbox.accept([signal(3), signal(4), refused(2)], now=NOW)
    assert (full.value.waiting, full.value.limit) == (2, 3)
    assert full.value.retry_after_s > 0
    assert (await balanced(store))["signals"] == 2
    assert (await store.inbox.accept([signal(1), signal(2)], now=NOW)).duplicates == 2
    await drain(store)
    assert (await store.inbox.accept([signal(3), signal(4)], now=NOW)).accepted == 2


async def test_a_batch_larger_than_the_queue_gets_in_when_nothing_waits(open_any: OpenStore) -> None:
    """Otherwise it never could."""
    store = open_any(max_waiting=1)
    assert (await store.inbox.accept([signal(1), signal(2)], now=NOW)).accepted == 2


async def test_refused_items_are_kept_and_listed_without_their_bytes(store: AnyStore) -> None:
    """Oldest first."""
    taken = await store.inbox.accept([refused(4), signal(1), refused(7)], now=NOW)
    assert taken.quarantined == ((4, "payload.seats: is no number"), (7, "payload.seats: is no number"))
    held = await store.quarantine.open_items(TENANT)
    assert [(one.position, one.code, one.raw) for one in held] == [(4, "invalid", b""), (7, "invalid", b"")]
    assert await store.quarantine.open_items(OTHER) == []


async def test_a_released_item_counts_where_it_lands(store: AnyStore) -> None:
    """It is closed in the transaction that takes it in again, and is not counted as given twice."""
    await store.inbox.accept([refused(1, b"raw"), refused(2)], now=NOW)
    first, second = await store.quarantine.open_items(TENANT)
    assert (await store.quarantine.release(TENANT, first.item_id)).raw == b"raw"
    assert (await store.quarantine.release(TENANT, first.item_id, new_raw=b"mended")).raw == b"mended"
    assert len(await store.quarantine.open_items(TENANT)) == 2
    await store.inbox.accept([signal(1)], now=NOW, released=[first.item_id])
    counts = await balanced(store)
    assert (counts["signals"], counts["quarantined"], counts["waiting"]) == (2, 1, 1)
    await store.inbox.accept([refused(2)], now=NOW, released=[second.item_id])
    counts = await balanced(store)
    assert (counts["signals"], counts["quarantined"]) == (2, 1)


async def test_an_item_cannot_be_released_twice_or_by_another_tenant(store: AnyStore) -> None:
    """The second attempt takes nothing in."""
    await store.inbox.accept([refused(1)], now=NOW)
    (held,) = await store.quarantine.open_items(TENANT)
    with pytest.raises(BadInput):
        await store.inbox.accept([signal(9, tenant=OTHER)], now=NOW, released=[held.item_id])
    with pytest.raises(BadInput):
        await store.quarantine.release(OTHER, held.item_id)
    await store.inbox.accept([signal(1)], now=NOW, released=[held.item_id])
    with pytest.raises(BadInput):
        await store.inbox.accept([signal(2)], now=NOW, released=[held.item_id])
    assert (await balanced(store))["waiting"] == 1
    assert await states(store, OTHER) == []


async def test_a_discarded_item_stays_counted(store: AnyStore) -> None:
    """But cannot be released any more."""
    await store.inbox.accept([refused(1)], now=NOW)
    (held,) = await store.quarantine.open_items(TENANT)
    await store.quarantine.discard(TENANT, held.item_id, reason="spam", now=NOW)
    assert await store.quarantine.open_items(TENANT) == []
    assert (await balanced(store))["quarantined"] == 1
    with pytest.raises(BadInput):
        await store.quarantine.discard(TENANT, held.item_id, reason="spam", now=NOW)


async def test_the_account_of_a_lead_is_the_one_named_last(store: AnyStore) -> None:
    """By the time at which it was said, not by the order of arrival."""
    await store.inbox.accept(
        [signal(1, account="new.test"), signal(5, account="old.test"), signal(0)], now=NOW
    )
    assert [state.account for state in await states(store)] == ["new.test"]
    await store.inbox.accept([signal(3, account="older.test")], now=NOW)
    assert [state.account for state in await states(store)] == ["new.test"]


async def test_failing_gates_of_a_source_reach_the_run(store: AnyStore) -> None:
    """A source that sends much that is refused says so in each decision that rests on it."""
    await store.inbox.accept([signal(1), *[refused(n) for n in range(30)]], now=NOW)
    failing = (await claim_one(store)).given.quality
    assert [failure.gate.value for failure in failing] == ["quarantine_rate"]
