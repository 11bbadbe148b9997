"""What each aggregate computes from a stream as of a time: the online half of `domain.feature.Aggregate`.

A calculation takes the stream, the number n of its events up to the time asked for (n >= 1), and the hour
cell of that time. It looks at the first n events only, so nothing later can reach a value.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from domain.feature import DECAY_LIMIT_HOURS, Aggregate, FeatureDef, decay_table
from domain.instants import DAY, HOUR
from domain.signal import FACT, Event
from domain.streams import Selection, Stream

Value = int | str | None
Calculation = Callable[[Stream, int, int], Value]

EMPTY: dict[Aggregate, int | None] = {
    Aggregate.COUNT: 0,
    Aggregate.DISTINCT: 0,
    Aggregate.SUM: 0,
    Aggregate.RECENCY: None,
    Aggregate.AGE: None,
    Aggregate.DECAYED: 0,
    Aggregate.VELOCITY: 0,
    Aggregate.LAST: None,
    Aggregate.LAST_AMOUNT: None,
    Aggregate.LAST_NUMBER: None,
    Aggregate.TIME_IN: None,
    Aggregate.ACTIVE_DAYS: 0,
    Aggregate.OPEN: 0,
    Aggregate.MEMBERS: 0,
    Aggregate.MEMBERS_LAST: 0,
}
"""The value without any event."""


def selection_of(definition: FeatureDef) -> Selection:
    """The events that `definition` looks at; for `MEMBERS_LAST` the subjects are an answer, not a filter."""
    subjects = () if definition.aggregate is Aggregate.MEMBERS_LAST else definition.subjects
    return Selection(tuple(sorted(definition.kinds)), tuple(sorted(subjects)))


def start_of(stream: Stream, n: int, hour: int, window: int | None) -> int:
    """Index of the first event in the window that ends in cell `hour`; `n` if none of the first `n` is."""
    return 0 if window is None else bisect_left(stream.ats, (hour - window + 1) * HOUR, 0, n)


def text_of(event: Event) -> str:
    """What `LAST` shows of an event: a fact's value, else the subject."""
    return event.value if event.kind == FACT else event.subject


def run_start(events: Sequence[Event], first: int, n: int) -> int:
    """Index at which the newest of ``events[first:n]`` took its present text."""
    present, index = text_of(events[n - 1]), n - 1
    while index > first and text_of(events[index - 1]) == present:
        index -= 1
    return index


def still_open(events: Sequence[Event], opens: str) -> dict[str, Event]:
    """Newest event of kind `opens` of each subject that no later event of another kind has closed."""
    opened: dict[str, Event] = {}
    closed: dict[str, int] = {}
    for event in events:
        if event.kind == opens:
            opened[event.subject] = event
        else:
            closed[event.subject] = event.at
    return {name: event for name, event in opened.items() if name not in closed or event.at > closed[name]}


def calculation(definition: FeatureDef) -> Calculation:
    """The compiled form of `definition`: its value given at least one event."""
    return _MAKERS[definition.aggregate](definition)


def _count(definition: FeatureDef) -> Calculation:
    window = definition.window_hours
    if window is None:
        return lambda _stream, n, _hour: n
    back = window - 1

    def count(stream: Stream, n: int, hour: int) -> Value:
        return n - bisect_left(stream.ats, (hour - back) * HOUR, 0, n)

    return count


def _distinct(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def distinct(stream: Stream, n: int, hour: int) -> Value:
        first = start_of(stream, n, hour, window)
        return len({event[2] for event in stream.events()[first:n]})

    return distinct


def _sum(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def total(stream: Stream, n: int, hour: int) -> Value:
        first = start_of(stream, n, hour, window)
        return sum([event[5] for event in stream.events()[first:n]])

    return total


def _recency(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def recency(stream: Stream, n: int, hour: int) -> Value:
        hours = hour - stream.ats[n - 1] // HOUR
        return hours if window is None or hours < window else None

    return recency


def _age(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def age(stream: Stream, n: int, hour: int) -> Value:
        first = start_of(stream, n, hour, window)
        return hour - stream.ats[first] // HOUR if first < n else None

    return age


def _decayed(definition: FeatureDef) -> Calculation:
    table = decay_table(definition.half_life_hours or 1)
    window = min(definition.window_hours or DECAY_LIMIT_HOURS, DECAY_LIMIT_HOURS)

    def decayed(stream: Stream, n: int, hour: int) -> Value:
        hours = stream.hours()
        first = start_of(stream, n, hour, window) if hour - hours[0] >= window else 0
        if first or n < len(hours):
            hours = hours[first:n]
        return sum([table[hour - cell] for cell in hours])

    return decayed


def _velocity(definition: FeatureDef) -> Calculation:
    window = definition.window_hours or 1

    def velocity(stream: Stream, n: int, hour: int) -> Value:
        middle = start_of(stream, n, hour, window)
        first = start_of(stream, middle, hour, 2 * window)
        return (n - middle) - (middle - first)

    return velocity


def _last(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def last(stream: Stream, n: int, hour: int) -> Value:
        return text_of(stream.events()[n - 1]) if start_of(stream, n, hour, window) < n else None

    return last


def _last_amount(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def last_amount(stream: Stream, n: int, hour: int) -> Value:
        events, first = stream.events(), start_of(stream, n, hour, window)
        return next((events[i].amount for i in range(n - 1, first - 1, -1) if events[i].amount), None)

    return last_amount


def _last_number(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def last_number(stream: Stream, n: int, hour: int) -> Value:
        return stream.events()[n - 1].amount if start_of(stream, n, hour, window) < n else None

    return last_number


def _time_in(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def time_in(stream: Stream, n: int, hour: int) -> Value:
        first = start_of(stream, n, hour, window)
        return hour - stream.events()[run_start(stream.events(), first, n)].at // HOUR if first < n else None

    return time_in


def _active_days(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def active_days(stream: Stream, n: int, hour: int) -> Value:
        return len({at // DAY for at in stream.ats[start_of(stream, n, hour, window) : n]})

    return active_days


def _open(definition: FeatureDef) -> Calculation:
    window, opens = definition.window_hours, definition.kinds[0]

    def still(stream: Stream, n: int, hour: int) -> Value:
        return len(still_open(stream.events()[start_of(stream, n, hour, window) : n], opens))

    return still


def _members(definition: FeatureDef) -> Calculation:
    window = definition.window_hours

    def member(stream: Stream, n: int, hour: int) -> Value:
        return int(start_of(stream, n, hour, window) < n)

    return member


def _members_last(definition: FeatureDef) -> Calculation:
    window, wanted = definition.window_hours, frozenset(definition.subjects)

    def member(stream: Stream, n: int, hour: int) -> Value:
        return int(start_of(stream, n, hour, window) < n and text_of(stream.events()[n - 1]) in wanted)

    return member


_MAKERS: dict[Aggregate, Callable[[FeatureDef], Calculation]] = {
    Aggregate.COUNT: _count,
    Aggregate.DISTINCT: _distinct,
    Aggregate.SUM: _sum,
    Aggregate.RECENCY: _recency,
    Aggregate.AGE: _age,
    Aggregate.DECAYED: _decayed,
    Aggregate.VELOCITY: _velocity,
    Aggregate.LAST: _last,
    Aggregate.LAST_AMOUNT: _last_amount,
    Aggregate.LAST_NUMBER: _last_number,
    Aggregate.TIME_IN: _time_in,
    Aggregate.ACTIVE_DAYS: _active_days,
    Aggregate.OPEN: _open,
    Aggregate.MEMBERS: _members,
    Aggregate.MEMBERS_LAST: _members_last,
}
