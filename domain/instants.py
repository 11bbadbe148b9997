"""Time as integers: microseconds since 1970-01-01 UTC, and the hour grid on which features live."""

from datetime import UTC, datetime, timedelta
from typing import NewType

Instant = NewType("Instant", int)
"""Microseconds since 1970-01-01T00:00Z."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO = timedelta(microseconds=1)


def instant(moment: datetime) -> Instant:
    """Exact microseconds of an aware `moment`.

    Raises: ValueError if `moment` is naive.
    >>> instant(datetime(1970, 1, 1, 1, tzinfo=UTC))
    3600000000
    """
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return Instant((moment - _EPOCH) // _MICRO)


def moment(at: Instant) -> datetime:
    """The aware UTC datetime of `at`; inverse of `instant`."""
    return _EPOCH + timedelta(microseconds=at)


def iso(at: Instant) -> str:
    """RFC 3339 text in UTC, milliseconds.

    >>> iso(Instant(1500))
    '1970-01-01T00:00:00.001Z'
    """
    return moment(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hour_of(at: int) -> int:
    """Whole hours since the epoch: the cell of the feature grid in which `at` lies."""
    return at // HOUR
