"""What is usual for one source: a fold over its signals in the order of their arrival.

Whole numbers only, memory bounded, and the same however the stream was cut into batches.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol, TypeVar

from domain.instants import DAY, HOUR, instant
from domain.kinds import SPECS, Kind
from domain.signal import Signal

Gaps = Mapping[int, int]
"""Gap in hours -> how often. Short gaps exact, long ones in steps of half a day."""
WINDOW: Final = 1_000
"""Items over which the rate of quarantine is taken."""
KEPT_DAYS: Final = 7
"""Days of arrival over which unseen fields and values are counted, today included."""
NAMES: Final = 100
"""Reasons of refusal counted one by one, and twice as many names a day; the rest is counted as ``other``."""
FORMAT: Final = 1

_T = TypeVar("_T")
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_FULL: Final = (1 << WINDOW) - 1
_GAPS_KEPT: Final = 512
_SHARES_KEPT: Final = 4_096
_LONGEST: Final = 60 * 24
_EMPTY_DAYS: Final = 31
_CHANNEL: Final = {kind: kind.channel.value for kind in Kind}
_LISTED: Final = {
    kind: tuple(
        (f"{kind.value}:{name}", name, field_spec.values)
        for name, field_spec in spec.fields.items()
        if field_spec.values and not field_spec.strict
    )
    for kind, spec in SPECS.items()
}
"""Per kind the fields whose usual values are listed: path, name, values."""


class RefusedItem(Protocol):
    """What the fold reads of a refused item."""

    @property
    def field(self) -> str:
        """Dotted path of the field."""
        ...

    @property
    def code(self) -> str:
        """Stable word for the reason."""
        ...


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: newest hour cell, share of the signals (halved now and then), gaps."""

    last: int
    share: int
    gaps: Gaps


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """The last whole day: its count; usual level (in thousandths) and days seen of its class before it."""

    day: int = -1
    count: int = 0
    level: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class StreamStats:
    """What was learnt of one source. Days and hours are UTC and those of events; in `tallies`, of arrival."""

    source: str
    last: int = 0
    """Newest hour cell in which something happened."""
    gaps: Gaps = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    day: int = -1
    """The day being counted; -1 = nothing seen."""
    count: int = 0
    days_seen: int = 0
    """Whole days seen; the first day of a stream is not whole."""
    levels: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    """For working days and weekends: usual count in thousandths, days seen."""
    closed: ClosedDay = field(default_factory=ClosedDay)
    window: int = 0
    """One bit per item of the last `WINDOW`, 1 = refused."""
    seen: int = 0
    """Items in the window."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """``field:code`` of refused items -> how often (halved now and then)."""
    first_seen: Mapping[str, int] = field(default_factory=dict)
    """Unlisted field -> day on which it first came."""
    tallies: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    """Day of arrival -> ``items``, ``field/<name>``, ``value/<name>`` -> count."""

    @classmethod
    def empty(cls, source: str = "") -> "StreamStats":
        """Nothing seen yet of `source`."""
        return cls(source)

    def updated(
        self,
        signals: Sequence[Signal],
        refused: Sequence[RefusedItem],
        dropped: Mapping[tuple[str, str, str], int],
        now: int,
    ) -> "StreamStats":
        """After one more batch of this source, arrived at `now`: its signals, then the refused items.

        Of `dropped` only the entries of this source are read. However signals, followed by refused items, are
        cut into batches of one `now`, the result is the same.
        """
        fold = _Fold(self)
        for signal in signals:
            fold.take(signal)
        fold.mark(len(signals), len(refused))
        fold.refuse(refused)
        fold.tally(len(signals) + len(refused), dropped, now // DAY)
        return fold.done()

    def recent(self, sort: str, today: int) -> dict[str, int]:
        """Counts by name over the last `KEPT_DAYS` days; `sort` is ``field``, ``value`` or ``items``."""
        found: dict[str, int] = {}
        for day, tally in self.tallies.items():
            if day > today - KEPT_DAYS:
                for entry, n in tally.items():
                    kind, _, name = entry.partition("/")
                    if kind == sort:
                        found[name] = found.get(name, 0) + n
        return found

    def to_json(self) -> bytes:
        """The whole state as JSON, the same bytes for the same state."""
        state: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        state["format"], state["window"] = FORMAT, f"{self.window:x}"
        state["channels"] = {name: (c.last, c.share, c.gaps) for name, c in self.channels.items()}
        closed = self.closed
        state["closed"] = (closed.day, closed.count, closed.level, closed.seen)
        return _encode(state).encode()

    @classmethod
    def from_json(cls, raw: bytes) -> "StreamStats":
        """Inverse of `to_json`.

        Raises: ValueError if `raw` is not such a state, or one of another format: then start from `empty`.
        """
        state = json.loads(raw)
        if not isinstance(state, dict) or state.pop("format", None) != FORMAT:
            raise ValueError("not a stream state of this format")
        first, second = state.pop("levels")
        return cls(
            gaps=_numbered(state.pop("gaps")),
            channels={
                name: Channel(last, share, _numbered(gaps))
                for name, (last, share, gaps) in state.pop("channels").items()
            },
            levels=((first[0], first[1]), (second[0], second[1])),
            closed=ClosedDay(*state.pop("closed")),
            window=int(state.pop("window"), 16),
            tallies=_numbered(state.pop("tallies")),
            **state,
        )


def is_weekend(day: int) -> bool:
    """Whether the day (whole days since 1970-01-01, a Thursday) is a Saturday or Sunday.

    >>> [is_weekend(d) for d in (0, 1, 2, 3, 4)]
    [False, False, True, True, False]
    """
    return (day + 3) % 7 >= 5


def _numbered(mapping: Mapping[str, _T]) -> dict[int, _T]:
    return {int(key): value for key, value in mapping.items()}


def _add(tally: dict[str, int], sort: str, name: str, n: int) -> None:
    entry = f"{sort}/{name}"
    if entry not in tally and len(tally) > 2 * NAMES:
        entry = f"{sort}/other"
    tally[entry] = tally.get(entry, 0) + n


class _Spell:
    """Hours and gaps of a stream or channel while it is folded."""

    __slots__ = ("gaps", "last", "share", "total")

    def __init__(self, last: int, gaps: Gaps, share: int = 0) -> None:
        self.last, self.gaps, self.share = last, dict(gaps), share
        self.total = sum(self.gaps.values())

    def advance(self, hour: int) -> None:
        """Something happened in `hour`, which is later than any before."""
        if self.last:
            gap = min(hour - self.last, _LONGEST)
            gap = gap if gap <= 48 else gap // 12 * 12
            self.gaps[gap] = self.gaps.get(gap, 0) + 1
            self.total += 1
            if self.total > _GAPS_KEPT:
                self.gaps = {g: n >> 1 for g, n in self.gaps.items() if n > 1}
                self.total = sum(self.gaps.values())
        self.last = hour


class _Fold:
    """The state opened for one batch."""

    __slots__ = (
        "channels", "closed", "count", "day", "days_seen", "first_seen", "hour", "levels", "reasons", "seen",
        "shares", "source", "started", "tallies", "values", "whole", "window",
    )  # fmt: skip

    def __init__(self, stats: StreamStats) -> None:
        self.source, self.days_seen = stats.source, stats.days_seen
        self.day, self.count = stats.day, stats.count
        self.whole = _Spell(stats.last, stats.gaps)
        self.channels = {name: _Spell(c.last, c.gaps, c.share) for name, c in stats.channels.items()}
        self.shares = sum(c.share for c in self.channels.values())
        self.levels, self.closed = list(stats.levels), stats.closed
        self.started = stats.closed.day >= 0
        self.window, self.seen = stats.window, stats.seen
        self.reasons, self.first_seen = dict(stats.refused), dict(stats.first_seen)
        self.tallies = stats.tallies
        self.values: dict[str, int] = {}

    def take(self, signal: Signal) -> None:
        """One admitted signal."""
        hour = instant(signal.occurred_at) // HOUR
        if hour > self.whole.last:
            self.whole.advance(hour)
        self._channel(_CHANNEL[signal.kind], hour)
        day = hour // 24
        if day == self.day:
            self.count += 1
        else:
            self._other_day(day)
        for path, name, values in _LISTED[signal.kind]:
            value = signal.payload.get(name)
            if value and value not in values:
                self.values[path] = self.values.get(path, 0) + 1

    def _channel(self, name: str, hour: int) -> None:
        spell = self.channels.get(name)
        if spell is None:
            spell = self.channels[name] = _Spell(0, {})
        if hour > spell.last:
            spell.advance(hour)
        spell.share += 1
        self.shares += 1
        if self.shares >= _SHARES_KEPT:
            for one in self.channels.values():
                one.share >>= 1
            self.shares = sum(one.share for one in self.channels.values())

    def mark(self, admitted: int, refused: int) -> None:
        """Shift the outcome of the batch's items into the window."""
        window = (self.window << min(admitted, WINDOW)) & _FULL
        refused = min(refused, WINDOW)
        self.window = ((window << refused) | ((1 << refused) - 1)) & _FULL
        self.seen = min(WINDOW, self.seen + admitted + refused)

    def refuse(self, refused: Sequence[RefusedItem]) -> None:
        """Items that were not let in, in order."""
        for item in refused:
            reason = f"{item.field}:{item.code}"
            if reason not in self.reasons and len(self.reasons) >= NAMES:
                reason = "other"
            self.reasons[reason] = self.reasons.get(reason, 0) + 1
            if self.reasons[reason] >= WINDOW:
                self.reasons = {name: n >> 1 for name, n in self.reasons.items() if n > 1}

    def tally(self, items: int, dropped: Mapping[tuple[str, str, str], int], today: int) -> None:
        """Count what arrived `today`, and forget days that left the window."""
        kept = {day: tally for day, tally in self.tallies.items() if day > today - KEPT_DAYS}
        now = dict(kept.get(today, {}))
        _add(now, "items", "", items)
        for path, n in self.values.items():
            _add(now, "value", path, n)
        for (source, kind, name), n in dropped.items():
            if source == self.source:
                path = f"{kind}:{name}"
                _add(now, "field", path, n)
                if path not in self.first_seen and len(self.first_seen) < 4 * NAMES:
                    self.first_seen[path] = today
        kept[today] = now
        self.tallies = kept

    def _other_day(self, day: int) -> None:
        """A signal of another day than the one being counted: a new day closes that one, a late day grows."""
        if day < self.day:
            if day == self.closed.day:
                self.closed = replace(self.closed, count=self.closed.count + 1)
            return
        if self.day >= 0:
            for past in range(self.day, min(day, self.day + _EMPTY_DAYS)):
                self._close(past, self.count if past == self.day else 0)
        self.day, self.count = day, 1

    def _close(self, day: int, count: int) -> None:
        level, seen = self.levels[is_weekend(day)]
        self.closed = ClosedDay(day, count, level, seen)
        if not self.started:
            self.started = True
            return
        level = level + (count * 1_000 - level) // 4 if seen else count * 1_000
        self.levels[is_weekend(day)] = (level, seen + 1)
        self.days_seen += 1

    def done(self) -> StreamStats:
        """The state after the batch."""
        return StreamStats(
            source=self.source,
            last=self.whole.last,
            gaps=self.whole.gaps,
            channels={name: Channel(s.last, s.share, s.gaps) for name, s in self.channels.items()},
            day=self.day,
            count=self.count,
            days_seen=self.days_seen,
            levels=(self.levels[0], self.levels[1]),
            closed=self.closed,
            window=self.window,
            seen=self.seen,
            refused=self.reasons,
            first_seen=self.first_seen,
            tallies=self.tallies,
        )
