"""Items that were not let in: looked at, let in after mending, or given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import Region, TenantId


@dataclass(frozen=True, slots=True)
class Held:
    """One quarantined item. `raw` are the bytes as received; for ``conflict`` the signal's JSON after the door."""

    item_id: str
    region: Region
    """Where it lies; as whom it was let in at the door."""
    source: str
    position: int
    field: str
    code: str
    reason: str
    at: int
    """Instant at which it was put aside."""
    raw: bytes = b""
    """Empty in lists; only `release` opens it."""


class Quarantine(Protocol):
    """Works off what the door or the inbox put aside. Every method is limited to one tenant."""

    async def open_items(self, tenant: TenantId, *, limit: int = 100) -> Sequence[Held]:
        """Items nobody has decided on, oldest first, without their bytes."""
        ...

    async def release(self, tenant: TenantId, item_id: str, *, new_raw: bytes | None = None) -> Held:
        """The item with its bytes (or `new_raw`, mended by a person), to go through the door once more.

        Nothing is marked here: pass the id to `Inbox.accept(..., released=[item_id])`, which closes the item in the
        transaction that takes the bytes in again; so a crash between the two loses nothing.
        Raises: BadInput if there is no such open item.
        """
        ...

    async def discard(self, tenant: TenantId, item_id: str, *, reason: str, now: int) -> None:
        """Give the item up: its bytes are deleted, its row stays and counts as quarantined.

        Raises: BadInput if there is no such open item.
        """
        ...
