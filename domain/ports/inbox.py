"""The door's durable side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.ids import Region, TenantId
from domain.signal import Signal


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that fails the contract: kept sealed in quarantine, with the field and the reason, releasable."""

    tenant: TenantId
    region: Region
    source: str
    raw: bytes
    """The item as received, canonical JSON or the raw line; sealed before it is stored."""
    field: str
    code: str
    reason: str
    """Words for a person; names the field and the remedy, quotes no value."""
    position: int
    """Index in the batch or line number in the file."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a batch. `quarantined` pairs position and reason; the counts add up to the items given."""

    accepted: int
    duplicates: int
    quarantined: tuple[tuple[int, str], ...]
    merges: int = 0


class Inbox(Protocol):
    """Takes signals in. Returns only when they are on disk (I1)."""

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        """Store a batch in one transaction: dedupe by (tenant, source, id), identity, work for each lead touched.

        A repeated id with equal content is a duplicate; with different content it is quarantined as ``conflict``.
        `dropped` counts minimised fields by (source, kind, field). All or nothing: on an error nothing was taken.
        `released` are quarantined items that come in again with this batch, one of `items` each: they are closed in
        the same transaction and are not counted as given a second time. `positions` are what the caller calls the
        items (line numbers), for `Accepted.quarantined` and the quarantine; without them a signal goes by its index.
        Raises: Backpressure when too many signals wait; Temporary when the store cannot write; BadInput if an item of
        `released` is not open.
        """
        ...

    async def waiting(self) -> int:
        """Signals accepted but not yet in a terminal state."""
        ...
