"""What a store is opened with."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.audit import Sealed
from domain.ids import LeadId, TenantId
from domain.instants import HOUR, MINUTE
from domain.policy import Rep
from domain.restored import Restored
from tools.privacy.vault import SALT, commitment
from tools.store.keyring import KeyRing, NoRing

ACCOUNT_DELAY: Final = HOUR
"""An account's refresh falls due this long after the first change (microseconds); further changes join it."""
CLOCK_SKEW: Final = 10 * MINUTE
"""How far the clocks of two processes on one store may lie apart (microseconds)."""
SIGNALS_A_CLAIM: Final = 500
RECENT: Final = 5
"""Earlier signals with text that a run sees."""


def unsealed(raw: bytes) -> bytes:
    """For tests and throw-away homes: no seal."""
    return raw


def readable(_tenant: TenantId, _lead: LeadId, plain: bytes) -> Sealed:
    """For tests and throw-away homes: a payload without a key."""
    salt = secrets.token_bytes(SALT)
    return Sealed(plain, salt, commitment(salt, plain), "")


def read_plainly(_tenant: TenantId, sealed: Sealed) -> bytes:
    """Inverse of `readable`."""
    return sealed.ciphertext


def unnamed(_name: str) -> str:
    """For tests and throw-away homes: audit rows say nothing of people."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Limits, and what the store calls in its transactions. Shared by the durable store and its twin in memory."""

    writer: str = "w1"
    """Name of this process's audit chain, and of the holder of its leases."""
    max_waiting: int = 200_000
    max_attempts: int = 5
    desk: str = ""
    """The source whose conversations are followed; empty: none."""
    reps: Sequence[Rep] = ()
    """Salespeople; `load` and `last_assigned` of these are ignored, the store counts them."""
    seal_raw: Callable[[bytes], bytes] = unsealed
    open_raw: Callable[[bytes], bytes] = unsealed
    ring: KeyRing = field(default_factory=NoRing)
    seal_text: Callable[[TenantId, LeadId, bytes], Sealed] = readable
    """Seals a person's comment under the lead's key."""
    open_text: Callable[[TenantId, Sealed], bytes] = read_plainly
    person: Callable[[str], str] = unnamed
    """A person's name as a keyed digest, for audit rows; empty: left out."""
    restored: Restored | None = None
    """The last restore from a backup: what may have left before it is taken in doubt."""
    new_id: Callable[[], str] = lambda: secrets.token_hex(10)
    """20 random hex digits."""
