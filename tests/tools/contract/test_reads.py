"""Questions about what is stored: each limited to one tenant."""

from dataclasses import replace

from domain.ids import Region
from domain.kinds import Kind
from domain.lead import Band, BandState, PastAction
from tests.tools.contract.stores import (
    CRM,
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    AnyStore,
    OpenStore,
    alias,
    bundle,
    claim_one,
    drain,
    key,
    refused,
    rep,
    signal,
    states,
)

ADA = key(EMAIL, "ada")


async def test_a_lead_is_found_by_any_of_its_keys(store: AnyStore) -> None:
    """By value, by kind and value, by its own id; not from another tenant."""
    await store.inbox.accept([signal(1, ADA, key(CRM, "a:1"))], now=NOW)
    (lead,) = [state.lead_id for state in await states(store)]
    for name in (lead, "ada", "email_hash:ada", "a:1", "crm_id:a:1"):
        assert await store.reads.find_lead(TENANT, name) == lead
        assert await store.reads.find_lead(OTHER, name) is None
    for name in ("phone_hash:ada", "bob", "", "crm_id:"):
        assert await store.reads.find_lead(TENANT, name) is None
    assert await store.reads.keys(TENANT, lead) == [key(CRM, "a:1"), ADA]
    assert await store.reads.keys(OTHER, lead) == []


async def test_a_key_names_a_lead_in_each_region_and_each_can_be_asked_for(store: AnyStore) -> None:
    """Also a lead's id is none in another region, and lists hold what is of the region."""
    here, there = Region("eu"), Region("us")
    for n, region in enumerate((here, there)):
        await store.inbox.accept([signal(n, ADA, region=region)], now=NOW + n)
    of = {state.region: state.lead_id for state in await states(store)}
    assert of.keys() == {here, there}
    for region, other in ((here, there), (there, here)):
        assert await store.reads.find_lead(TENANT, "ada", region=region) == of[region]
        assert await store.reads.find_lead(TENANT, of[region], region=region) == of[region]
        assert await store.reads.find_lead(TENANT, of[region], region=other) is None
        listed = [one async for batch in store.reads.leads(TENANT, region=region) for one in batch]
        assert [state.lead_id for state in listed] == [of[region]]
    assert await store.reads.find_lead(TENANT, "ada") == of[here], "of several the one seen first"


async def test_leads_come_in_the_order_of_their_ids(store: AnyStore) -> None:
    """Across batches; a lead's state comes back as it was committed."""
    await store.inbox.accept([signal(n, key(EMAIL, str(n))) for n in range(7)], now=NOW)
    batches = [batch async for batch in store.reads.leads(TENANT, batch=3)]
    ids = [state.lead_id for batch in batches for state in batch]
    assert [len(batch) for batch in batches] == [3, 3, 1]
    assert ids == sorted(set(ids))
    assert await states(store, OTHER) == []


async def test_a_state_comes_back_as_it_was_committed(store: AnyStore) -> None:
    """Every part of it."""
    await store.inbox.accept([signal(1, account="acme.test")], now=NOW)
    packed = bundle(await claim_one(store), tags={"web:1": ("demo:700", "pricing:820")})
    lead = replace(
        packed.lead,
        band=BandState(Band.HOT, NOW, NOW - 5),
        owner="r1",
        episode=3,
        dropped=2,
        actions=(PastAction("create_task", NOW, 3),),
        reading={"pricing": 820},
    )
    await store.commit.commit([replace(packed, lead=lead)], now=NOW)
    assert await store.reads.lead(TENANT, lead.lead_id) == lead
    assert await store.reads.lead(OTHER, lead.lead_id) is None


async def test_signals_come_newest_first(store: AnyStore) -> None:
    """So many and no more."""
    await store.inbox.accept([signal(n) for n in (4, 2, 9, 1)], now=NOW)
    (lead,) = [state.lead_id for state in await states(store)]
    assert [one.id for one in await store.reads.signals(TENANT, lead, limit=3)] == ["1", "2", "4"]
    assert await store.reads.signals(OTHER, lead) == []


async def test_signals_are_found_by_their_ids(store: AnyStore) -> None:
    """As they were stored; those that are not there are left out, and so are another tenant's."""
    given = [signal(n) for n in (1, 2, 3)]
    await store.inbox.accept([*given, signal(4, tenant=OTHER)], now=NOW)
    ids = [one.signal_id for one in (*given[:2], signal(4), signal(5))]
    found = await store.reads.stored(TENANT, ids)
    assert sorted(found, key=lambda one: one.id) == given[:2]
    assert await store.reads.stored(TENANT, []) == []


async def test_nothing_of_one_tenant_is_read_by_another(open_any: OpenStore) -> None:
    """I6, over every question there is."""
    store = open_any(reps=(rep("r1"),))
    await store.inbox.accept([signal(1, account="acme.test"), refused(2)], now=NOW)
    one = await claim_one(store)
    await store.commit.commit([bundle(one, reserved=("r1",), account_changed=True)], now=NOW)
    lead, account = one.given.lead.lead_id, one.given.lead.account
    assert account is not None
    reads = store.reads
    assert await reads.lead(OTHER, lead) is None
    assert await reads.latest_decision(OTHER, lead) is None
    assert await reads.quarantine(OTHER) == []
    assert await reads.audit_rows(OTHER) == []
    assert await reads.audit_rows(OTHER, run_id=one.given.run_id) == []
    assert [one.load for one in await reads.reps(OTHER, now=NOW)] == [0]
    assert await store.accounts.members(OTHER, account) == []
    assert await store.accounts.snapshot(OTHER, account) is None
    assert set((await reads.counts(OTHER)).values()) == {0}


async def test_counts_name_everything(store: AnyStore) -> None:
    """What a replay reports."""
    await store.inbox.accept([signal(1), signal(1), refused(2)], now=NOW)
    await drain(store)
    assert await store.reads.counts(TENANT) == {
        "signals": 3, "applied": 1, "superseded": 0, "duplicates": 1, "quarantined": 1, "parked": 0, "waiting": 0,
        "leads": 1, "runs": 1, "decisions": 1, "actions": 0, "merges": 0,
    }  # fmt: skip


async def test_who_asked_to_be_forgotten_is_found_with_what_was_merged_into_it(store: AnyStore) -> None:
    """Page by page; nobody of another tenant, and nobody else."""
    keys = [key(EMAIL, name) for name in ("ada", "bob", "cy", "dee", "eve")]
    await store.inbox.accept([signal(n, one) for n, one in enumerate(keys)], now=NOW)
    before = [await store.reads.find_lead(TENANT, one.value) for one in keys]
    await store.inbox.accept([alias(10, keys[0], keys[1]), alias(11, keys[1], keys[2])], now=NOW)
    gone = [signal(20 + n, one, kind=Kind.PRIVACY_DELETE, payload={}) for n, one in enumerate(keys[2:4])]
    await store.inbox.accept([*gone, signal(30, keys[4], tenant=OTHER, kind=Kind.PRIVACY_DELETE)], now=NOW)
    found: dict[str, list[str]] = {}
    after = ""
    while page := await store.reads.forgotten(TENANT, after=after, limit=1):
        found |= {lead: list(parts) for lead, parts in page.items()}
        after = max(page)
    whole = await store.reads.find_lead(TENANT, "ada")
    assert {name: set(parts) for name, parts in found.items()} == {
        whole: set(before[:3]), before[3]: {before[3]},
    }  # fmt: skip
