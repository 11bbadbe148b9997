"""Taking new events into a lead's state: the same set gives the same state, whatever way it came."""

from hypothesis import given
from hypothesis import strategies as st

from domain.instants import HOUR
from domain.lead import absorb
from domain.signal import Event
from tests.domain.feature_cases import NOON, some_events


def by_definition(events: list[Event], cap: int) -> tuple[Event, ...]:
    """The newest `cap` of the set: of copies the one known first, with the greatest tags."""
    keys = {event[:4] for event in events}
    kept = []
    for key in keys:
        copies = [event for event in events if event[:4] == key]
        first = min(copies, key=lambda event: (event.known, event.value, event.amount))
        kept.append(first._replace(tags=max(event.tags for event in copies)))
    return tuple(sorted(kept))[max(0, len(kept) - cap) :]


def tagged(events: list[Event], tags: list[tuple[str, ...]]) -> list[Event]:
    """`events`, each with its tags."""
    return [event._replace(tags=tag) for event, tag in zip(events, tags, strict=False)]


some_tags = st.lists(st.sampled_from(((), ("demo:300",), ("pricing:820",))), min_size=40, max_size=40)


@given(st.data(), some_events(), some_tags, st.integers(1, 30))
def test_any_way_of_taking_in_one_set_of_events_ends_in_one_state(
    data: st.DataObject, events: list[Event], tags: list[tuple[str, ...]], cap: int
) -> None:
    """Batches, order, repetition, late events and a cap along the way: the state is a function of the set."""
    told = tagged(events, tags)
    state: tuple[Event, ...] = ()
    rest = data.draw(st.permutations(told + told[:2]))
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        state, _ = absorb(state, rest[:size], cap)
        rest = rest[size:]
    assert state == by_definition(told, cap)


@given(some_events(), st.integers(1, 30))
def test_the_newest_stay_and_the_rest_is_counted(events: list[Event], cap: int) -> None:
    """What falls off is never lost silently (I8)."""
    everything, none = absorb((), events, 10**9)
    kept, dropped = absorb((), events, cap)
    assert none == 0
    assert kept == everything[len(everything) - len(kept) :]
    assert len(kept) + dropped == len(everything)


def test_an_event_seen_again_with_tags_wins_over_one_without() -> None:
    """The intent agent takes in the same events again, tagged."""
    plain = Event(NOON, "s:1", "a", "web.form", "", 0, NOON, ())
    read = plain._replace(tags=("pricing:820",))
    older = plain._replace(at=NOON - HOUR, ref="s:0")
    assert absorb((older, plain), [read]) == ((older, read), 0)
    assert absorb((older, read), [plain]) == ((older, read), 0)


def test_of_two_copies_the_one_known_first_stays() -> None:
    """A delivery repeated with other content cannot change what was known, in whatever order the two come."""
    first = Event(NOON, "s:1", "a", "web.form", "", 1, NOON, ())
    later = first._replace(amount=2, known=NOON + HOUR)
    assert (
        absorb((first,), [later]) == absorb((later,), [first]) == absorb((), [later, first]) == ((first,), 0)
    )


def test_over_the_cap_the_newest_stay() -> None:
    """The oldest falls off, and is counted."""
    old, new = (Event(NOON + i, f"s:{i}", "a", "web.form", "", 0, NOON, ()) for i in (0, 1))
    assert absorb((old,), [new], cap=1) == absorb((new,), [old], cap=1) == ((new,), 1)


def test_taking_in_nothing_changes_nothing() -> None:
    """A lead woken by a timer keeps its very events."""
    events = (Event(NOON, "s:1", "a", "web.form", "", 0, NOON, ()),)
    assert absorb(events, ())[0] is events
