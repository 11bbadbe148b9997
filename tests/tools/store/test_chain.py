"""Audit rows written with decisions form one sound chain for each tenant."""

import sqlite3

from domain.chain import GENESIS, link
from tests.tools.contract.stores import (
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    alias,
    drain,
    key,
    refused,
    signal,
)
from tests.tools.store.conftest import OpenStore
from tools.store import Config


async def test_each_chain_links_from_its_first_row_whoever_wrote(opened: OpenStore) -> None:
    """Two processes with one writer name, decisions, merges and releases: no fork, no gap."""
    one, two = opened(), opened()
    for number in range(6):
        store = (one, two)[number % 2]
        await store.inbox.accept([signal(number), signal(number, tenant=OTHER), refused(number)], now=NOW)
        await drain(store)
    await one.inbox.accept([signal(50, key(EMAIL, "b"))], now=NOW)
    await one.inbox.accept([alias(51, key(EMAIL, "b"), key(EMAIL, "ada"))], now=NOW)
    (first, *_) = await two.quarantine.open_items(TENANT)
    await two.quarantine.discard(TENANT, first.item_id, reason="spam", now=NOW)
    conn = sqlite3.connect(one.database.path)
    chains: dict[str, list[tuple[int, str, str, bytes]]] = {}
    for tenant, *row in conn.execute(
        "SELECT tenant, seq, prev, hash, body FROM audit ORDER BY tenant, writer, seq"
    ):
        chains.setdefault(tenant, []).append(tuple(row))
    assert {tenant: len(rows) for tenant, rows in chains.items()} == {TENANT: 8, OTHER: 6}
    for rows in chains.values():
        before = GENESIS
        for place, (seq, prev, digest, body) in enumerate(rows, 1):
            assert (seq, prev, digest) == (place, before, link(before, body))
            before = digest


async def test_writers_have_chains_of_their_own(opened: OpenStore) -> None:
    """Each starts at one."""
    for name in ("w1", "w2"):
        store = opened(config=Config(writer=name))
        await store.inbox.accept([signal(1 if name == "w1" else 2)], now=NOW)
        await drain(store)
    rows = await opened().reads.audit_rows(TENANT)
    assert [(row["writer"], row["seq"]) for row in rows] == [("w1", 1), ("w2", 1)]
