"""Who is who in the store: leads joined, split, and forgotten."""

from domain.action import ActionKind
from domain.decision import Timer
from domain.kinds import Kind
from domain.ports.commit import Committed
from domain.signal import compact
from tests.tools.contract.stores import (
    ANON,
    CHAT,
    CRM,
    EMAIL,
    NOW,
    OTHER,
    ROLE,
    TENANT,
    AnyStore,
    alias,
    balanced,
    bundle,
    by_keys,
    claim,
    claim_one,
    drain,
    key,
    message,
    proposal,
    signal,
    states,
)

ADA, BOB, ACE = key(EMAIL, "ada"), key(EMAIL, "bob"), key(CRM, "ace")
DEVICE, TABLET, INFO = key(ANON, "device"), key(ANON, "tablet"), key(ROLE, "info")


async def test_a_visitor_becomes_known_with_all_he_did_before(store: AnyStore) -> None:
    """The lead's events are those of both, with the tags they were given."""
    await store.inbox.accept([message(3, DEVICE), message(4, ADA)], now=NOW)
    await drain(store, make=lambda one: bundle(one, tags={"web:3": ("pricing:820",), "web:4": ("demo:700",)}))
    taken = await store.inbox.accept([signal(2, DEVICE, ADA)], now=NOW)
    assert taken.merges == 1
    (lead,) = await states(store)
    assert lead.events == (*compact(message(4), ("demo:700",)), *compact(message(3), ("pricing:820",)))
    await drain(store)
    assert [event.ref for event in (await states(store))[0].events] == ["web:4", "web:3", "web:2"]
    assert set(await by_keys(store)) == {frozenset({DEVICE, ADA})}


async def test_the_lead_seen_first_stays_and_the_other_still_leads_to_it(store: AnyStore) -> None:
    """An id once given out goes on to name the person."""
    await store.inbox.accept([signal(1, ADA)], now=NOW)
    await store.inbox.accept([signal(2, BOB)], now=NOW + 1)
    ada, bob = [await store.reads.find_lead(TENANT, name) for name in ("ada", "bob")]
    assert ada is not None
    assert bob is not None
    await store.inbox.accept([alias(3, ADA, BOB)], now=NOW + 2)
    assert await store.reads.find_lead(TENANT, "bob") == ada
    assert await store.reads.find_lead(TENANT, bob) == ada
    assert await store.reads.lead(TENANT, bob) is None
    assert (await balanced(store))["leads"] == 1


async def test_a_role_address_joins_nobody(store: AnyStore) -> None:
    """What is known by it alone is a lead of its own."""
    await store.inbox.accept([signal(1, ADA, INFO), signal(2, BOB, INFO), signal(3, INFO)], now=NOW)
    assert set(await by_keys(store)) == {frozenset({ADA}), frozenset({BOB}), frozenset({INFO})}


async def test_a_device_seen_with_two_people_stands_alone(store: AnyStore) -> None:
    """What was done on it by nobody in particular leaves the person it was first counted to."""
    await store.inbox.accept([signal(5, TABLET), signal(4, TABLET, ADA)], now=NOW)
    await drain(store)
    assert set(await by_keys(store)) == {frozenset({TABLET, ADA})}
    await store.inbox.accept([signal(3, TABLET, BOB)], now=NOW)
    await drain(store)
    found = {names: [event.ref for event in lead.events] for names, lead in (await by_keys(store)).items()}
    assert found == {
        frozenset({ADA}): ["web:4"],
        frozenset({BOB}): ["web:3"],
        frozenset({TABLET}): ["web:5"],
    }


async def test_a_shared_device_goes_back_when_its_two_people_are_one(store: AnyStore) -> None:
    """Also what was counted to a role address because the device was shared."""
    await store.inbox.accept(
        [signal(6, TABLET, INFO), signal(5, TABLET, ADA), signal(4, TABLET, BOB)], now=NOW
    )
    await drain(store)
    assert set(await by_keys(store)) == {frozenset({INFO}), frozenset({ADA}), frozenset({BOB})}
    await store.inbox.accept([alias(3, ADA, BOB)], now=NOW)
    await drain(store)
    (only,) = (await by_keys(store)).items()
    assert only[0] == {TABLET, ADA, BOB}
    assert [event.ref for event in only[1].events] == ["web:6", "web:5", "web:4", "web:3"]


async def test_a_merge_undone_is_as_if_it_had_never_been(store: AnyStore) -> None:
    """Ids, keys, events and what was proposed before go back."""
    await store.inbox.accept([signal(9, ADA), signal(8, ACE)], now=NOW)
    await drain(store, make=lambda one: bundle(one, proposals=(proposal(one.given.lead.lead_id, 1),)))
    before = await by_keys(store)
    await store.inbox.accept([alias(5, ADA, ACE)], now=NOW + 1)
    await drain(store, NOW + 1)
    assert (await balanced(store))["leads"] == 1
    undone = await store.inbox.accept([alias(4, ADA, ACE, undo=True)], now=NOW + 2)
    assert undone.merges == 0
    await drain(store, NOW + 2)
    after = await by_keys(store)
    assert {names: lead.lead_id for names, lead in after.items()} == {n: s.lead_id for n, s in before.items()}
    refs = {names: {event.ref for event in lead.events} for names, lead in after.items()}
    assert refs == {frozenset({ADA}): {"web:9"}, frozenset({ACE}): {"web:8", "web:5", "web:4"}}
    await store.inbox.accept([signal(3, ADA), signal(2, ACE)], now=NOW + 3)
    assert len(await claim(store, NOW + 3)) == 2


async def test_a_run_on_a_lead_that_is_merged_meanwhile_is_fenced(store: AnyStore) -> None:
    """Winner and loser alike; what the run had taken waits again for the joined lead."""
    await store.inbox.accept([signal(1, ADA), signal(2, ACE)], now=NOW)
    running = await claim(store)
    await store.inbox.accept([alias(3, ADA, ACE)], now=NOW)
    results = await store.commit.commit([bundle(one) for one in running], now=NOW)
    assert results == [Committed.FENCED, Committed.FENCED]
    assert await store.work.heartbeat([one.claim for one in running], now=NOW, lease_us=1) == []
    again = await claim_one(store)
    assert [new.id for new in again.given.new] == ["3", "2", "1"]


async def test_open_actions_of_a_merged_lead_move_and_are_never_two_of_a_kind(store: AnyStore) -> None:
    """After the merge a task is open already; an enrolment that only the loser had moved over."""
    await store.inbox.accept([signal(1, ADA)], now=NOW)
    await store.inbox.accept([signal(2, ACE)], now=NOW + 1)

    async def decide(now: int, *kinds: ActionKind) -> None:
        one = await claim_one(store, now)
        lead = one.given.lead.lead_id
        wanted = tuple(proposal(lead, 10 * now + n, kind) for n, kind in enumerate(kinds))
        assert await store.commit.commit([bundle(one, proposals=wanted)], now=now) == [Committed.DONE]

    await decide(NOW, ActionKind.CREATE_TASK)
    await decide(NOW + 1, ActionKind.CREATE_TASK, ActionKind.ENROL)
    await store.inbox.accept([alias(3, ADA, ACE)], now=NOW + 2)
    await decide(NOW + 2, ActionKind.CREATE_TASK, ActionKind.ENROL, ActionKind.NOTIFY)
    assert (await balanced(store))["actions"] == 4  # two tasks (one expired), one enrolment, one notice


async def test_timers_of_both_wake_the_merged_lead(store: AnyStore) -> None:
    """The earlier of two with one reason."""
    await store.inbox.accept([signal(1, ADA), signal(2, ACE)], now=NOW)
    first, second = await claim(store)
    one = bundle(first, timers=(Timer(NOW + 900, "hold_over"),))
    two = bundle(second, timers=(Timer(NOW + 500, "hold_over"), Timer(NOW + 700, "band_decay")))
    await store.commit.commit([one, two], now=NOW)
    await store.inbox.accept([alias(3, ADA, ACE)], now=NOW)
    running = await claim_one(store)
    await store.work.fail(running.claim, code="x", counts=False, retry_at=NOW + 600, now=NOW)
    (only,) = await claim(store, NOW + 600)
    assert only.given.reason == "signals"
    await store.commit.commit([bundle(only)], now=NOW + 600)
    assert await store.work.next_due() is None


async def test_nobody_joins_across_tenants_or_regions(store: AnyStore) -> None:
    """The same key means another person there."""
    far = signal(3, ADA, ACE).model_copy(update={"region": "us"})
    await store.inbox.accept(
        [signal(1, ADA), signal(2, ACE), signal(4, ADA, ACE, tenant=OTHER), far], now=NOW
    )
    assert (await balanced(store))["leads"] == 3
    assert (await balanced(store, OTHER))["leads"] == 1
    assert all(state.tenant == OTHER for state in await states(store, OTHER))


async def test_a_lead_that_asks_to_be_forgotten_is_processed_no_more(store: AnyStore) -> None:
    """What waits is superseded, what comes later too; one last run records it."""
    await store.inbox.accept([signal(1, ADA)], now=NOW)
    await drain(store)
    await store.inbox.accept([signal(2, ADA)], now=NOW)
    running = await claim_one(store)
    await store.inbox.accept([signal(3, ADA), signal(4, ADA, kind=Kind.PRIVACY_DELETE)], now=NOW)
    assert await store.commit.commit([bundle(running)], now=NOW) == [Committed.FENCED]
    last = await claim_one(store)
    assert last.given.lead.suppressed
    assert [new.id for new in last.given.new] == ["4"]
    await store.commit.commit([bundle(last)], now=NOW)
    await store.inbox.accept([signal(5, ADA)], now=NOW)
    assert not await claim(store)
    (lead,) = await states(store)
    assert (lead.suppressed, lead.events) == (True, ())
    counts = await balanced(store)
    assert (counts["applied"], counts["superseded"], counts["waiting"]) == (1, 4, 0)


async def test_forgetting_ends_with_the_merge_that_brought_it(store: AnyStore) -> None:
    """After an undo the other person's signals run again."""
    await store.inbox.accept([signal(1, ADA), signal(2, ACE)], now=NOW)
    await store.inbox.accept([alias(3, ADA, ACE)], now=NOW)
    await store.inbox.accept([signal(4, ACE, kind=Kind.PRIVACY_DELETE)], now=NOW)
    await drain(store)
    await store.inbox.accept([alias(0, ADA, ACE, undo=True)], now=NOW)
    await drain(store)
    found = {names: (s.suppressed, [e.ref for e in s.events]) for names, s in (await by_keys(store)).items()}
    assert found == {frozenset({ADA}): (False, ["web:1"]), frozenset({ACE}): (True, [])}
    await balanced(store)


async def test_a_chat_leaves_its_visitor_when_only_the_visitor_becomes_known(store: AnyStore) -> None:
    """Weak keys join each other only while neither was seen with a person."""
    chat = key(CHAT, "c1")
    await store.inbox.accept([signal(5, DEVICE, chat), signal(4, chat)], now=NOW)
    await drain(store)
    assert set(await by_keys(store)) == {frozenset({DEVICE, chat})}
    await store.inbox.accept([signal(3, DEVICE, ADA)], now=NOW)
    await drain(store)
    found = {names: {e.ref for e in lead.events} for names, lead in (await by_keys(store)).items()}
    assert found == {frozenset({DEVICE, ADA}): {"web:5", "web:3"}, frozenset({chat}): {"web:4"}}


async def test_a_key_without_signals_of_its_own_keeps_its_group_together(store: AnyStore) -> None:
    """Three declared one, one of them taken out: the other two are one lead from their first signal on."""
    await store.inbox.accept([alias(9, ADA, BOB, ACE)], now=NOW)
    await store.inbox.accept([alias(8, ADA, ACE, undo=True), alias(7, BOB, ACE, undo=True)], now=NOW)
    await store.inbox.accept([signal(6, ADA)], now=NOW)
    await store.inbox.accept([signal(5, BOB)], now=NOW)
    await drain(store)
    refs = {names: {e.ref for e in s.events} for names, s in (await by_keys(store)).items()}
    assert refs[frozenset({ADA, BOB})] == {"web:6", "web:5"}
