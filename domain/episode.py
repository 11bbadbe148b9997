"""Episodes: one buying motion of a lead, closed by an outcome or long silence. A function of its events."""

from dataclasses import dataclass
from typing import Final

from domain.instants import DAY
from domain.kinds import Kind
from domain.signal import Event

SILENCE: Final = 180 * DAY
"""An episode in which nothing happened for this long is over."""
BOOKKEEPING: Final = DAY
"""Entries of the CRM within this time after an outcome belong to the closed episode."""
_OUTCOME: Final = Kind.OUTCOME.value
ENGAGED: Final = ("web.", "product.", "support.", "marketing.")
"""Channels in which the lead itself does something."""


def episode_of(events: tuple[Event, ...], as_of: int) -> int:
    """The number of the lead's episode as of the Instant `as_of`, from 1.

    Each outcome that closes an open episode raises it at once, and so does each silence of `SILENCE`.
    ``reverted`` takes the last closing outcome back. A closed episode is followed by an open one when the
    lead does something, or when the CRM says something more than `BOOKKEEPING` after the outcome.
    `events` are sorted.
    """
    count = _Count()
    for event in events:
        if event.at > as_of:
            break
        count.hear(event)
    count.wait(as_of)
    return 1 + count.closed


@dataclass(slots=True)
class _Count:
    """Episodes closed so far; `closed_at` is None while one is open."""

    closed: int = 0
    closed_at: int | None = None
    outcomes: int = 0
    last: int | None = None

    def wait(self, until: int) -> None:
        """Nothing happens until `until`."""
        if self.closed_at is None and self.last is not None and until - self.last >= SILENCE:
            self._close(self.last + SILENCE)

    def hear(self, event: Event) -> None:
        """The next event."""
        self.wait(event.at)
        self.last = event.at
        if event.kind != _OUTCOME:
            if self.closed_at is not None and _opens(event, self.closed_at):
                self.closed_at = None
        elif event.subject == "reverted":
            if self.outcomes:
                self.closed, self.outcomes, self.closed_at = self.closed - 1, self.outcomes - 1, None
        elif self.closed_at is None:
            self.outcomes += 1
            self._close(event.at)

    def _close(self, at: int) -> None:
        self.closed, self.closed_at = self.closed + 1, at


def _opens(event: Event, closed_at: int) -> bool:
    return event.kind.startswith(ENGAGED) or event.at - closed_at >= BOOKKEEPING
