"""Sealing under a lead's own key. Dropping a lead's keys makes all that they sealed unreadable for good.

A data key is made in memory at the first seal and handed to the store, which writes it in the transaction
that writes the first payload under it: so no lead costs a write of its own, and no payload is stored without
its key.
"""

import hmac
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import RLock

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.audit import Sealed
from domain.errors import Permanent
from domain.ids import LeadId, TenantId

SALT, NONCE, KEY = 16, 12, 32
"""Bytes."""
CACHED = 20_000
"""Leads whose keys are held in memory."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One row of ``subject_keys``. `wrapped` = nonce + AES-256-GCM of the data key under the master key.

    Tenant, lead and key id are authenticated with it: a row moved to another lead does not open.
    """

    key_id: str
    tenant: str
    lead_id: str
    wrapped: bytes


Fetch = Callable[[str, str | None, str | None], Sequence[KeyRow]]
"""(tenant, lead id or None, key id or None) -> stored rows of that lead, or the row with that key id."""


def no_rows(_tenant: str, _lead: str | None, _key: str | None) -> Sequence[KeyRow]:
    """A `Fetch` for a store that holds no keys."""
    return ()


class Pending:
    """Key rows that are not known to be in the store, by key id and by lead."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._by_id: dict[str, KeyRow] = {}
        self._by_lead: dict[str, dict[str, KeyRow]] = {}

    def put(self, row: KeyRow) -> None:
        """Take `row`, instead of an earlier row of the same key."""
        self.drop(row.key_id)
        self._by_id[row.key_id] = row
        self._by_lead.setdefault(row.lead_id, {})[row.key_id] = row

    def drop(self, key_id: str) -> None:
        """Forget the row of this key, if there is one."""
        row = self._by_id.pop(key_id, None)
        if row is not None:
            ring = self._by_lead[row.lead_id]
            del ring[key_id]
            if not ring:
                del self._by_lead[row.lead_id]

    def get(self, key_id: str) -> KeyRow | None:
        """The row of this key."""
        return self._by_id.get(key_id)

    def of(self, lead: str, tenant: str | None = None) -> list[KeyRow]:
        """The rows of a lead, oldest first."""
        rows = self._by_lead.get(lead, {}).values()
        return [row for row in rows if tenant is None or row.tenant == tenant]


class LeadVault:
    """Satisfies `domain.ports.vault.Vault`. Both the event loop and the writer's thread may use it."""

    def __init__(self, master: bytes, *, fetch: Fetch = no_rows, cached: int = CACHED) -> None:
        """`master` is 32 bytes; `fetch` reads ``subject_keys`` when a key is not in memory."""
        self._master = AESGCM(master)
        self._fetch = fetch
        self._cached = cached
        self._current: OrderedDict[tuple[str, str], tuple[str, bytes]] = OrderedDict()
        """(tenant, lead) -> the key for its next payload; bare, as a cipher takes 2.7 KB."""
        self._pending, self._moved = Pending(), Pending()
        """Keys just made; and keys that a merge hands over, kept apart lest it fails."""
        self._lock = RLock()

    def seal(self, tenant: TenantId, lead: LeadId, plain: bytes) -> Sealed:
        """Encrypt `plain` (compress it before) under the lead's key, which is made if there is none."""
        found = self._current.get((tenant, lead))
        key_id, key = found if found is not None else self._key_for(tenant, lead)
        fresh = os.urandom(SALT + NONCE)
        salt, nonce = fresh[:SALT], fresh[SALT:]
        ciphertext = nonce + AESGCM(key).encrypt(nonce, plain, _bound(tenant, key_id))
        return Sealed(ciphertext, salt, commitment(salt, ciphertext), key_id)

    def open(self, tenant: TenantId, sealed: Sealed) -> bytes:
        """Inverse of `seal`.

        Raises: Permanent if the key is gone (erased) or not this tenant's, or the bytes were changed.
        """
        if not hmac.compare_digest(commitment(sealed.salt, sealed.ciphertext), sealed.commitment):
            raise Permanent("a sealed payload does not match its commitment: it was changed")
        row = self._row(tenant, sealed.key_id)
        if row is None:
            raise Permanent("the key of a sealed payload is gone: it was erased")
        nonce, body = sealed.ciphertext[:NONCE], sealed.ciphertext[NONCE:]
        try:
            return AESGCM(self._unwrap(row)).decrypt(nonce, body, _bound(tenant, sealed.key_id))
        except (InvalidTag, ValueError) as error:
            raise Permanent("a sealed payload does not open: it was changed or moved") from error

    def unite(self, tenant: TenantId, winner: LeadId, loser: LeadId) -> None:
        """After a merge both rings are the winner's: erasing the winner erases what the loser sealed.

        The moved rows are pending for the winner, to be written in the merge's transaction. If that fails,
        a run of the loser that is under way still finds its key under the loser's name.
        """
        with self._lock:
            ring = {row.key_id: row for row in self._fetch(tenant, loser, None)}
            for moving in (self._pending, self._moved):
                ring |= {row.key_id: row for row in moving.of(loser, tenant)}
            for row in self.rewrap(ring.values(), winner):
                self._moved.put(row)
            self._current.pop((tenant, loser), None)

    def rewrap(self, rows: Iterable[KeyRow], to: LeadId) -> list[KeyRow]:
        """The same keys as rows of the lead `to`, for a merge or its undo. Raises: Permanent."""
        moved = [self._wrap(self._unwrap(row), row.key_id, row.tenant, to) for row in rows]
        with self._lock:
            for row in moved:
                self._moved.drop(row.key_id)  # an earlier hand-over of the same key no longer counts
        return moved

    def pending_keys(self, leads: Iterable[str]) -> list[KeyRow]:
        """Rows of these leads that may not be in the store yet.

        Write them in the same transaction (a row that is there already takes the new lead and wrapping), then
        call `stored`. They stay pending until then, so a transaction that fails loses nothing.
        """
        with self._lock:
            asked = list(leads)
            rows = [row for kind in (self._pending, self._moved) for lead in asked for row in kind.of(lead)]
            return list({row.key_id: row for row in rows}.values())

    def stored(self, rows: Iterable[KeyRow]) -> None:
        """These rows are durable."""
        with self._lock:
            for row in rows:
                moved = self._moved.get(row.key_id) == row
                if moved or self._pending.get(row.key_id) == row:
                    self._pending.drop(row.key_id)
                if moved:
                    self._moved.drop(row.key_id)

    def load(self, rows: Iterable[KeyRow]) -> None:
        """Take stored rows into memory, so that sealing reads nothing; a lead's last row wins."""
        with self._lock:
            for row in rows:
                self._keep(row.tenant, row.lead_id, row.key_id, self._unwrap(row))

    def forget(self, tenant: TenantId, lead: LeadId) -> None:
        """Drop the lead's keys from memory, once the store has dropped them."""
        with self._lock:
            self._current.pop((tenant, lead), None)
            for kind in (self._pending, self._moved):
                for row in kind.of(lead, tenant):
                    kind.drop(row.key_id)

    def _key_for(self, tenant: str, lead: str) -> tuple[str, bytes]:
        """The lead's key: pending, else stored, else a new one."""
        with self._lock:
            rows = self._pending.of(lead, tenant) or self._fetch(tenant, lead, None)
            if rows:
                return self._keep(tenant, lead, rows[-1].key_id, self._unwrap(rows[-1]))
            key_id, key = f"k_{os.urandom(10).hex()}", os.urandom(KEY)
            self._pending.put(self._wrap(key, key_id, tenant, lead))
            return self._keep(tenant, lead, key_id, key)

    def _keep(self, tenant: str, lead: str, key_id: str, key: bytes) -> tuple[str, bytes]:
        self._current[tenant, lead] = key_id, key
        while len(self._current) > self._cached:
            self._current.popitem(last=False)
        return key_id, key

    def _row(self, tenant: str, key_id: str) -> KeyRow | None:
        with self._lock:
            waiting = self._pending.get(key_id)
            rows = [waiting] if waiting else self._fetch(tenant, None, key_id)
        return next((row for row in rows if row.key_id == key_id and row.tenant == tenant), None)

    def _wrap(self, key: bytes, key_id: str, tenant: str, lead: str) -> KeyRow:
        nonce = os.urandom(NONCE)
        sealed = nonce + self._master.encrypt(nonce, key, _bound(tenant, lead, key_id))
        return KeyRow(key_id, tenant, lead, sealed)

    def _unwrap(self, row: KeyRow) -> bytes:
        nonce, body = row.wrapped[:NONCE], row.wrapped[NONCE:]
        try:
            return self._master.decrypt(nonce, body, _bound(row.tenant, row.lead_id, row.key_id))
        except (InvalidTag, ValueError) as error:
            raise Permanent(
                "a lead's key does not open: another master key, or the row was changed"
            ) from error


def commitment(salt: bytes, ciphertext: bytes) -> str:
    """HMAC-SHA-256(salt, ciphertext) in hex: what the audit row says about a payload."""
    return hmac.digest(salt, ciphertext, "sha256").hex()


def _bound(*parts: str) -> bytes:
    return "\0".join(parts).encode()
