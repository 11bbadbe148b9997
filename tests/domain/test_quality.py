"""Each gate fails for its own cause and no other, and how a stream was cut into batches does not matter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import DAY, HOUR, MINUTE, Instant, moment
from domain.kinds import Kind
from domain.quality import Gate, GateFailure, StreamStats, failures, percentile
from domain.signal import Signal
from domain.usual import NAMES
from tests.domain.items import admitted, item

MONDAY = 19_723 * DAY + 4 * DAY
"""A Monday at midnight."""
EXAMPLES = {
    kind: admitted(item(kind=kind.value, payload=payload))
    for kind, payload in {
        Kind.PAGE_VIEW: {"page": "/"},
        Kind.EMAIL_CLICKED: {},
        Kind.ACTIVITY: {"type": "call"},
        Kind.IDENTIFY: {"seniority": "vp"},
    }.items()
}


@dataclass(frozen=True)
class Bad:
    """What the fold reads of a refused item."""

    field: str = "payload.page"
    code: str = "missing"


def signal(at: int, kind: Kind = Kind.PAGE_VIEW, **payload: str) -> Signal:
    changes = {"occurred_at": moment(Instant(at))} | ({"payload": payload} if payload else {})
    return EXAMPLES[kind].model_copy(update=changes)


def office_hours(
    days: int, *, per_hour: int = 4, kinds: Sequence[Kind] = (Kind.PAGE_VIEW,)
) -> Iterator[Signal]:
    """A source that speaks from 8 to 18 o'clock, less at weekends."""
    for day in range(days):
        for hour in range(8, 18):
            n = per_hour if day % 7 < 5 else max(1, per_hour // 4)
            for i in range(n):
                at = MONDAY + day * DAY + hour * HOUR + i * MINUTE
                yield from (signal(at, kind) for kind in kinds)


def after(signals: Sequence[Signal], refused: Sequence[Bad] = (), now: int = MONDAY) -> StreamStats:
    return StreamStats.empty("web").updated(signals, refused, {}, now)


def gates(stats: StreamStats, now: int) -> dict[Gate, GateFailure]:
    return {failure.gate: failure for failure in failures(stats, now)}


def test_nothing_fails_before_anything_is_usual() -> None:
    assert failures(StreamStats.empty("web"), MONDAY) == ()
    few = after([signal(MONDAY + n * HOUR) for n in range(10)])
    assert failures(few, MONDAY + 300 * DAY) == ()


def test_a_source_that_speaks_as_usual_fails_nothing_at_any_hour() -> None:
    signals = list(office_hours(42))
    stats, taken = StreamStats.empty("web"), 0
    for hour in range(42 * 24):
        now = MONDAY + hour * HOUR
        upto = taken
        while upto < len(signals) and signals[upto].occurred_at <= moment(Instant(now)):
            upto += 1
        stats = stats.updated(signals[taken:upto], [], {}, now)
        taken = upto
        assert failures(stats, now) == (), f"day {hour // 24}, {hour % 24} o'clock"


def test_silence_beyond_what_is_usual_fails_freshness() -> None:
    """Nights of 15 hours are usual here, so the weekend is borne and a week is not."""
    stats = after(list(office_hours(26)))
    last = MONDAY + 25 * DAY + 17 * HOUR
    assert stats.last == last // HOUR
    assert Gate.FRESHNESS not in gates(stats, last + 90 * HOUR)
    failure = gates(stats, last + 91 * HOUR)[Gate.FRESHNESS]
    assert (failure.source, failure.measured, failure.allowed) == ("web", 91, 90)


def test_a_steady_source_may_be_silent_for_a_day() -> None:
    stats = after([signal(MONDAY + n * HOUR) for n in range(200)])
    last = MONDAY + 199 * HOUR
    assert Gate.FRESHNESS not in gates(stats, last + 24 * HOUR)
    assert gates(stats, last + 25 * HOUR)[Gate.FRESHNESS].allowed == 24


@pytest.mark.parametrize(
    ("factor", "word"), [(0.2, "low"), (0.3, None), (1.0, None), (4.5, None), (6.0, "high")]
)
def test_the_last_whole_day_is_held_against_days_of_its_kind(factor: float, word: str | None) -> None:
    usual = list(office_hours(15, per_hour=40))
    noon = MONDAY + 15 * DAY + 12 * HOUR
    stats = after([*usual, *(signal(noon) for _ in range(int(400 * factor)))])
    failure = gates(stats, MONDAY + 16 * DAY + HOUR).get(Gate.VOLUME)
    assert (failure.detail if failure else None) == word


def test_a_day_without_any_signal_fails_volume() -> None:
    stats = after(list(office_hours(15, per_hour=40)))
    assert gates(stats, MONDAY + 16 * DAY + HOUR)[Gate.VOLUME] == GateFailure(
        Gate.VOLUME, "web", "low", 0, 100
    )


def test_volume_is_not_judged_within_the_first_week() -> None:
    stats = after(list(office_hours(7, per_hour=40)))
    assert Gate.VOLUME not in gates(stats, MONDAY + 8 * DAY)


def test_late_signals_count_for_their_own_day() -> None:
    usual = list(office_hours(15, per_hour=40))
    yesterday = [signal(MONDAY + 15 * DAY + 9 * HOUR)] * 50
    today = [signal(MONDAY + 16 * DAY)]
    now = MONDAY + 16 * DAY + 12 * HOUR
    assert Gate.VOLUME in gates(after([*usual, *yesterday, *today]), now)
    assert Gate.VOLUME not in gates(after([*usual, *yesterday, *today, *yesterday]), now)


def test_a_channel_that_falls_silent_while_others_speak_is_missing() -> None:
    both = list(office_hours(30, kinds=(Kind.PAGE_VIEW, Kind.EMAIL_CLICKED)))
    half = [one for one in office_hours(37) if one.occurred_at >= moment(Instant(MONDAY + 30 * DAY))]
    stats = after([*both, *half])
    failure = gates(stats, MONDAY + 37 * DAY)[Gate.MISSING_CHANNEL]
    assert (failure.detail, failure.allowed) == ("marketing", 45)


def test_when_all_channels_are_silent_none_is_missing() -> None:
    stats = after(list(office_hours(30, kinds=(Kind.PAGE_VIEW, Kind.EMAIL_CLICKED))))
    assert set(gates(stats, MONDAY + 60 * DAY)) == {Gate.FRESHNESS, Gate.VOLUME}


def test_a_channel_with_a_small_share_is_never_missed() -> None:
    rare = [signal(MONDAY + n * HOUR, Kind.EMAIL_CLICKED) for n in range(30)]
    stats = after([*rare, *(signal(MONDAY + n * 10 * MINUTE) for n in range(6 * 24 * 30))])
    assert Gate.MISSING_CHANNEL not in gates(stats, MONDAY + 30 * DAY)


def test_many_refusals_fail_the_quarantine_rate_and_the_commonest_is_named() -> None:
    bad = [Bad()] * 40 + [Bad("id", "empty")] * 11
    stats = after([signal(MONDAY)] * 949, bad)
    failure = gates(stats, MONDAY)[Gate.QUARANTINE_RATE]
    assert (failure.detail, failure.measured, failure.allowed) == ("payload.page:missing", 51, 50)
    assert Gate.QUARANTINE_RATE not in gates(after([signal(MONDAY)] * 950, bad[:50]), MONDAY)


def test_a_few_refusals_of_a_small_source_are_no_failure() -> None:
    assert Gate.QUARANTINE_RATE not in gates(after([], [Bad()] * 19), MONDAY)
    assert Gate.QUARANTINE_RATE in gates(after([], [Bad()] * 20), MONDAY)


def test_only_the_last_thousand_items_count() -> None:
    stats = after([], [Bad()] * 500)
    assert Gate.QUARANTINE_RATE in gates(stats, MONDAY)
    assert Gate.QUARANTINE_RATE not in gates(stats.updated([signal(MONDAY)] * 1_000, [], {}, MONDAY), MONDAY)


def test_a_field_that_was_never_seen_is_told_for_a_week() -> None:
    dropped = {("web", "web.page_view", "utm_term"): 10, ("crm", "web.page_view", "other_source"): 99}
    stats = StreamStats.empty("web").updated([signal(MONDAY)], [], dropped, MONDAY)
    failure = gates(stats, MONDAY)[Gate.UNSEEN_FIELD]
    assert (failure.detail, failure.measured) == ("web.page_view:utm_term", 10)
    for day in range(1, 10):
        stats = stats.updated([signal(MONDAY + day * DAY)], [], dropped, MONDAY + day * DAY)
        assert (Gate.UNSEEN_FIELD in gates(stats, MONDAY + day * DAY)) == (day < 7)


def test_a_value_outside_the_list_is_counted_and_not_kept() -> None:
    odd = [signal(MONDAY, Kind.IDENTIFY, seniority="Jane Doe")] * 12
    stats = after([*odd, *([signal(MONDAY, Kind.IDENTIFY, seniority="vp")] * 500)])
    failure = gates(stats, MONDAY)[Gate.UNSEEN_VALUE]
    assert (failure.detail, failure.measured, failure.allowed) == ("identity.identify:seniority", 12, 9)
    assert b"Jane" not in stats.to_json()
    assert Gate.UNSEEN_VALUE not in gates(after([*odd, *([signal(MONDAY)] * 1_300)]), MONDAY)
    assert Gate.UNSEEN_VALUE not in gates(stats, MONDAY + 7 * DAY)


def test_memory_stays_bounded_whatever_is_sent() -> None:
    stats = StreamStats.empty("web")
    for day in range(40):
        now = MONDAY + day * day * HOUR
        dropped = {("web", "web.page_view", f"f{day}_{n}"): 1 for n in range(1_000)}
        refused = [Bad(f"f{n}", f"c{day}") for n in range(500)]
        stats = stats.updated([signal(now + n * 7 * HOUR) for n in range(200)], refused, dropped, now)
    assert len(stats.to_json()) < 100_000
    assert len(stats.refused) <= NAMES + 1
    steady = after([signal(MONDAY + n * HOUR) for n in range(3_000)])
    assert sum(steady.gaps.values()) <= 513


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"format":0}', b"{}"])
def test_a_damaged_state_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a stream state|Expecting"):
        StreamStats.from_json(raw)


def test_percentile_takes_the_smallest_gap_that_covers_the_share() -> None:
    assert percentile({1: 95, 9: 5}, 95) == 1
    assert percentile({1: 94, 9: 6}, 95) == 9
    assert percentile({}, 95) == 0


# ------------------------------------------------------------------------------------------------ batches

MOMENTS = st.integers(0, 60 * 24).map(lambda hours: MONDAY + hours * HOUR)
SIGNALS = st.builds(signal, MOMENTS, st.sampled_from(sorted(EXAMPLES)))
ODD = st.builds(
    lambda at, s: signal(at, Kind.IDENTIFY, seniority=s), MOMENTS, st.sampled_from(["vp", "boss"])
)
DROPPED = st.dictionaries(
    st.sampled_from([("web", "k", "a"), ("web", "k", "b"), ("crm", "k", "a")]), st.integers(1, 9)
)
REFUSED = st.lists(st.builds(Bad, st.sampled_from(["id", "keys"]), st.sampled_from(["a", "b"])), max_size=30)


@given(st.lists(SIGNALS | ODD, max_size=60), REFUSED, DROPPED, st.data())
def test_how_a_stream_is_cut_into_batches_does_not_matter(
    signals: list[Signal], refused: list[Bad], dropped: dict[tuple[str, str, str], int], data: st.DataObject
) -> None:
    """Signals in one order, then refused items in one order: any cut gives the same state, byte for byte."""
    now = MONDAY + 70 * DAY
    whole = StreamStats.empty("web").updated(signals, refused, dropped, now)
    a, b = sorted(data.draw(st.tuples(st.integers(0, len(signals)), st.integers(0, len(signals)))))
    c = data.draw(st.integers(0, len(refused)))
    parts = StreamStats.empty("web")
    for some in (signals[:a], signals[a:b]):
        parts = parts.updated(some, [], {}, now)
    parts = parts.updated(signals[b:], refused[:c], dropped, now).updated([], refused[c:], {}, now)
    assert parts.to_json() == whole.to_json()
    assert failures(parts, now) == failures(whole, now)


@given(st.lists(SIGNALS | ODD, max_size=60), REFUSED, DROPPED)
def test_a_state_comes_back_equal_from_its_json_and_goes_on_alike(
    signals: list[Signal], refused: list[Bad], dropped: dict[tuple[str, str, str], int]
) -> None:
    stats = StreamStats.empty("web").updated(signals, refused, dropped, MONDAY)
    again = StreamStats.from_json(stats.to_json())
    assert again == stats
    more = [signal(MONDAY + 99 * DAY, Kind.ACTIVITY)]
    assert again.updated(more, refused, dropped, MONDAY + DAY) == stats.updated(
        more, refused, dropped, MONDAY + DAY
    )


@given(st.lists(SIGNALS, max_size=20))
def test_updating_leaves_the_state_before_alone(signals: list[Signal]) -> None:
    stats = after(signals)
    before = stats.to_json()
    stats.updated(signals, [Bad()], {("web", "k", "a"): 3}, MONDAY + DAY)
    assert stats.to_json() == before
    assert replace(stats) == stats
