"""From a value to the signals behind it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.feature import Aggregate
from domain.features import Catalogue
from domain.instants import DAY, HOUR
from domain.lead import absorb
from domain.signal import Event
from tests.domain.feature_cases import NOON, definition, every_aggregate, some_events, times

CATALOGUE = every_aggregate()
EMPTY = (0, None)


def event(hours_ago: int, ref: str, subject: str = "a", amount: int = 0, kind: str = "web.form") -> Event:
    """An event so many hours before noon."""
    return Event(NOON - hours_ago * HOUR, ref, subject, kind, "", amount, NOON, ())


@given(some_events(), times())
def test_the_signals_named_are_enough_to_make_the_value(events: list[Event], as_of: int) -> None:
    """Recomputed from the events of the named signals alone, every value is the same."""
    kept, _ = absorb((), [event._replace(ref=f"{event.ref}@{event.at}") for event in events])
    values = CATALOGUE.evaluate(kept, as_of)
    for name, value in values.items():
        refs, count = CATALOGUE.lineage(name, kept, as_of, limit=1_000)
        assert len(refs) == len(set(refs)) == count
        behind = tuple(event for event in kept if event.ref in refs)
        assert CATALOGUE.evaluate(behind, as_of, names=frozenset({name})) == {name: value}
        assert refs or value in EMPTY


@given(some_events(), times(), st.integers(0, 5))
def test_the_count_is_of_all_and_the_list_is_short(events: list[Event], as_of: int, limit: int) -> None:
    """At most `limit` refs, which are the first of the whole list."""
    kept, _ = absorb((), events)
    for name in ("count.many", "decayed.many", "distinct.one", "account.count"):
        refs, count = CATALOGUE.lineage(name, kept, as_of, limit=limit)
        everything, same = CATALOGUE.lineage(name, kept, as_of, limit=1_000)
        assert (refs, count) == (everything[:limit], same)


@given(some_events(), times())
def test_nothing_later_is_ever_named(events: list[Event], as_of: int) -> None:
    """I12 holds for lineage too."""
    kept, _ = absorb((), events)
    late = {event.ref for event in kept if event.at > as_of} - {
        event.ref for event in kept if event.at <= as_of
    }
    for feature in CATALOGUE.definitions:
        assert not late & set(CATALOGUE.lineage(feature.name, kept, as_of, limit=1_000)[0])


@pytest.mark.parametrize(
    ("aggregate", "more", "expected"),
    [
        (Aggregate.SUM, {}, ("s:big", "s:minus", "s:new", "s:old")),
        (Aggregate.DECAYED, {}, ("s:zero", "s:new", "s:minus", "s:big")),
        (Aggregate.RECENCY, {}, ("s:zero",)),
        (Aggregate.AGE, {}, ("s:old",)),
        (Aggregate.LAST_AMOUNT, {}, ("s:new",)),
        (Aggregate.LAST_NUMBER, {}, ("s:zero",)),
        (Aggregate.TIME_IN, {}, ("s:zero", "s:new")),
        (Aggregate.DISTINCT, {}, ("s:zero", "s:minus", "s:old")),
        (Aggregate.COUNT, {"window_hours": 3}, ("s:zero", "s:new")),
        (Aggregate.VELOCITY, {"window_hours": 2}, ("s:zero", "s:new", "s:minus")),
    ],
)
def test_what_matters_most_comes_first(
    aggregate: Aggregate, more: dict[str, int], expected: tuple[str, ...]
) -> None:
    """Largest amounts first in a sum, newest first otherwise; where one event decides, only that one."""
    events = (
        event(10 * 24, "s:old", "c", 1_000_000),
        event(30, "s:big", "b", 9_000_000),
        event(3, "s:minus", "b", -3_000_000),
        event(1, "s:new", "a", 2_000_000),
        event(0, "s:zero", "a"),
    )
    catalogue = Catalogue([definition("f", aggregate, "web.form", **more)])
    assert catalogue.lineage("f", events, NOON + 1) == (expected, len(expected))


def test_an_open_ticket_names_the_signal_that_opened_it() -> None:
    """Solved ones are not named."""
    catalogue = Catalogue([definition("f", Aggregate.OPEN, "support.ticket_opened", "support.ticket_solved")])
    events = (
        event(50, "s:1", "t1", kind="support.ticket_opened"),
        event(40, "s:2", "t2", kind="support.ticket_opened"),
        event(30, "s:3", "t1", kind="support.ticket_solved"),
    )
    assert catalogue.lineage("f", events, NOON + DAY) == (("s:2",), 1)
