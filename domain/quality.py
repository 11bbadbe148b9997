"""Data quality of the stream: what is usual for a source, and which gates fail now.

What is usual is learnt by a fold over a source's signals in the order of their arrival (`domain.usual`). The
gates read it, and change nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.instants import DAY, hour_of
from domain.usual import Gaps, StreamStats, is_weekend

__all__ = ["Gate", "GateFailure", "StreamStats", "failures"]


class Gate(StrEnum):
    """The gates. A failing gate is recorded in each decision that rests on its source."""

    FRESHNESS = "freshness"
    VOLUME = "volume"
    MISSING_CHANNEL = "missing_channel"
    QUARANTINE_RATE = "quarantine_rate"
    UNSEEN_FIELD = "unseen_field"
    UNSEEN_VALUE = "unseen_value"


@dataclass(frozen=True, slots=True)
class GateFailure:
    """One failing gate of `source`: `detail` as a code (field, channel), what was measured and allowed."""

    gate: Gate
    source: str
    detail: str
    measured: int
    allowed: int


SILENCE_FACTOR: Final = 6
"""Silence of a source, in usual gaps, that fails freshness."""
CHANNEL_FACTOR: Final = 3
MIN_SILENCE_HOURS: Final = 24
MIN_GAPS: Final = 20
"""Gaps seen before anything is called usual."""
CHANNEL_SHARE: Final = 20
"""A channel counts if it has more than one in so many signals."""
LOW, HIGH = 4, 5
"""Volume fails below a fourth and above five times the usual."""
MIN_DAYS, MIN_LEVEL = 7, 20
"""Whole days seen, and signals a usual day, before volume is judged."""
MAX_REFUSED_PER_MILLE: Final = 50
MIN_REFUSED: Final = 20
NEW_FOR_DAYS: Final = 7
"""Days for which a field that the contract does not list is called unseen."""
MIN_COUNT: Final = 10
"""Times within the window before an unseen field or value is worth a word."""
VALUE_SHARE: Final = 100
"""An unseen value counts if it comes in more than one of so many items."""
SHOWN: Final = 5
"""Fields, or values, named at once, the most frequent first."""


def failures(stats: StreamStats, now: int) -> tuple[GateFailure, ...]:
    """The gates that fail at the Instant `now` for the source of `stats`, in the order of `Gate`."""
    return (
        *_freshness(stats, now),
        *_volume(stats, now),
        *_missing_channels(stats),
        *_quarantine_rate(stats),
        *_unseen_fields(stats, now),
        *_unseen_values(stats, now),
    )


def _freshness(stats: StreamStats, now: int) -> Iterator[GateFailure]:
    """Hours of silence against the usual gap between hours in which something happened."""
    allowed = _patience(stats.gaps, SILENCE_FACTOR)
    silent = hour_of(now) - stats.last
    if allowed is not None and silent > allowed:
        yield GateFailure(Gate.FRESHNESS, stats.source, "silent_hours", silent, allowed)


def _missing_channels(stats: StreamStats) -> Iterator[GateFailure]:
    """A channel that is silent while the others speak; when all are silent, that is freshness."""
    total = sum(channel.share for channel in stats.channels.values())
    for name, channel in sorted(stats.channels.items()):
        allowed = _patience(channel.gaps, CHANNEL_FACTOR)
        silent = stats.last - channel.last
        if allowed is not None and silent > allowed and channel.share * CHANNEL_SHARE > total:
            yield GateFailure(Gate.MISSING_CHANNEL, stats.source, name, silent, allowed)


def _patience(gaps: Gaps, factor: int) -> int | None:
    """Hours of silence that are still usual; None if too little was seen."""
    if sum(gaps.values()) < MIN_GAPS:
        return None
    return max(MIN_SILENCE_HOURS, factor * percentile(gaps, 95))


def percentile(gaps: Gaps, per_cent: int) -> int:
    """The smallest gap that is not exceeded by `per_cent` of all.

    >>> percentile({1: 90, 12: 10}, 95)
    12
    """
    wanted = -(-sum(gaps.values()) * per_cent // 100)
    reached = 0
    for gap in sorted(gaps):
        reached += gaps[gap]
        if reached >= wanted:
            return gap
    return 0


def _volume(stats: StreamStats, now: int) -> Iterator[GateFailure]:
    """The last whole day against the usual of its kind of day (working day or weekend)."""
    yesterday = now // DAY - 1
    count, level, seen = _last_day(stats, yesterday)
    if seen < 2 or stats.days_seen < MIN_DAYS or level < MIN_LEVEL * 1_000:
        return
    if count * 1_000 * LOW < level:
        yield GateFailure(Gate.VOLUME, stats.source, "low", count, level // 1_000 // LOW)
    elif count * 1_000 > level * HIGH:
        yield GateFailure(Gate.VOLUME, stats.source, "high", count, level * HIGH // 1_000)


def _last_day(stats: StreamStats, yesterday: int) -> tuple[int, int, int]:
    """Signals of `yesterday`; and the usual level, in thousandths, and days seen of its class before it."""
    if stats.closed.day == yesterday:
        return stats.closed.count, stats.closed.level, stats.closed.seen
    level, seen = stats.levels[is_weekend(yesterday)]
    if stats.day > yesterday:
        return 0, 0, 0
    return stats.count if stats.day == yesterday else 0, level, seen


def _quarantine_rate(stats: StreamStats) -> Iterator[GateFailure]:
    """Refused items among the last thousand."""
    refused = stats.window.bit_count()
    if refused >= MIN_REFUSED and refused * 1_000 > MAX_REFUSED_PER_MILLE * stats.seen:
        common = max(stats.refused, key=lambda reason: (stats.refused[reason], reason), default="items")
        yield GateFailure(
            Gate.QUARANTINE_RATE, stats.source, common, refused * 1_000 // stats.seen, MAX_REFUSED_PER_MILLE
        )


def _unseen_fields(stats: StreamStats, now: int) -> Iterator[GateFailure]:
    """Fields that the contract does not list and that came for the first time within the last week."""
    today = now // DAY
    counts = stats.recent("field", today)
    new = [(n, name) for name, n in counts.items() if today - stats.first_seen.get(name, 0) < NEW_FOR_DAYS]
    for n, name in sorted(new, key=lambda pair: (-pair[0], pair[1]))[:SHOWN]:
        if n >= MIN_COUNT:
            yield GateFailure(Gate.UNSEEN_FIELD, stats.source, name, n, MIN_COUNT - 1)


def _unseen_values(stats: StreamStats, now: int) -> Iterator[GateFailure]:
    """Fields whose values within the last week were often none of those listed."""
    today = now // DAY
    allowed = max(MIN_COUNT - 1, sum(stats.recent("items", today).values()) // VALUE_SHARE)
    counts = stats.recent("value", today)
    for n, name in sorted(((n, name) for name, n in counts.items()), key=lambda p: (-p[0], p[1]))[:SHOWN]:
        if n > allowed:
            yield GateFailure(Gate.UNSEEN_VALUE, stats.source, name, n, allowed)
