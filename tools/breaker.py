"""A circuit breaker: after repeated failures a target is left alone for a while, then tried with one call."""

from dataclasses import dataclass
from enum import StrEnum

from domain.instants import SECOND


class Circuit(StrEnum):
    """States of a breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    """The pause is over: one call may try."""


@dataclass(slots=True)
class Breaker:
    """Opens after `failures` in a row, for `pause_us`. Times are Instants, given by the caller.

    A call is let in with a ticket; what it reports counts only while the state in which it was let in lasts.
    """

    failures: int = 5
    pause_us: int = 30 * SECOND
    _row: int = 0
    _until: int | None = None
    _trying: bool = False
    _era: int = 0

    def state(self, now: int) -> Circuit:
        """The state as of `now`."""
        if self._until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self._until else Circuit.HALF_OPEN

    def left(self, now: int) -> int:
        """Microseconds until a call would be let in; 0: now."""
        if self._until is None:
            return 0
        if now < self._until:
            return self._until - now
        return SECOND if self._trying else 0  # while one call tries, the others wait

    def enter(self, now: int) -> int:
        """A ticket for a call that `left` lets in; in the half-open state the only one."""
        self._trying = self.state(now) is Circuit.HALF_OPEN
        return self._era

    def answered(self, ticket: int) -> None:
        """The target answered, be it with a refusal."""
        if ticket != self._era:
            return
        if self._trying:
            self._turn(None)
        self._row = 0

    def failed(self, ticket: int, now: int, *, asked_us: int = 0) -> None:
        """The target did not answer, or asked to be left alone for `asked_us`."""
        if ticket != self._era:
            return
        self._row += 1
        if self._trying or self._row >= self.failures:
            self._turn(now + max(self.pause_us, asked_us))
        elif asked_us:
            self._turn(now + asked_us)

    def gave_up(self, ticket: int) -> None:
        """The call ended without saying anything of the target: another may try."""
        if ticket == self._era:
            self._trying = False

    def _turn(self, until: int | None) -> None:
        self._until, self._trying, self._row = until, False, 0
        self._era += 1
