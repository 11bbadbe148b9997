"""From a value back to its events: which of a stream's events a feature's value rests on."""

from collections.abc import Callable, Sequence

from domain.aggregates import run_start, start_of, still_open, text_of
from domain.feature import DECAY_LIMIT_HOURS, Aggregate, FeatureDef, decay_table
from domain.instants import HOUR
from domain.signal import Event
from domain.streams import Stream

Events = Sequence[Event]
Chooser = Callable[[FeatureDef, Events, int], Events]
"""(definition, the events in the window, oldest first, not none, hour cell) -> those behind the value."""


def contributors(definition: FeatureDef, stream: Stream, n: int, hour: int) -> Events:
    """The events among the first `n` of `stream` that are behind the value in hour cell `hour`.

    The largest contribution comes first, of equal ones the newest. Where one event decides (the newest, the
    oldest), only that one.
    """
    window = definition.window_hours
    if definition.aggregate is Aggregate.VELOCITY and window is not None:
        window *= 2
    if definition.aggregate is Aggregate.DECAYED:
        window = min(window or DECAY_LIMIT_HOURS, DECAY_LIMIT_HOURS)
    inside = stream.events()[start_of(stream, n, hour, window) : n]
    return _CHOOSERS.get(definition.aggregate, _all)(definition, inside, hour) if inside else ()


def _all(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return inside[::-1]


def _newest(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return inside[-1:]


def _oldest(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return inside[:1]


def _newest_amount(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return [event for event in inside if event.amount][-1:]


def _present_run(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return inside[run_start(inside, 0, len(inside)) :][::-1]


def _largest(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return sorted([event for event in inside[::-1] if event.amount], key=lambda event: -abs(event.amount))


def _not_gone(definition: FeatureDef, inside: Events, hour: int) -> Events:
    table = decay_table(definition.half_life_hours or 1)
    return [event for event in inside[::-1] if table[hour - event.at // HOUR]]


def _one_per_subject(_definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return sorted({event.subject: event for event in inside}.values(), reverse=True)


def _openers(definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return sorted(still_open(inside, definition.kinds[0]).values(), reverse=True)


def _wanted(definition: FeatureDef, inside: Events, _hour: int) -> Events:
    return [event for event in inside[::-1] if text_of(event) in definition.subjects]


_CHOOSERS: dict[Aggregate, Chooser] = {
    Aggregate.RECENCY: _newest,
    Aggregate.LAST: _newest,
    Aggregate.LAST_NUMBER: _newest,
    Aggregate.AGE: _oldest,
    Aggregate.LAST_AMOUNT: _newest_amount,
    Aggregate.TIME_IN: _present_run,
    Aggregate.SUM: _largest,
    Aggregate.DECAYED: _not_gone,
    Aggregate.DISTINCT: _one_per_subject,
    Aggregate.OPEN: _openers,
    Aggregate.MEMBERS_LAST: _wanted,
}
"""The others rest on every event in the window."""
