"""What the store asks of the vault, so that no payload is stored without its key."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from domain.ids import LeadId, TenantId
from tools.privacy.vault import KeyRow
from tools.store.engine import Tx


class KeyRing(Protocol):
    """The part of the vault that the store works with; all calls come from the writer's thread."""

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        """After a merge both key rings open for `winner`; moved rows are pending."""
        ...

    def rewrap(self, rows: Iterable[KeyRow], to: LeadId) -> Sequence[KeyRow]:
        """The same keys as rows of another lead."""
        ...

    def pending_keys(self, leads: Iterable[str]) -> Sequence[KeyRow]:
        """Rows of these leads that may not be stored yet."""
        ...

    def stored(self, rows: Iterable[KeyRow]) -> None:
        """These rows are durable."""
        ...


class NoRing:
    """For a store whose payloads are sealed under keys kept elsewhere, or not at all."""

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        """Nothing to unite."""

    def rewrap(self, rows: Iterable[KeyRow], to: LeadId) -> Sequence[KeyRow]:  # noqa: ARG002 - the port's signature
        """The rows as they are."""
        return list(rows)

    def pending_keys(self, leads: Iterable[str]) -> Sequence[KeyRow]:  # noqa: ARG002 - the port's signature
        """None."""
        return ()

    def stored(self, rows: Iterable[KeyRow]) -> None:
        """Nothing was pending."""


def keep_pending(tx: Tx, ring: KeyRing, region_of: dict[str, str]) -> Sequence[KeyRow]:
    """Write the pending keys of these leads (id -> region). Tell the ring `stored` once the transaction is durable."""
    rows = ring.pending_keys(region_of)
    tx.run("keep_subject_keys", [_values(row, region_of[row.lead_id]) for row in rows])
    return rows


def give_back(tx: Tx, ring: KeyRing, tenant: str, lead_id: str, region: str) -> None:
    """After a split, keys that were made for `lead_id` are its own again."""
    found = tx.rows("subject_keys_of_origin", {"tenant": tenant, "lead": lead_id})
    rows = [KeyRow(row.key_id, row.tenant, row.lead_id, row.wrapped) for row in found]
    tx.run("keep_subject_keys", [_values(row, region) for row in ring.rewrap(rows, LeadId(lead_id))])


def stored_keys(tx: Tx, tenant: str, lead: str | None, key: str | None) -> Sequence[KeyRow]:
    """Rows of a lead, oldest first, or the row with a key id: what the vault's `fetch` needs."""
    rows = tx.rows("subject_keys", {"tenant": tenant, "lead": lead, "key": key})
    return [KeyRow(row.key_id, row.tenant, row.lead_id, row.wrapped) for row in rows]


def _values(row: KeyRow, region: str) -> dict[str, object]:
    return {
        "key": row.key_id,
        "tenant": row.tenant,
        "region": region,
        "lead": row.lead_id,
        "wrapped": row.wrapped,
    }
