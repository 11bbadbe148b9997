"""Conversations that are due: nothing that a customer wrote is forgotten, and nobody looks at one twice at a time."""

from dataclasses import replace

import pytest

from domain.instants import MINUTE, SECOND
from domain.kinds import Kind
from domain.ports.desks import DueTalk
from domain.signal import Signal
from tests.tools.contract.stores import CHAT, NOW, OTHER, TENANT, AnyStore, OpenStore, key, signal
from tools.store.desk_due import PAUSE

DESK = "chatwoot"
LATER = NOW + PAUSE


def wrote(
    number: int, talk: int = 42, *, role: str = "customer", kind: Kind = Kind.MESSAGE, source: str = DESK
) -> Signal:
    """What happened in a conversation of the desk."""
    payload = {"text": "And?", "role": role} if kind is Kind.MESSAGE else {}
    said = signal(number, key(CHAT, f"{DESK}:{talk}"), kind=kind, payload=payload)
    return said.model_copy(update={"source": source})


@pytest.fixture
def store(open_any: OpenStore) -> AnyStore:
    return open_any(desk=DESK)


async def take(store: AnyStore, now: int = LATER, limit: int = 9) -> list[DueTalk]:
    return list(await store.due_talks.take(TENANT, limit=limit, now=now, lease_us=MINUTE))


async def test_what_a_customer_wrote_or_what_was_closed_falls_due_after_a_pause_and_nothing_else_does(
    store: AnyStore,
) -> None:
    await store.inbox.accept(
        [
            wrote(1),
            wrote(2, 43, kind=Kind.TICKET_SOLVED),
            wrote(3, 44, role="agent"),
            wrote(4, 45, role="bot"),
            wrote(5, 46, source="intercom"),
            wrote(6, 47).model_copy(update={"imported": True}),
            wrote(7, 48).model_copy(update={"keys": (key(CHAT, "intercom:48"),)}),
        ],
        now=NOW,
    )
    assert await take(store, LATER - 1) == []
    assert {one.conversation for one in await take(store)} == {"chatwoot:42", "chatwoot:43"}
    assert await store.due_talks.waiting(TENANT) == 2
    assert await store.due_talks.waiting(OTHER) == 0
    assert list(await store.due_talks.take(OTHER, limit=9, now=LATER, lease_us=MINUTE)) == []


async def test_who_writes_on_does_not_put_it_off_and_a_repetition_changes_nothing(store: AnyStore) -> None:
    await store.inbox.accept([wrote(1)], now=NOW)
    await store.inbox.accept([wrote(2)], now=NOW + SECOND // 2)
    (one,) = await take(store)
    await store.inbox.accept([wrote(2)], now=LATER)
    await store.due_talks.settle(TENANT, one, now=LATER)
    assert await store.due_talks.waiting(TENANT) == 0


async def test_one_holds_it_until_the_lease_ends_and_then_another(store: AnyStore) -> None:
    await store.inbox.accept([wrote(1)], now=NOW)
    (one,) = await take(store)
    assert (one.attempt, await take(store, LATER + MINUTE - 1)) == (1, [])
    (again,) = await take(store, LATER + MINUTE)
    assert again == replace(one, attempt=2)


async def test_what_is_said_while_it_is_looked_at_makes_it_due_at_once(store: AnyStore) -> None:
    """Also where both fall on the same instant."""
    await store.inbox.accept([wrote(1)], now=NOW)
    (one,) = await take(store)
    await store.inbox.accept([wrote(2)], now=NOW)
    await store.due_talks.settle(TENANT, one, now=LATER + 5)
    (again,) = await take(store, LATER + 5)
    assert (again.conversation, again.attempt, again.mark > one.mark) == (one.conversation, 1, True)
    await store.due_talks.settle(TENANT, one, now=LATER + 6)  # of somebody who was too slow
    assert await store.due_talks.waiting(TENANT) == 1


async def test_what_was_put_off_comes_when_it_was_put_off_to(store: AnyStore) -> None:
    await store.inbox.accept([wrote(1), wrote(2, 43)], now=NOW)
    first, second = await take(store)
    await store.due_talks.put_off(TENANT, first, until=LATER + 3 * MINUTE, code="temporary")
    await store.due_talks.settle(TENANT, second, now=LATER)
    await store.due_talks.put_off(TENANT, second, until=NOW, code="temporary")  # it is not there any more
    assert await take(store, LATER + 3 * MINUTE - 1) == []
    (again,) = await take(store, LATER + 3 * MINUTE)
    assert again == replace(first, attempt=2)


async def test_the_oldest_come_first_and_not_more_than_asked_for(store: AnyStore) -> None:
    for number in range(3):
        await store.inbox.accept([wrote(number + 1, 50 - number)], now=NOW + number)
    assert [one.conversation for one in await take(store, limit=2, now=LATER + 2)] == [
        "chatwoot:50",
        "chatwoot:49",
    ]


async def test_where_no_desk_is_followed_nothing_falls_due(open_any: OpenStore) -> None:
    store = open_any()
    await store.inbox.accept([wrote(1)], now=NOW)
    assert await store.due_talks.waiting(TENANT) == 0
