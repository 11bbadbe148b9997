"""Waits between tries: growing, spread out, and the same in every replay."""

from hashlib import sha256
from typing import Final

from domain.instants import DAY, MINUTE, SECOND

FIRST: Final = 2 * SECOND
"""The longest first wait (microseconds)."""
LONGEST: Final = 30 * MINUTE
"""No wait of our own is longer (microseconds)."""
_LONGEST_ASKED: Final = DAY
"""No wait that a target asks for is kept longer than this (microseconds)."""
_SCALE: Final = 1 << 32


def upper_us(attempt: int) -> int:
    """The longest wait after try `attempt` (from 1): doubled each time from `FIRST` to `LONGEST`, microseconds.

    >>> [upper_us(attempt) // SECOND for attempt in (1, 2, 3, 99)]
    [2, 4, 8, 1800]
    """
    doublings = min(max(attempt, 1) - 1, LONGEST.bit_length())
    return min(FIRST << doublings, LONGEST)


def wait_us(attempt: int, seed: str, *, retry_after_s: float = 0) -> int:
    """How long to wait after try `attempt` (from 1), in microseconds.

    Between a quarter of `upper_us` and all of it, drawn from a hash of `seed` (the action's id) and `attempt`:
    actions that failed together come back apart, and a replay waits as long. It comes on top of
    `retry_after_s`, which a target asked for, so that those who were told the same time come back apart too.
    """
    upper = upper_us(attempt)
    drawn = int.from_bytes(sha256(f"{seed}/{attempt}".encode()).digest()[:4], "big")
    own = upper // 4 + (upper - upper // 4) * drawn // _SCALE
    asked = min(max(0.0, retry_after_s), _LONGEST_ASKED / SECOND)
    return round(asked * SECOND) + own


def tries_in(elapsed_us: int) -> int:
    """How many tries with the longest waits fit into `elapsed_us`, at least 1.

    An outage never counts as an attempt, so an action's age stands in for the number of its tries.
    >>> [tries_in(seconds * SECOND) for seconds in (0, 2, 6, 7, 14)]
    [1, 2, 3, 3, 4]
    """
    tries, left = 1, elapsed_us
    while left >= upper_us(tries) and upper_us(tries) < LONGEST:
        left -= upper_us(tries)
        tries += 1
    return tries + max(left, 0) // LONGEST
