"""Sealing under a lead's own key: what opens, what does not, and what erasing does."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit import Sealed
from domain.errors import Permanent
from domain.ids import LeadId, TenantId
from tools.privacy.vault import KeyRow, LeadVault, commitment

T, ANNA, BERT = TenantId("acme"), LeadId("ld_anna"), LeadId("ld_bert")
MASTER = bytes(range(32))


class KeyTable:
    """The table ``subject_keys``, in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, KeyRow] = {}
        self.reads = 0

    def fetch(self, tenant: str, lead: str | None, key: str | None) -> Sequence[KeyRow]:
        """As the store's query does."""
        self.reads += 1
        return [
            row
            for row in self.rows.values()
            if row.tenant == tenant and lead in (None, row.lead_id) and key in (None, row.key_id)
        ]

    def keep(self, vault: LeadVault, *leads: LeadId) -> None:
        """The part of a commit that stores keys."""
        rows = vault.pending_keys(leads)
        self.rows.update({row.key_id: row for row in rows})
        vault.stored(rows)


@pytest.fixture
def table() -> KeyTable:
    """No keys yet."""
    return KeyTable()


@pytest.fixture
def vault(table: KeyTable) -> LeadVault:
    """A vault over that table."""
    return LeadVault(MASTER, fetch=table.fetch)


@given(st.binary(max_size=3_000))
def test_what_was_sealed_opens(plain: bytes) -> None:
    """Any bytes, none included; and the commitment is checkable by anybody who has salt and ciphertext."""
    vault = LeadVault(MASTER)
    sealed = vault.seal(T, ANNA, plain)
    assert vault.open(T, sealed) == plain
    assert sealed.commitment == commitment(sealed.salt, sealed.ciphertext)


def test_nothing_repeats(vault: LeadVault) -> None:
    """Two seals of one text share neither salt nor ciphertext nor commitment."""
    one, two = vault.seal(T, ANNA, b"same"), vault.seal(T, ANNA, b"same")
    assert one.key_id == two.key_id
    assert {one.salt, one.ciphertext, one.commitment}.isdisjoint({two.salt, two.ciphertext, two.commitment})


def test_each_lead_has_a_key_of_its_own(vault: LeadVault) -> None:
    """Also the same lead id in two tenants."""
    keys = {vault.seal(*who, b"x").key_id for who in ((T, ANNA), (T, BERT), (TenantId("zeta"), ANNA))}
    assert len(keys) == 3


@pytest.mark.parametrize("part", ["ciphertext", "salt", "commitment", "key_id"])
def test_a_changed_payload_does_not_open(vault: LeadVault, part: str) -> None:
    """Whatever part was exchanged for that of another payload of the same lead."""
    one, two = vault.seal(T, ANNA, b"one"), vault.seal(T, BERT, b"two")
    changed: dict[str, Any] = {part: getattr(two, part)}
    with pytest.raises(Permanent):
        vault.open(T, replace(one, **changed))


def test_a_changed_payload_with_a_new_commitment_does_not_open(vault: LeadVault) -> None:
    """Making the commitment fit does not help: the cipher is authenticated."""
    sealed = vault.seal(T, ANNA, b"plain")
    turned = sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1])
    with pytest.raises(Permanent, match="changed or moved"):
        vault.open(T, Sealed(turned, sealed.salt, commitment(sealed.salt, turned), sealed.key_id))


def test_another_tenant_cannot_open_it(vault: LeadVault) -> None:
    """Not even with the key id in hand."""
    sealed = vault.seal(T, ANNA, b"plain")
    with pytest.raises(Permanent):
        vault.open(TenantId("zeta"), sealed)


def test_a_key_row_moved_to_another_lead_or_tenant_does_not_open(vault: LeadVault, table: KeyTable) -> None:
    """Rows are bound to their place: editing the table gives nobody access."""
    sealed = vault.seal(T, ANNA, b"plain")
    table.keep(vault, ANNA)
    row = table.rows[sealed.key_id]
    for moved in (replace(row, lead_id=BERT), replace(row, tenant="zeta")):
        table.rows = {row.key_id: moved}
        with pytest.raises(Permanent):
            vault.open(TenantId(moved.tenant), sealed)


def test_stored_keys_open_after_a_restart(vault: LeadVault, table: KeyTable) -> None:
    """A new process with the same master key reads what the last one sealed, and keeps to its key."""
    sealed = vault.seal(T, ANNA, b"plain")
    table.keep(vault, ANNA)
    again = LeadVault(MASTER, fetch=table.fetch)
    assert again.open(T, sealed) == b"plain"
    assert again.seal(T, ANNA, b"more").key_id == sealed.key_id
    assert again.pending_keys([ANNA]) == []


def test_another_master_key_opens_nothing(vault: LeadVault, table: KeyTable) -> None:
    """The database alone is worthless."""
    sealed = vault.seal(T, ANNA, b"plain")
    table.keep(vault, ANNA)
    thief = LeadVault(os.urandom(32), fetch=table.fetch)
    with pytest.raises(Permanent, match="another master key"):
        thief.open(T, sealed)
    with pytest.raises(Permanent, match="another master key"):
        thief.seal(T, ANNA, b"mixing two masters would split the ring")


def test_a_key_stays_pending_until_it_is_durable(vault: LeadVault, table: KeyTable) -> None:
    """A transaction that fails loses nothing: the next one is handed the key again."""
    sealed = vault.seal(T, ANNA, b"plain")
    first = vault.pending_keys([ANNA, BERT])
    assert [row.key_id for row in first] == [sealed.key_id]
    assert vault.pending_keys([ANNA]) == first
    table.keep(vault, ANNA)
    assert vault.pending_keys([ANNA]) == []


def test_a_pending_key_survives_a_full_memory(table: KeyTable) -> None:
    """Leads fall out of the cache, but a key that is nowhere else does not."""
    vault = LeadVault(MASTER, fetch=table.fetch, cached=2)
    sealed = [vault.seal(T, LeadId(f"ld_{n}"), b"%d" % n) for n in range(20)]
    assert [vault.open(T, s) for s in sealed] == [b"%d" % n for n in range(20)]
    assert vault.seal(T, LeadId("ld_0"), b"x").key_id == sealed[0].key_id


def test_sealing_for_known_leads_reads_nothing(vault: LeadVault, table: KeyTable) -> None:
    """Loaded rows and fresh keys are held in memory."""
    vault.seal(T, ANNA, b"x")
    table.keep(vault, ANNA)
    again = LeadVault(MASTER, fetch=table.fetch)
    again.load(table.rows.values())
    table.reads = 0
    for _ in range(5):
        again.seal(T, ANNA, b"x")
    assert table.reads == 0


def test_erasing_makes_unreadable_and_leaves_the_commitment_checkable(
    vault: LeadVault, table: KeyTable
) -> None:
    """Dropping the keys is enough; what the audit row says stays true of the bytes."""
    sealed = vault.seal(T, ANNA, b"plain")
    table.keep(vault, ANNA)
    table.rows.clear()
    vault.forget(T, ANNA)
    with pytest.raises(Permanent, match="erased"):
        vault.open(T, sealed)
    assert commitment(sealed.salt, sealed.ciphertext) == sealed.commitment
    assert vault.seal(T, ANNA, b"new").key_id != sealed.key_id


@pytest.mark.parametrize("durable", [True, False], ids=["stored", "pending"])
def test_after_a_merge_both_rings_are_the_winners(vault: LeadVault, table: KeyTable, durable: bool) -> None:
    """Erasing the winner then erases what the loser had sealed, whether its key was stored yet or not."""
    mine, his = vault.seal(T, ANNA, b"mine"), vault.seal(T, BERT, b"his")
    if durable:
        table.keep(vault, ANNA, BERT)
    vault.unite(T, ANNA, BERT)
    table.keep(vault, ANNA)
    assert {row.lead_id for row in table.rows.values()} == {ANNA}
    again = LeadVault(MASTER, fetch=table.fetch)
    assert (again.open(T, mine), again.open(T, his)) == (b"mine", b"his")
    table.rows = {key: row for key, row in table.rows.items() if row.lead_id != ANNA}
    for sealed in (mine, his):
        with pytest.raises(Permanent):
            again.open(T, sealed)


def test_a_merge_can_be_undone(vault: LeadVault, table: KeyTable) -> None:
    """The keys go back by the same step, and open what they opened before."""
    his = vault.seal(T, BERT, b"his")
    table.keep(vault, BERT)
    vault.unite(T, ANNA, BERT)
    table.keep(vault, ANNA)
    back = vault.rewrap(table.rows.values(), BERT)
    table.rows = {row.key_id: row for row in back}
    assert LeadVault(MASTER, fetch=table.fetch).open(T, his) == b"his"
    assert [row.lead_id for row in back] == [BERT]


def test_uniting_while_a_commit_is_under_way_loses_no_move(vault: LeadVault) -> None:
    """The commit's `stored` speaks of the row as it was; the moved row still waits."""
    vault.seal(T, BERT, b"his")
    early = vault.pending_keys([BERT])
    vault.unite(T, ANNA, BERT)
    vault.stored(early)
    assert [row.lead_id for row in vault.pending_keys([ANNA])] == [ANNA]


def test_a_merge_that_fails_takes_no_key_from_a_run_under_way(vault: LeadVault, table: KeyTable) -> None:
    """The merge was rolled back; the loser's run commits, and its payload opens after a restart."""
    sealed = vault.seal(T, BERT, b"his")
    vault.unite(T, ANNA, BERT)
    table.keep(vault, BERT)
    assert LeadVault(MASTER, fetch=table.fetch).open(T, sealed) == b"his"


def test_merges_in_a_row_hand_every_key_on(vault: LeadVault, table: KeyTable) -> None:
    """Two merges in one transaction: the last winner has all rings."""
    carl = LeadId("ld_carl")
    sealed = [vault.seal(T, lead, b"x") for lead in (ANNA, BERT, carl)]
    table.keep(vault, ANNA, BERT)
    vault.unite(T, ANNA, BERT)
    vault.unite(T, carl, ANNA)
    table.keep(vault, carl)
    assert {row.lead_id for row in table.rows.values()} == {carl}
    assert [LeadVault(MASTER, fetch=table.fetch).open(T, one) for one in sealed] == [b"x"] * 3


def test_a_merge_undone_in_the_same_transaction_leaves_the_key_where_it_was(
    vault: LeadVault, table: KeyTable
) -> None:
    """What is written last is the undo, although both leads are asked for."""
    vault.seal(T, BERT, b"his")
    table.keep(vault, BERT)
    vault.unite(T, ANNA, BERT)
    table.rows.update({row.key_id: row for row in vault.rewrap(list(table.rows.values()), BERT)})
    table.keep(vault, ANNA, BERT)
    assert [row.lead_id for row in table.rows.values()] == [BERT]


def test_a_key_is_handed_over_once_although_both_leads_are_asked_for(vault: LeadVault) -> None:
    """As the winner's."""
    vault.seal(T, BERT, b"his")
    vault.unite(T, ANNA, BERT)
    for asked in ([ANNA, BERT], [BERT, ANNA]):
        assert [row.lead_id for row in vault.pending_keys(asked)] == [ANNA]
