"""After a restore the store is older than the outside world: what may have been done there that it does not know of?"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.action import ActionKind
from domain.episode import episode_of
from domain.ids import LeadId
from domain.signal import Event

_DIGITS: Final = frozenset("0123456789abcdef")


class Doubt(StrEnum):
    """What must be found out before an action leaves."""

    NONE = "none"
    ASK = "ask"
    """It may have left already, under its own keys: the target is asked first."""
    PERSON = "person"
    """It may have left for the same person under another lead's keys: only a person can tell."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore. What the outside world saw between the Instants `taken_at` (of the backup) and `until` is unknown."""

    taken_at: int
    until: int
    next_key: int
    """The number that the first key of a lead would have got next when the backup was taken."""

    @property
    def suffix(self) -> str:
        """What it adds to the names of audit chains: the old ones go on in the anchor, so rows go to new ones."""
        return f"-r{self.until // 1_000_000:08x}"

    def knew(self, lead: LeadId) -> bool:
        """Whether the backup has the lead: the first digits of its id rise with the keys, whatever the clock says.

        >>> Restored(0, 0, 17).knew(LeadId("ld_00000011abcdefabcdef"))
        True
        """
        digits = lead.removeprefix("ld_")[:8]
        return set(digits) <= _DIGITS and int(digits, 16) <= self.next_key


_WRITTEN_ANEW: Final = frozenset({ActionKind.UPSERT_SCORE, ActionKind.ASSIGN_OWNER, ActionKind.LEAVE})
"""A second one changes nothing, or is a writing of its own."""


def doubt_of(
    restored: Restored | None,
    *,
    kind: ActionKind,
    episode: int,
    at: int,
    origin: LeadId,
    events: Sequence[Event],
) -> Doubt:
    """The doubt about an action proposed at the Instant `at` for the lead `origin`.

    Effects are keyed by lead, kind and episode, so one of a lead that the backup knows is asked for by its key,
    however often it was decided. A lead that was new after the backup has another id now. `events` are sorted.
    """
    if restored is None or _begun_since(restored, episode, events):
        return Doubt.NONE
    if restored.knew(origin):
        fresh = at > restored.taken_at and kind is ActionKind.UPSERT_SCORE
        return Doubt.NONE if fresh else Doubt.ASK
    return Doubt.NONE if kind in _WRITTEN_ANEW else Doubt.PERSON


def _begun_since(restored: Restored, episode: int, events: Sequence[Event]) -> bool:
    """Whether nothing of the lead's episode can be older than the restore."""
    if not events:
        return False
    return events[0].at > restored.until or episode > episode_of(tuple(events), restored.until)
