"""The band of a lead: hot, warm or cold, with hysteresis, folded over event time.

The fold looks at the score at *marks*: for every hour with an event the last instant before it (what was left
of the interest by then) and its last instant (everything that happened in it). Marks depend on the events and
the time asked for alone, so the same set of events gives the same band however it was batched. The run's own
instant is looked at too, but leaves no trace in what the next run starts from: it is no mark.

Exact as long as a lead has at most `MOST_MARKS` marks; a fold from the start looks at the newest `MOST_MARKS`
only. Between marks the score is not looked at: within an hour only its end counts, and a rise that comes from
forgetting (a penalty that decayed) is seen at the next mark.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.feature import decay_table
from domain.instants import DAY, HOUR
from domain.lead import Band, BandState
from domain.signal import Event

MOST_MARKS: Final = 400
HORIZON: Final = 180 * DAY
"""How far ahead cooling is looked for."""
MOST_LOOKS: Final = 24
_FIRST_LOOK: Final = 7 * 24
_GUESSES: Final = 5
"""Looks after which halving takes over from guessing."""
_DAYS: Final = (30, 60, 90, 180)
_FADING: Final = 14 * 24
_MICRO: Final = 1_000_000

Look = Callable[[int], int]
"""Points at an instant."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Points, 1..99, at which a band is entered, and below which it is left."""

    enter_hot: int = 70
    leave_hot: int = 60
    enter_warm: int = 40
    leave_warm: int = 30

    def __post_init__(self) -> None:
        """Refuse bands that overlap."""
        if not 1 <= self.leave_warm <= self.enter_warm <= self.leave_hot <= self.enter_hot <= 99:
            raise ValueError("bands need 1 <= leave_warm <= enter_warm <= leave_hot <= enter_hot <= 99")


def step(band: Band, points: int, at: Thresholds) -> Band:
    """The band after a look at `points`. A known outcome (0 or 100) is cold: there is nothing left to win.

    >>> step(Band.WARM, 65, Thresholds()), step(Band.HOT, 65, Thresholds())
    (<Band.WARM: 'warm'>, <Band.HOT: 'hot'>)
    """
    if not 0 < points < 100:
        return Band.COLD
    if points >= (at.leave_hot if band is Band.HOT else at.enter_hot):
        return Band.HOT
    return Band.COLD if points < (at.enter_warm if band is Band.COLD else at.leave_warm) else Band.WARM


def fold(
    state: BandState,
    events: tuple[Event, ...],
    as_of: int,
    *,
    look: Look,
    now: int,
    thresholds: Thresholds,
    dropped: int = 0,
    by: str = "",
) -> BandState:
    """The band as of `as_of`, where the points are `now`; `look` gives the points at a mark before that.

    Starts from `state` if no event came in before ``state.folded_to`` since and the scorer `by` is the same, else
    from the first event.
    `events` are sorted, `dropped` older ones are no longer kept. Costs one look a mark: two an hour in which
    something happened.
    """
    start = state if state.by == by and _still_good(state, events, as_of, dropped) else BandState()
    settled, since, folded_to = start.settled or Band.COLD, start.settled_since, start.folded_to
    for mark in marks(events, folded_to, as_of):
        band = step(settled, look(mark), thresholds)
        if band is not settled or not since:
            settled, since = band, mark
        folded_to = mark
    band = step(settled, now, thresholds)
    unchanged = state.band is band and state.folded_to == folded_to and 0 < state.since <= as_of
    entered = since if band is settled and since else state.since if unchanged else as_of
    return BandState(band, folded_to, entered, settled, since, dropped + _until(events, folded_to), by)


def marks(events: tuple[Event, ...], after: int, as_of: int) -> list[int]:
    """The marks in (`after`, `as_of`], ascending, the newest `MOST_MARKS` of them."""
    found: set[int] = set()
    first = bisect_right(events, after, key=_at) if after else 0
    # The last mark of an hour lies behind its events, so the hour of `after` may still owe one.
    hours = {events[index].at // HOUR for index in range(max(0, first - 1), len(events))}
    for hour in hours:
        found.update((hour * HOUR - 1, (hour + 1) * HOUR - 1))
    start = events[0].at if events else 0
    return sorted(mark for mark in found if max(after, start - 1) < mark <= as_of)[-MOST_MARKS:]


def cools_at(band: Band, points: int, as_of: int, *, look: Look, thresholds: Thresholds) -> int | None:
    """An instant at which a silent lead has left `band` downward; None if it does not within `HORIZON`.

    `points` hold at `as_of`, `look` tells those of a later instant if nothing happens until then. Where they
    only fall, the answer is late by `lateness` at most. Whatever they do, the band is left at the answer.
    Ordinarily four looks, never more than `MOST_LOOKS`.
    """
    if band is Band.COLD:
        return None
    limit = thresholds.leave_hot if band is Band.HOT else thresholds.leave_warm
    start, low, high = as_of // HOUR, 0, None
    seen, at = (0, points), _FIRST_LOOK
    for tries in range(MOST_LOOKS):
        value = look((start + at) * HOUR)
        low, high = (low, at) if value < limit else (at, high)
        if high is not None and high - low <= lateness(high):
            break
        guess = _crossing(seen, (at, value), limit) if tries < _GUESSES else None
        seen = (at, value)
        following = _between(low, high, guess) if high is not None else _beyond(low, guess)
        if following is None:
            return None
        at = following
    return (start + high) * HOUR if high is not None else None


def lateness(hours: int) -> int:
    """Hours by which cooling after `hours` of silence may be found late: a sixteenth, at least twelve.

    >>> lateness(24), lateness(320)
    (12, 20)
    """
    return max(12, hours // 16)


def _beyond(low: int, guess: int | None) -> int | None:
    """The hour to look at while the score is not known to fall so far: a little after `guess`."""
    if guess is not None and low < guess + lateness(guess) // 2 <= HORIZON // HOUR:
        return guess + lateness(guess) // 2
    return next((24 * days for days in _DAYS if 24 * days > low), None)


def _between(low: int, high: int, guess: int | None) -> int:
    """The hour to look at between two: a little after `guess`, then a little before it, else the middle."""
    if guess is not None and low < guess < high:
        after, before = guess + lateness(guess) // 2, guess - lateness(guess) // 2
        if after < high:
            return after
        if before > low:
            return before
    return (low + high) // 2


def _crossing(one: tuple[int, int], other: tuple[int, int], limit: int) -> int | None:
    """The hour at which points fall below `limit` if what fades halves in `_FADING` hours; None if never.

    They were seen as (hour, points) at two hours. Integers only: the same on any machine.
    """
    (first, more), (second, less) = sorted((one, other))
    table = decay_table(_FADING)
    if more <= less:
        return None
    fading = (more - less) * _MICRO * _MICRO // (table[first] - table[second])
    stays = more * _MICRO - fading * table[first] // _MICRO
    left = ((2 * limit - 1) * _MICRO // 2 - stays) * _MICRO // fading
    return bisect_left(table, -left, key=lambda share: -share) if left > 0 else None


def _still_good(state: BandState, events: tuple[Event, ...], as_of: int, dropped: int) -> bool:
    """True if the fold can go on from `state`: it saw as many events as there are now up to its last mark."""
    if state.settled is None or not 0 < state.folded_to <= as_of:
        return False
    return state.seen == dropped + _until(events, state.folded_to)


def _until(events: tuple[Event, ...], at: int) -> int:
    return bisect_right(events, at, key=_at)


def _at(event: Event) -> int:
    return event.at
