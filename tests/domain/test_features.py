"""The online interpreter: exact values, no look-ahead, no dependence on order."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.consent import Lawful
from domain.feature import DECAY_LIMIT_HOURS, Aggregate, decay_table
from domain.features import Catalogue
from domain.ids import LeadId, Region, TenantId
from domain.instants import DAY, HOUR
from domain.lead import LeadState, absorb
from domain.signal import Event
from tests.domain.feature_cases import NOON, definition, every_aggregate, plainly, some_events, times

CATALOGUE = every_aggregate()
ALL = 10**9
"""A cap that nothing reaches."""


def event(
    at: int, kind: str = "web.page_view", subject: str = "a", *, ref: str = "s:1", amount: int = 0
) -> Event:
    """An event known when it happened."""
    return Event(at, ref, subject, kind, "", amount, at, ())


def lead(number: int, *events: Event, suppressed: bool = False) -> LeadState:
    """A member of an account."""
    return LeadState(
        LeadId(f"ld_{number:020x}"),
        TenantId("t"),
        Region("eu"),
        events=absorb((), events)[0],
        suppressed=suppressed,
    )


@given(some_events(), times())
def test_each_aggregate_is_what_its_definition_says(events: list[Event], as_of: int) -> None:
    """Against a reading of the definitions that takes one event after the other."""
    kept, _ = absorb((), events)
    leads = [feature for feature in CATALOGUE.definitions if feature.scope == "lead"]
    assert CATALOGUE.evaluate(kept, as_of) == {
        feature.name: plainly(feature, kept, as_of) for feature in leads
    }


@example([event(NOON + 1)], NOON, NOON)
@example([event(NOON)._replace(known=NOON + 1)], NOON, NOON)
@given(some_events(), times(), times())
def test_nothing_later_than_the_time_asked_for_reaches_a_value(
    events: list[Event], as_of: int, known_at: int
) -> None:
    """I12: without what had not happened by `as_of` or was not known by `known_at`, no value changes."""
    everything, _ = absorb((), events)
    then, _ = absorb((), [event for event in events if event.at <= as_of and event.known <= known_at])
    assert CATALOGUE.evaluate(everything, as_of, known_at=known_at) == CATALOGUE.evaluate(then, as_of)


@given(st.data(), some_events(), times())
def test_order_batches_and_repetition_do_not_matter(
    data: st.DataObject, events: list[Event], as_of: int
) -> None:
    """I4: any way of taking in one set of events gives the same values."""
    shuffled = data.draw(st.permutations(events + events[:3]))
    cut = data.draw(st.integers(0, len(shuffled)))
    kept, _ = absorb(absorb((), shuffled[:cut])[0], shuffled[cut:])
    assert CATALOGUE.evaluate(kept, as_of) == CATALOGUE.evaluate(absorb((), events)[0], as_of)


@given(some_events(), times(), times())
def test_a_prepared_lead_gives_what_evaluating_gives(events: list[Event], as_of: int, before: int) -> None:
    """One preparation serves any number of times asked for, in any order, also for chosen names."""
    kept, _ = absorb((), events)
    prepared = every_aggregate().prepare(kept)
    names = frozenset({"decayed.many", "last.one", "open.all"})
    for moment in (as_of, before, as_of):
        fresh = every_aggregate().evaluate(kept, moment)
        assert prepared.at(moment) == fresh
        assert prepared.at(moment, names) == {name: fresh[name] for name in fresh if name in names}


@given(some_events(), times(), times(), st.integers(1, 12))
def test_over_the_cap_the_newest_known_events_count(
    events: list[Event], as_of: int, known_at: int, cap: int
) -> None:
    """What a lead keeps and what is recomputed from everything agree, whatever falls off."""
    capped, free = every_aggregate(cap), every_aggregate()
    everything, _ = absorb((), events, ALL)
    kept, _ = absorb((), [event for event in events if event.known <= known_at], cap)
    assert capped.evaluate(everything, as_of, known_at=known_at) == free.evaluate(kept, as_of)


def test_the_window_is_made_of_hour_cells_and_ends_at_the_moment_asked_for() -> None:
    """At 12:30 'the last hour' is 12:00 to 12:30; an event of 12:31 does not count, though its cell does."""
    catalogue = Catalogue([definition("n", Aggregate.COUNT, "web.page_view", window_hours=1)])
    half_past = NOON + HOUR // 2
    counts = {
        at - NOON: catalogue.evaluate((event(at),), half_past)["n"]
        for at in (NOON - 1, NOON, half_past, half_past + 1)
    }
    assert counts == {-1: 0, 0: 1, HOUR // 2: 1, HOUR // 2 + 1: 0}


def test_decayed_engagement_halves_and_ends() -> None:
    """1,000,000 in the hour itself, half of it one half-life later, nothing after a year."""
    catalogue = Catalogue([definition("d", Aggregate.DECAYED, "web.page_view", half_life_hours=336)])
    after = {
        h: catalogue.evaluate((event(NOON),), NOON + h * HOUR)["d"] for h in (0, 336, 672, DECAY_LIMIT_HOURS)
    }
    assert after == {0: 1_000_000, 336: 500_000, 672: 250_000, DECAY_LIMIT_HOURS: 0}


@pytest.mark.parametrize("half_life", [1, 5, 24, 336, 5_000])
def test_decay_tables_are_rounded_powers_of_one_half(half_life: int) -> None:
    """Within one micro-unit of the float formula everywhere, falling, and of integers."""
    table = decay_table(half_life)
    assert len(table) == DECAY_LIMIT_HOURS
    assert all(abs(value - 1e6 * 0.5 ** (h / half_life)) <= 0.5001 for h, value in enumerate(table))
    assert all(one >= two for one, two in pairwise(table))


def test_a_very_slow_decay_still_ends_after_a_year() -> None:
    """The limit holds even where the curve is far from nothing."""
    catalogue = Catalogue([definition("d", Aggregate.DECAYED, "web.page_view", half_life_hours=100_000)])
    old = event(NOON - DECAY_LIMIT_HOURS * HOUR)
    young = event(NOON - (DECAY_LIMIT_HOURS - 1) * HOUR)
    assert catalogue.evaluate((old,), NOON)["d"] == 0
    assert catalogue.evaluate((old, young), NOON)["d"] == decay_table(100_000)[-1] > 900_000


def test_a_ticket_solved_at_the_very_moment_it_was_opened_is_closed() -> None:
    """And one opened again later is open again."""
    catalogue = Catalogue([definition("o", Aggregate.OPEN, "support.ticket_opened", "support.ticket_solved")])
    opened = event(NOON, "support.ticket_opened", "t1", ref="s:2")
    solved = event(NOON, "support.ticket_solved", "t1", ref="s:1")
    again = event(NOON + 1, "support.ticket_opened", "t1", ref="s:3")
    other = event(NOON, "support.ticket_opened", "t2", ref="s:4")
    assert catalogue.evaluate(absorb((), [opened, solved])[0], NOON + DAY)["o"] == 0
    assert catalogue.evaluate(absorb((), [opened, solved, again, other])[0], NOON + DAY)["o"] == 2


def test_account_features_count_leads_and_union_their_events() -> None:
    """Three members: one active, one that won, one suppressed and therefore absent."""
    members = [
        lead(
            1,
            event(NOON, "web.form", "x", ref="s:1"),
            event(NOON - 9 * DAY, "crm.outcome", "lost", ref="s:2"),
        ),
        lead(
            2,
            event(NOON - DAY, "web.form", "y", ref="s:3"),
            event(NOON - DAY, "crm.outcome", "won", ref="s:4"),
        ),
        lead(3, event(NOON, "web.form", "z", ref="s:5"), suppressed=True),
    ]
    values = CATALOGUE.account_values(members, NOON + 1)
    assert values == CATALOGUE.account_values(reversed(members), NOON + 1)
    assert values == {
        "account.members": 2,
        "account.active": 1,
        "account.won": 1,
        "account.count": 1,
        "account.last": "x",
        "account.open": 0,
    }


def test_what_a_lead_forbids_is_not_used_for_its_account_either() -> None:
    """A withdrawal of marketing takes the lead's marketing events out, as of then; another lead's stay."""
    catalogue = Catalogue([definition("n", Aggregate.COUNT, "marketing.content", scope="account")])
    read = [event(NOON, "marketing.content", ref=f"s:{i}") for i in (1, 2)]
    withdrawn = event(NOON + HOUR, "consent.changed", "withdrawn", ref="s:3")
    members = [lead(1, read[0], withdrawn), lead(2, read[1])]
    assert catalogue.account_values(members, NOON)["n"] == 2
    assert catalogue.account_values(members, NOON + HOUR)["n"] == 1


@given(some_events(), times())
def test_an_account_of_one_lead_is_that_lead(events: list[Event], as_of: int) -> None:
    """Both ways of asking for account features agree, on what may be used."""
    kept, _ = absorb((), events)
    state = LeadState(LeadId("ld_1"), TenantId("t"), Region("eu"), events=kept)
    assert CATALOGUE.evaluate(Lawful(kept).of(as_of), as_of, scope="account") == CATALOGUE.account_values(
        [state], as_of
    )


def test_an_account_does_not_depend_on_how_its_events_are_spread_where_leads_do_not_count() -> None:
    """Newest, open, counted: over the union of events, also across leads with events at the same time."""
    events = [event(NOON, "web.form", f"f{i}", ref=f"s:{i}") for i in range(4)]
    together = CATALOGUE.account_values([lead(1, *events)], NOON)
    apart = CATALOGUE.account_values([lead(i, one) for i, one in enumerate(reversed(events))], NOON)
    assert together["account.last"] == apart["account.last"] == "f3"
    assert together["account.count"] == apart["account.count"] == 4


def test_an_unknown_name_is_refused() -> None:
    """A misspelt feature is an error, not a silent nothing."""
    with pytest.raises(KeyError, match=r"no lead feature is called decayed\.manny"):
        CATALOGUE.evaluate((), NOON, names=frozenset({"decayed.many", "decayed.manny"}))


def test_two_features_cannot_share_a_name() -> None:
    """Versions live in the definition, not in a second entry."""
    one = definition("n", Aggregate.COUNT, "web.form")
    with pytest.raises(ValueError, match="two features are called 'n'"):
        Catalogue([one, one])


def test_the_version_follows_meaning_and_not_wording() -> None:
    """Another window is another catalogue; a better sentence, or another order of the file, is not."""
    one = definition("n", Aggregate.COUNT, "web.form", window_hours=3)
    two = definition("m", Aggregate.COUNT, "web.form")
    version = Catalogue([one, two]).version
    assert len(version) == 12
    assert Catalogue([two, one.model_copy(update={"description": "better"})]).version == version
    changed = [
        Catalogue([one.model_copy(update={"window_hours": 4}), two]).version,
        Catalogue([one.model_copy(update={"version": 2}), two]).version,
        Catalogue([one, two], cap=9).version,
        Catalogue([one]).version,
    ]
    assert len({version, *changed}) == 5
