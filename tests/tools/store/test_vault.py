"""No payload is stored without its key, and keys go with their leads."""

from dataclasses import replace

import pytest

from domain.ids import LeadId
from tests.tools.contract.stores import (
    CRM,
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    alias,
    bundle,
    claim,
    drain,
    key,
    signal,
)
from tests.tools.store.conftest import OpenStore
from tools.privacy.vault import KeyRow, LeadVault
from tools.store import Config, Store

ADA, ACE = key(EMAIL, "ada"), key(CRM, "ace")
MASTER = b"m" * 32


def with_vault(opened: OpenStore) -> tuple[Store, LeadVault]:
    """A store and a vault that know each other, as another process would open them."""
    found: list[Store] = []

    def fetch(tenant: str, lead: str | None, one: str | None) -> list[KeyRow]:
        return list(found[0].fetch_keys(tenant, lead, one))

    vault = LeadVault(MASTER, fetch=fetch)
    found.append(opened(config=Config(ring=vault)))
    return found[0], vault


async def decide(store: Store, vault: LeadVault, now: int) -> None:
    """Run everything, each record sealed under its lead's key."""
    for one in await claim(store, now):
        packed = bundle(one)
        record = vault.seal(TENANT, one.claim.lead_id, one.claim.lead_id.encode())
        await store.commit.commit([replace(packed, record=record)], now=now)


async def test_a_record_opens_after_a_restart(opened: OpenStore) -> None:
    """Its key was written with it."""
    store, vault = with_vault(opened)
    await store.inbox.accept([signal(1)], now=NOW)
    await decide(store, vault, NOW)
    again, fresh = with_vault(opened)
    (batch,) = [batch async for batch in again.reads.decisions(TENANT)]
    assert batch[0].record is not None
    assert fresh.open(TENANT, batch[0].record).decode() == batch[0].lead_id


async def test_a_fenced_run_leaves_no_key_behind(opened: OpenStore) -> None:
    """Nothing of it was stored."""
    store, vault = with_vault(opened)
    await store.inbox.accept([signal(1)], now=NOW)
    (one,) = await claim(store)
    await store.work.reclaim(now=NOW)
    record = vault.seal(TENANT, one.claim.lead_id, b"x")
    assert await store.commit.commit([replace(bundle(one), record=record)], now=NOW) == ["fenced"]
    assert store.fetch_keys(TENANT, one.claim.lead_id, None) == []


async def test_keys_follow_a_merge_and_come_back_after_its_undo(opened: OpenStore) -> None:
    """Erasing the joined lead would erase both; after the undo each has its own."""
    store, vault = with_vault(opened)
    await store.inbox.accept([signal(1, ADA)], now=NOW)
    await store.inbox.accept([signal(2, ACE)], now=NOW + 1)
    await decide(store, vault, NOW + 1)
    ada, ace = [await store.reads.find_lead(TENANT, name) for name in ("ada", "ace")]
    assert ada is not None
    assert ace is not None
    await store.inbox.accept([alias(3, ADA, ACE)], now=NOW + 2)
    assert (len(store.fetch_keys(TENANT, ada, None)), len(store.fetch_keys(TENANT, ace, None))) == (2, 0)
    await drain(store, NOW + 2)
    await store.inbox.accept([alias(0, ADA, ACE, undo=True)], now=NOW + 3)
    assert [len(store.fetch_keys(TENANT, lead, None)) for lead in (ada, ace)] == [1, 1]
    again, fresh = with_vault(opened)
    opened_texts = [
        fresh.open(TENANT, stored.record).decode()
        async for batch in again.reads.decisions(TENANT)
        for stored in batch
        if stored.record and stored.record.key_id.startswith("k_") and stored.record.ciphertext != b"sealed"
    ]
    assert sorted(opened_texts) == sorted([ada, ace])


async def test_keys_of_another_tenant_are_not_given_out(opened: OpenStore) -> None:
    """Not even by their id."""
    store, vault = with_vault(opened)
    await store.inbox.accept([signal(1)], now=NOW)
    await decide(store, vault, NOW)
    (lead,) = [one async for batch in store.reads.leads(TENANT) for one in batch]
    (row,) = store.fetch_keys(TENANT, lead.lead_id, None)
    assert store.fetch_keys(OTHER, LeadId(lead.lead_id), None) == []
    assert store.fetch_keys(OTHER, None, row.key_id) == []


@pytest.mark.parametrize("text", ["ada@example.test", "{not json"])
async def test_no_refused_bytes_lie_in_clear(opened: OpenStore, text: str) -> None:
    """They are sealed before they are stored, and come back when released."""
    from tests.tools.contract.stores import refused

    def turn(raw: bytes) -> bytes:
        return bytes(byte ^ 0x5A for byte in raw)

    store = opened(config=Config(seal_raw=turn, open_raw=turn))
    await store.inbox.accept([refused(1, text.encode())], now=NOW)
    (held,) = await store.quarantine.open_items(TENANT)
    assert (await store.quarantine.release(TENANT, held.item_id)).raw == text.encode()
    store.close()
    folder = store.database.path.parent
    assert all(text.encode() not in file.read_bytes() for file in folder.iterdir())
