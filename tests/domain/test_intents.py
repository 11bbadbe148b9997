"""From claims to what a lead is after: bounded, without look-ahead, by hand-checked numbers."""

from hypothesis import given
from hypothesis import strategies as st

from domain.instants import DAY, HOUR
from domain.intent import Claim, Intent, Slot
from domain.intents import FLOOR, UNREAD, Said, confidences, mood_at, ranked, slots_of, tags_for, top_of
from domain.lead import absorb
from domain.mood import PLAIN, Mood, Sentiment, Urgency
from domain.signal import Event

NOON = 472_000 * HOUR
Events = tuple[Event, ...]


def said(*tags: str, at: int = NOON, ref: str = "s:1", role: str = "customer") -> Event:
    return Event(at, ref, role, "support.message", "", 0, at, tags)


NAMES = st.sampled_from([intent.value for intent in Intent] + ["of_another_taxonomy"])
TAGS = st.one_of(
    st.builds(lambda name, sure: f"{name}:{sure}", NAMES, st.integers(0, 1000)),
    st.sampled_from((UNREAD, "=seats:50", "pricing:", "pricing", ":1")),
)
TIMES = st.builds(
    lambda hours, part: NOON + hours * HOUR + part,
    st.one_of(st.integers(-3, 3), st.integers(-24 * 400, 24 * 20)),
    st.sampled_from((0, 1, HOUR // 2, HOUR - 1)),
)
EVENTS = st.lists(
    st.builds(
        lambda at, ref, role, tags: said(*sorted(tags), at=at, ref=f"s:{ref}", role=role),
        TIMES,
        st.integers(0, 9),
        st.sampled_from(("customer", "customer", "agent")),
        st.lists(TAGS, max_size=4, unique=True),
    ),
    max_size=30,
).map(lambda events: absorb((), events)[0])


def without_denials(events: Events) -> Events:
    """The same events with claims that touch no other: these are weighed on a faster way."""
    return tuple(event._replace(tags=("demo:700",) if event.at % 2 else ("pricing:400",)) for event in events)


@given(events=st.one_of(EVENTS, EVENTS.map(without_denials)), as_of=TIMES)
def test_confidences_are_per_mille_and_know_nothing_of_later(events: Events, as_of: int) -> None:
    """I12, for events in any number and tags of any kind."""
    found = confidences(events, as_of)
    assert found == confidences(tuple(event for event in events if event.at <= as_of), as_of)
    assert all(1 <= sure <= 1000 for sure in found.values())
    assert Said(events).at(as_of) == found


@given(events=EVENTS.map(without_denials), as_of=TIMES)
def test_the_fast_way_gives_what_the_general_way_gives(events: Events, as_of: int) -> None:
    """A denial of what nobody claimed changes nothing, but takes the general way."""
    denial = said("procurement:0", at=NOON - 500 * DAY, ref="s:0")
    assert confidences((denial, *events), as_of) == confidences(events, as_of)


def test_what_is_said_a_moment_later_is_not_known_yet() -> None:
    """I12, within one hour of the grid, on both ways of weighing."""
    now, later = said("demo:700"), said("demo:700", "pricing:900", at=NOON + 1, ref="s:2")
    assert confidences((now, later), NOON) == {Intent.DEMO: 700}
    assert confidences((now, said("demo:0", at=NOON + 1, ref="s:3")), NOON) == {Intent.DEMO: 700}


def test_a_claim_halves_in_a_week() -> None:
    events = (said("pricing:800"),)
    assert confidences(events, NOON) == {Intent.PRICING: 800}
    assert confidences(events, NOON + 7 * DAY) == {Intent.PRICING: 400}
    assert confidences(events, NOON + 365 * DAY) == {}


def test_further_claims_fill_a_halving_share_of_the_rest() -> None:
    events = (said("pricing:400"), said("pricing:400", ref="s:2"), said("pricing:800", ref="s:3"))
    rest = 200 * 400 // 2000
    assert confidences(events, NOON) == {Intent.PRICING: 800 + rest + (200 - rest) * 400 // 4000}


def test_a_denial_counts_for_its_own_intent_and_for_what_is_older() -> None:
    older, denial = said("demo:900", "pricing:500"), said("demo:0", at=NOON + 1)
    assert confidences((older, denial), NOON + 1) == {Intent.PRICING: 500}
    assert confidences((older, denial), NOON) == {Intent.DEMO: 900, Intent.PRICING: 500}


def test_leaving_speaks_against_renewing_and_not_against_a_demo() -> None:
    both = confidences((said("churn:600", "demo:500", "renewal:500"),), NOON)
    assert both == {Intent.CHURN: 600, Intent.DEMO: 500, Intent.RENEWAL: 200}


def test_the_top_intent_is_named_from_the_floor_on() -> None:
    assert top_of({Intent.DEMO: FLOOR, Intent.PRICING: FLOOR}) == (Intent.DEMO, FLOOR)
    assert top_of({Intent.DEMO: FLOOR - 1}) == (Intent.UNSURE, 0)
    assert top_of({}) == (Intent.UNSURE, 0)
    assert ranked({Intent.PRICING: 5, Intent.DEMO: 5, Intent.CHURN: 9})[0] == (Intent.CHURN, 9)


def test_what_is_kept_of_a_reading_is_what_comes_back() -> None:
    claims = (Claim(Intent.PRICING, 820, "s:1", "x"), Claim(Intent.DEMO, 500, "s:2", "x"))
    slots = (Slot("budget", "20000 eur", "s:1"),)
    event = said(*tags_for(claims, slots, "s:1"))
    assert event.tags == ("=budget:20000 eur", "pricing:820")
    assert confidences((event,), NOON) == {Intent.PRICING: 820}
    assert slots_of((event,), NOON) == slots
    assert slots_of((event,), NOON - 1) == ()


def test_slots_keep_their_place_and_of_needs_and_objections_all_values_stand() -> None:
    slots = (
        Slot("objection", "price", "s:1", 4, 17),
        Slot("objection", "timing", "s:1"),
        Slot("seats", "40-60", "s:1", 20, 31),
    )
    later = said(*tags_for((), (Slot("seats", "80", "s:2", 0, 8),), "s:2"), ref="s:2")
    events = (said(*tags_for((), slots, "s:1")), later)
    assert slots_of(events[:1], NOON) == slots
    assert slots_of(events, NOON) == (*slots[:2], Slot("seats", "80", "s:2", 0, 8))


def test_a_mood_lasts_for_three_texts_and_is_no_claim() -> None:
    angry = Mood(Sentiment.NEGATIVE, 800, Urgency.HIGH, "blocked")
    spoken = said(*tags_for((), (), "s:1", angry))
    assert mood_at((spoken, said(), said()), NOON) == angry
    assert mood_at((spoken, said(), said(), said()), NOON) == PLAIN
    assert mood_at((spoken,), NOON - 1) == PLAIN
    assert (slots_of((spoken,), NOON), confidences((spoken,), NOON)) == ((), {})
