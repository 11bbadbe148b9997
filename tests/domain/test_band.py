"""Bands: hysteresis, the same fold in any batching, and the hour of cooling."""

from collections.abc import Callable
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.band import HORIZON, MOST_LOOKS, MOST_MARKS, Thresholds, cools_at, fold, lateness, marks, step
from domain.instants import DAY, HOUR
from domain.lead import Band, BandState, absorb
from domain.signal import Event

AT = Thresholds()
NOON = 472_000 * HOUR
Events = tuple[Event, ...]


def events_at(*ats: int, amount: int = 10) -> Events:
    return absorb((), (Event(at, f"s:{i}", "", "web.form", "", amount, at, ()) for i, at in enumerate(ats)))[
        0
    ]


def fading(events: Events, per_day: int = 7) -> Callable[[int], int]:
    """A score that each event raises by its amount and that fades by the hour; by itself it never rises."""

    def look(at: int) -> int:
        left = (max(0, e.amount - per_day * (at // HOUR - e.at // HOUR) // 24) for e in events if e.at <= at)
        return max(1, min(99, sum(left)))

    return look


def wild(events: Events) -> Callable[[int], int]:
    """A score without rhyme or reason: other points for every hour and every event that came before it."""

    def look(at: int) -> int:
        known = sum(event.at <= at for event in events)
        return 1 + crc32(f"{known} {at // HOUR}".encode()) % 99

    return look


def folded(events: Events, as_of: int, state: BandState | None = None, dropped: int = 0) -> BandState:
    look = fading(events)
    return fold(
        state or BandState(), events, as_of, look=look, now=look(as_of), thresholds=AT, dropped=dropped
    )


def every_hour(events: Events, as_of: int) -> Band:
    """The band by looking at the end of every single hour: the slow truth for a score that only fades."""
    look, band = fading(events), Band.COLD
    if events:
        for hour in range(events[0].at // HOUR, as_of // HOUR):
            band = step(band, look((hour + 1) * HOUR - 1), AT)
    return step(band, look(as_of), AT)


@st.composite
def some_events(draw: st.DrawFn) -> Events:
    offsets = st.one_of(st.integers(0, 12), st.integers(0, 24 * 60)).map(lambda hours: NOON + hours * HOUR)
    made = draw(
        st.lists(st.tuples(offsets, st.sampled_from((0, 1, HOUR - 1)), st.integers(5, 60)), max_size=12)
    )
    return absorb(
        (), (Event(a + b, f"s:{i}", "", "web.form", "", c, a, ()) for i, (a, b, c) in enumerate(made))
    )[0]


@pytest.mark.parametrize(
    ("before", "points", "after"),
    [
        (Band.COLD, 39, Band.COLD),
        (Band.COLD, 40, Band.WARM),
        (Band.COLD, 70, Band.HOT),
        (Band.WARM, 69, Band.WARM),
        (Band.WARM, 30, Band.WARM),
        (Band.WARM, 29, Band.COLD),
        (Band.HOT, 60, Band.HOT),
        (Band.HOT, 59, Band.WARM),
        (Band.HOT, 29, Band.COLD),
        (Band.HOT, 100, Band.COLD),
        (Band.HOT, 0, Band.COLD),
    ],
)
def test_a_band_is_left_later_than_it_is_entered(before: Band, points: int, after: Band) -> None:
    assert step(before, points, AT) is after


def test_bands_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="leave_warm <= enter_warm"):
        Thresholds(enter_warm=50, leave_warm=55)


@given(events=some_events(), hours=st.integers(0, 24 * 70), data=st.data())
@settings(max_examples=200)
def test_however_it_is_batched_the_fold_comes_out_the_same(
    events: Events, hours: int, data: st.DataObject
) -> None:
    """I4 for any score: runs at any times, each with what had come in by then, late events among it."""
    as_of = NOON + hours * HOUR + data.draw(st.sampled_from((0, 1, HOUR - 1)))

    def run(known: Events, now: int, state: BandState) -> BandState:
        look = wild(known)
        return fold(state, known, now, look=look, now=look(now), thresholds=AT)

    arrivals = data.draw(st.permutations(events))
    known: Events = ()
    state, now = BandState(), NOON - HOUR
    while arrivals:
        size = data.draw(st.integers(1, len(arrivals)))
        known, _ = absorb(known, arrivals[:size])
        now += data.draw(st.integers(0, as_of - now))
        state, arrivals = run(known, now, state), arrivals[size:]
    last, straight = run(events, as_of, state), run(events, as_of, BandState())
    assert replace(last, since=0) == replace(straight, since=0)


@given(events=some_events(), hours=st.integers(0, 24 * 70))
def test_two_looks_an_hour_with_events_are_enough_for_a_score_that_only_fades(
    events: Events, hours: int
) -> None:
    assert folded(events, NOON + hours * HOUR).band is every_hour(events, NOON + hours * HOUR)


def test_a_look_between_events_leaves_no_trace() -> None:
    """Dipping and rising again without an event in between is not what hysteresis remembers."""
    events = events_at(NOON, amount=75)
    hot = folded(events, NOON + HOUR)
    dip = fold(hot, events, NOON + 2 * HOUR, look=lambda _: 75, now=20, thresholds=AT)
    back = fold(dip, events, NOON + 3 * HOUR, look=lambda _: 75, now=65, thresholds=AT)
    assert (hot.band, dip.band, back.band) == (Band.HOT, Band.COLD, Band.HOT)


def test_falling_between_two_events_is_seen_although_nobody_looked() -> None:
    """75 points fade to 5; a second event brings 65: warm, as if somebody had looked in between."""
    events = absorb((), (*events_at(NOON, amount=75), *events_at(NOON + 10 * DAY, amount=60)))[0]
    assert folded(events, NOON + 10 * DAY + HOUR).band is Band.WARM


def test_an_event_that_comes_late_is_folded_in_as_if_it_had_been_there() -> None:
    """Two events together made the lead hot, which the first run could not know."""
    late, known = events_at(NOON, amount=75), events_at(NOON + DAY, amount=60)
    both, _ = absorb(known, late)
    before = folded(known, NOON + 2 * DAY)
    assert before.band is Band.WARM
    now = NOON + 5 * DAY + 12 * HOUR
    assert folded(both, now, before).band is folded(both, now).band is Band.HOT


def test_the_band_says_since_when() -> None:
    events = events_at(NOON, amount=75)
    now = folded(events, NOON + 5)
    later = folded(events, NOON + 5 * HOUR, now)
    assert (now.band, now.since) == (Band.HOT, NOON + 5)
    assert (later.band, later.since) == (Band.HOT, NOON + HOUR - 1)
    cooled = folded(events, NOON + 4 * DAY, later)
    again = folded(events, NOON + 4 * DAY + HOUR, cooled)
    assert (cooled.band, cooled.since) == (Band.WARM, NOON + 4 * DAY)
    assert again.since == cooled.since


def test_going_on_costs_a_look_or_two_and_starting_anew_is_bounded() -> None:
    events = events_at(*(NOON + n * 3 * HOUR for n in range(500)))
    end = NOON + 1_600 * HOUR
    looks: list[int] = []

    def look(at: int) -> int:
        looks.append(at)
        return 50

    state = fold(BandState(), events, end, look=look, now=50, thresholds=AT)
    assert len(looks) == MOST_MARKS
    looks.clear()
    more, _ = absorb(events, events_at(end + HOUR))
    fold(state, more, end + HOUR, look=look, now=50, thresholds=AT)
    assert len(looks) == 1
    looks.clear()
    kept = more[100:]
    fold(state, kept, end + HOUR, look=look, now=50, thresholds=AT, dropped=100)
    assert len(looks) == 1, "events that fall off do not make the fold start anew"


def test_a_state_without_its_memory_is_folded_anew() -> None:
    events = events_at(NOON, NOON + DAY, amount=40)
    whole = folded(events, NOON + 2 * DAY)
    forgetful = BandState(whole.band, whole.folded_to, whole.since)
    assert folded(events, NOON + 3 * DAY, forgetful).settled is folded(events, NOON + 3 * DAY).settled


def test_nothing_is_looked_at_before_the_first_event() -> None:
    assert marks(events_at(NOON + 5), 0, NOON + DAY) == [NOON + HOUR - 1]
    assert marks((), 0, NOON) == []


@given(
    drops=st.lists(st.integers(1, 24 * 200), min_size=1, max_size=90),
    start=st.integers(30, 99),
    offset=st.integers(0, HOUR - 1),
)
@settings(max_examples=300)
def test_the_hour_of_cooling_is_a_true_one_and_not_late(drops: list[int], start: int, offset: int) -> None:
    """For any score that only falls, in whatever steps."""
    as_of, looks = NOON + offset, []

    def look(at: int) -> int:
        looks.append(at)
        return max(1, start - sum(NOON + drop * HOUR <= at for drop in drops))

    band = Band.HOT if start >= AT.enter_hot else Band.WARM
    limit = AT.leave_hot if band is Band.HOT else AT.leave_warm
    due = cools_at(band, start, as_of, look=look, thresholds=AT)
    assert len(looks) <= MOST_LOOKS
    if due is None:
        assert look(NOON + HORIZON) >= limit
        return
    assert due > as_of
    assert look(due) < limit
    early = due - lateness((due - NOON) // HOUR) * HOUR
    assert early <= as_of or look(early) >= limit


@pytest.mark.parametrize(("points", "limit_days"), [(61, 1), (64, 4), (75, 12), (99, 30)])
def test_for_what_fades_by_half_in_a_fortnight_the_hour_is_found_in_a_few_looks(
    points: int, limit_days: int
) -> None:
    looks = []

    def look(at: int) -> int:
        looks.append(at)
        return 15 + round((points - 15) * float(0.5 ** ((at - NOON) / (14 * DAY))))

    due = cools_at(Band.HOT, points, NOON, look=look, thresholds=AT)
    assert due is not None
    assert due - NOON < limit_days * DAY
    assert len(looks) <= 5


def test_a_cold_lead_has_nothing_to_wait_for() -> None:
    assert cools_at(Band.COLD, 20, NOON, look=lambda _: 1, thresholds=AT) is None
