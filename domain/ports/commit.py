"""The one transaction in which a run becomes durable."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from domain.decision import Bundle


class Committed(StrEnum):
    """What became of one bundle."""

    DONE = "done"
    FENCED = "fenced"
    """Canonical lead, identity version or fencing token no longer hold: redo from a fresh claim."""
    NO_CAPACITY = "no_capacity"
    """A rep it counted on is full by now: redo."""
    REFUSED = "refused"
    """The bundle itself cannot be written (a defect). The lead was given back, counted as a failed attempt."""


class Commit(Protocol):
    """Writes decision, audit rows, outbox rows, timers, lead state and signal states together, or nothing."""

    async def commit(self, bundles: Sequence[Bundle], *, now: int) -> Sequence[Committed]:
        """Commit a group in one disk sync; each bundle stands or falls alone. Repeating a done bundle is FENCED."""
        ...
