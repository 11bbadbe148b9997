"""A language model's answers go with their lead, and its budgets hold for all who share a store."""

import asyncio
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from domain.ids import LeadId
from domain.kinds import Kind
from domain.spending import Spent
from tests.tools.contract.stores import (
    CRM,
    EMAIL,
    NOW,
    OTHER,
    TENANT,
    AnyStore,
    alias,
    by_keys,
    drain,
    key,
    signal,
)
from tools.privacy.vault import KeyRow, LeadVault
from tools.store import Config, open_store

A, B = key(EMAIL, "ada"), key(CRM, "0042")
SAID = {"text": '{"wish":"buy"}', "model": "tiny"}
ELSE = {"text": '{"wish":"leave"}', "model": "tiny"}
AMPLE = Spent(10, 10_000, 10_000)


async def lead_of(store: AnyStore, *keys: Any) -> LeadId:
    """The lead with just these keys."""
    return (await by_keys(store))[frozenset(keys)].lead_id


@pytest.fixture
async def two(store: AnyStore) -> tuple[LeadId, LeadId]:
    """Two leads."""
    await store.inbox.accept([signal(1, A), signal(2, B)], now=NOW)
    await drain(store)
    return await lead_of(store, A), await lead_of(store, B)


async def test_an_answer_is_found_by_lead_and_key(store: AnyStore, two: tuple[LeadId, LeadId]) -> None:
    """By nobody else: not for another lead, another question, another tenant."""
    first, second = two
    await store.answers.put(TENANT, first, "k1", SAID, now=NOW)
    assert await store.answers.get(TENANT, first, "k1") == SAID
    assert await store.answers.get(TENANT, first, "k2") is None
    assert await store.answers.get(TENANT, second, "k1") is None
    assert await store.answers.get(OTHER, first, "k1") is None


async def test_the_first_answer_stays(store: AnyStore, two: tuple[LeadId, LeadId]) -> None:
    """A redo that raced says the same as the run before it."""
    for said in (SAID, ELSE):
        await store.answers.put(TENANT, two[0], "k1", said, now=NOW)
    assert await store.answers.get(TENANT, two[0], "k1") == SAID


async def test_answers_go_with_a_merge_and_come_back_with_its_undo(
    store: AnyStore, two: tuple[LeadId, LeadId]
) -> None:
    """Those of both are the winner's; a split gives back what was asked for the part."""
    first, second = two
    await store.answers.put(TENANT, first, "k1", SAID, now=NOW)
    await store.answers.put(TENANT, second, "k2", ELSE, now=NOW)
    await store.inbox.accept([alias(3, A, B)], now=NOW)
    winner = await lead_of(store, A, B)
    assert await store.answers.get(TENANT, winner, "k1") == SAID
    assert await store.answers.get(TENANT, winner, "k2") == ELSE
    await store.inbox.accept([alias(4, A, B, undo=True, at=NOW)], now=NOW)
    assert await store.answers.get(TENANT, await lead_of(store, A), "k1") == SAID
    assert await store.answers.get(TENANT, await lead_of(store, B), "k2") == ELSE
    assert await store.answers.get(TENANT, await lead_of(store, A), "k2") is None


async def test_a_lead_that_is_forgotten_has_no_answers(store: AnyStore, two: tuple[LeadId, LeadId]) -> None:
    """What there was is gone, and nothing new is kept; others keep theirs."""
    first, second = two
    for lead in two:
        await store.answers.put(TENANT, lead, "k1", SAID, now=NOW)
    await store.inbox.accept([signal(3, A, kind=Kind.PRIVACY_DELETE, payload={})], now=NOW)
    assert await store.answers.get(TENANT, first, "k1") is None
    await store.answers.put(TENANT, first, "k2", SAID, now=NOW)
    assert await store.answers.get(TENANT, first, "k2") is None
    assert await store.answers.get(TENANT, second, "k1") == SAID


async def test_nothing_is_kept_for_a_lead_that_is_not_there(store: AnyStore) -> None:
    """Such as one that was merged away while it was asked for."""
    await store.answers.put(TENANT, LeadId("ld_none"), "k1", SAID, now=NOW)
    assert await store.answers.get(TENANT, LeadId("ld_none"), "k1") is None


async def test_a_budget_is_taken_whole_or_not_at_all(store: AnyStore) -> None:
    """Each limit is named; a refusal takes nothing from either budget."""
    lead, day = LeadId("ld_1"), 20_000
    want = Spent(1, 100, 50)

    async def reserve(lead_limit: Spent, tenant_limit: Spent, on: int = day) -> str:
        return await store.spending.reserve(
            TENANT, lead, day=on, want=want, lead_limit=lead_limit, tenant_limit=tenant_limit
        )

    assert await reserve(AMPLE, AMPLE) == ""
    assert await reserve(Spent(1, 10_000, 10_000), AMPLE) == "lead_calls"
    assert await reserve(Spent(10, 199, 10_000), AMPLE) == "lead_tokens"
    assert await reserve(Spent(10, 10_000, 99), AMPLE) == "lead_money"
    assert await reserve(AMPLE, Spent(1, 10_000, 10_000)) == "tenant_calls"
    assert await store.spending.spent(TENANT, lead, day=day) == want
    assert await store.spending.spent(TENANT, None, day=day) == want
    assert await reserve(Spent(1, 100, 50), AMPLE, on=day + 1) == ""


async def test_what_is_settled_takes_the_place_of_what_was_reserved(store: AnyStore) -> None:
    """For the lead and for the tenant; leads add up, tenants do not."""
    day = 20_000
    for number, lead in enumerate((LeadId("ld_1"), LeadId("ld_2")), start=1):
        want = Spent(1, 100, 50)
        await store.spending.reserve(TENANT, lead, day=day, want=want, lead_limit=AMPLE, tenant_limit=AMPLE)
        await store.spending.settle(TENANT, lead, day=day, reserved=want, used=Spent(1, number, 0))
    assert await store.spending.spent(TENANT, LeadId("ld_2"), day=day) == Spent(1, 2, 0)
    assert await store.spending.spent(TENANT, None, day=day) == Spent(2, 3, 0)
    assert await store.spending.spent(OTHER, None, day=day) == Spent()


async def test_many_at_once_never_take_more_than_there_is(store: AnyStore) -> None:
    """The check and the taking are one step."""
    limit = Spent(5, 10_000, 10_000)
    taken = await asyncio.gather(
        *(
            store.spending.reserve(
                TENANT, LeadId(f"ld_{n}"), day=1, want=Spent(1, 1, 1), lead_limit=AMPLE, tenant_limit=limit
            )
            for n in range(20)
        )
    )
    assert taken.count("") == 5


@pytest.fixture
def file(empty_database: Path, tmp_path: Path) -> Path:
    """A database of one's own."""
    return Path(shutil.copy(empty_database, tmp_path / "own.db"))


async def test_two_workers_of_one_file_share_a_budget(file: Path) -> None:
    """Two stores opened on the same database."""
    stores = [open_store(file, Config(writer=name)) for name in ("w1", "w2")]
    taken = [
        await store.spending.reserve(
            TENANT, LeadId("ld_1"), day=1, want=Spent(1), lead_limit=Spent(3), tenant_limit=AMPLE
        )
        for store in stores * 2
    ]
    for store in stores:
        store.close()
    assert taken == ["", "", "", "lead_calls"]


async def test_an_answer_lies_sealed_and_dies_with_its_key(file: Path) -> None:
    """The file holds none of its words; without the lead's key it is as if it had never been."""
    opened: list[Any] = []

    def fetch(tenant: str, lead: str | None, key_id: str | None) -> list[KeyRow]:
        return list(opened[0].fetch_keys(tenant, lead, key_id))

    vault = LeadVault(b"m" * 32, fetch=fetch)
    store = open_store(file, Config(ring=vault, seal_text=vault.seal, open_text=vault.open))
    opened.append(store)
    await store.inbox.accept([signal(1, A)], now=NOW)
    lead = await lead_of(store, A)
    await store.answers.put(TENANT, lead, "k1", {"text": "the secret word", "model": "tiny"}, now=NOW)
    assert (await store.answers.get(TENANT, lead, "k1") or {})["text"] == "the secret word"
    with sqlite3.connect(file) as side:
        ((ciphertext,),) = side.execute("SELECT ciphertext FROM answer").fetchall()
        side.execute("DELETE FROM subject_keys")
    assert b"secret" not in ciphertext
    vault.forget(TENANT, lead)
    assert await store.answers.get(TENANT, lead, "k1") is None
    store.close()
