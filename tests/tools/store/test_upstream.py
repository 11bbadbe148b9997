"""Records to be read and places of pollers, in the store: asked for once, held by one, let go by the dead."""

from domain.ids import Region, TenantId
from domain.instants import MINUTE, SECOND
from domain.ports.upstream import Place, Record
from domain.signal import KeyKind, LeadKey
from tools.store import Store

TENANT, EU = TenantId("t1"), Region("eu")
AT = 1_700_000_000 * SECOND
ONE = Record("hubspot", "contact", "1", AT)


async def note(store: Store, *records: Record, now: int = AT) -> None:
    await store.todos.note(TENANT, EU, records, wait_us=3 * SECOND, now=now)


async def test_a_record_that_changes_while_it_is_read_is_read_once_more(store: Store) -> None:
    """But not sooner than after a pause; and what it was read back to is the farthest that was asked for."""
    await note(store, ONE, Record("hubspot", "contact", "1", AT + SECOND, AT - MINUTE))
    [todo] = await store.todos.take(TENANT, "hubspot", limit=10, now=AT, lease_us=MINUTE)
    assert (todo.record.since, todo.record.back_to) == (AT + SECOND, AT - MINUTE)
    await note(store, Record("hubspot", "contact", "1", AT + 2 * SECOND), now=AT + 2 * SECOND)
    await store.todos.settle(TENANT, {todo: "read"}, read_at=AT, now=AT + 3 * SECOND)
    assert await store.todos.due(TENANT, now=AT + 3 * SECOND) == []
    assert await store.todos.due(TENANT, now=AT + 6 * SECOND) == ["hubspot"]


async def test_who_dies_over_a_record_leaves_it_to_others_and_other_tenants_see_none_of_it(
    store: Store,
) -> None:
    await note(store, ONE)
    assert len(await store.todos.take(TENANT, "hubspot", limit=10, now=AT, lease_us=MINUTE)) == 1
    assert await store.todos.take(TENANT, "hubspot", limit=10, now=AT + 59 * SECOND, lease_us=MINUTE) == []
    assert await store.todos.due(TenantId("t2"), now=AT + MINUTE) == []
    [again] = await store.todos.take(TENANT, "hubspot", limit=10, now=AT + MINUTE, lease_us=MINUTE)
    assert again.attempt == 2


async def test_keys_of_another_kind_are_not_waited_for(store: Store) -> None:
    """A contact and a conversation may bear the same number."""
    await note(store, Record("chatwoot", "conversation", "7", AT, None, KeyKind.CONVERSATION))
    both = [LeadKey(kind, "chatwoot:7") for kind in (KeyKind.CRM_ID, KeyKind.CONVERSATION)]
    assert [one.key.kind for one in await store.todos.unread(TENANT, both)] == [KeyKind.CONVERSATION]


async def test_a_place_is_held_by_one_and_an_old_holder_moves_nothing(store: Store) -> None:
    places = store.positions
    first = await places.take(TENANT, EU, "salesforce.lead", now=AT, lease_us=MINUTE)
    assert first is not None
    assert await places.take(TENANT, EU, "salesforce.lead", now=AT, lease_us=MINUTE, asked=True) is None
    second = await places.take(TENANT, EU, "salesforce.lead", now=AT + MINUTE, lease_us=MINUTE)
    assert isinstance(second, Place)
    assert not await places.move(TENANT, first, "old", code="ok", now=AT + MINUTE, due_at=None)
    assert await places.move(TENANT, second, "new", code="ok", now=AT + MINUTE, due_at=AT + 2 * MINUTE)
    assert await places.take(TENANT, EU, "salesforce.lead", now=AT + MINUTE, lease_us=MINUTE) is None
    asked = await places.take(TENANT, EU, "salesforce.lead", now=AT + MINUTE, lease_us=MINUTE, asked=True)
    assert asked is not None
    assert asked.position == "new"


async def test_a_page_holds_the_place_anew_where_its_holder_goes_on(store: Store) -> None:
    places = store.positions
    held = await places.take(TENANT, EU, "salesforce.stream/data/X", now=AT, lease_us=MINUTE)
    assert held is not None
    assert await places.move(TENANT, held, "1", code="ok", now=AT + SECOND, due_at=None, hold_us=3 * MINUTE)
    late = AT + 2 * MINUTE
    assert await places.take(TENANT, EU, held.name, now=late, lease_us=MINUTE, asked=True) is None
    assert await places.move(TENANT, held, "2", code="ok", now=late, due_at=None)
    late = AT + 3 * MINUTE + SECOND
    taken = await places.take(TENANT, EU, held.name, now=late, lease_us=MINUTE)
    assert taken is not None
    assert taken.position == "2"
