"""Events, definitions and a plain reading of each aggregate, for the tests of both interpreters."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from domain.feature import DECAY_LIMIT_HOURS, Aggregate, FeatureDef, decay_table
from domain.features import Catalogue
from domain.instants import DAY, HOUR
from domain.signal import Event

NOON = 472_000 * HOUR
"""A time on the grid from which the cases count."""
KINDS = (
    "web.page_view",
    "web.form",
    "support.ticket_opened",
    "support.ticket_solved",
    "crm.outcome",
    "marketing.content",
    "fact",
)
SUBJECTS = ("", "a", "b", "won", "employees")
STATUSES = ("granted", "denied", "withdrawn")
Value = int | str | None


def definition(name: str, aggregate: Aggregate, *kinds: str, **more: Any) -> FeatureDef:
    """A definition with the words filled in."""
    if aggregate is Aggregate.DECAYED:
        more.setdefault("half_life_hours", 5)
    return FeatureDef(
        name=name, version=1, aggregate=aggregate, kinds=kinds, unit="units", description="words", **more
    )


def every_aggregate(cap: int = 1_000) -> Catalogue:
    """Each aggregate over one kind, over several, over chosen subjects; with and without a window."""
    shapes: tuple[tuple[str, tuple[str, ...], dict[str, Any]], ...] = (
        ("one", ("web.page_view",), {"window_hours": 3}),
        ("many", ("web.form", "web.page_view", "marketing.content"), {"window_hours": 48}),
        ("chosen", ("fact",), {"subjects": ("employees", "a")}),
        ("day", ("crm.outcome", "fact"), {"subjects": ("won", ""), "window_hours": 24}),
    )
    made = []
    for aggregate in Aggregate:
        if aggregate in (Aggregate.OPEN, Aggregate.MEMBERS, Aggregate.MEMBERS_LAST):
            continue
        for name, kinds, more in shapes:
            if aggregate is Aggregate.VELOCITY:
                more = {"window_hours": 2, **more}
            made.append(definition(f"{aggregate.value}.{name}", aggregate, *kinds, **more))
    tickets = ("support.ticket_opened", "support.ticket_solved")
    made += [
        definition("open.all", Aggregate.OPEN, *tickets),
        definition("open.day", Aggregate.OPEN, *tickets, window_hours=24),
        definition("decayed.slow", Aggregate.DECAYED, "web.form", half_life_hours=336),
        definition("account.members", Aggregate.MEMBERS, "web.form", "fact", scope="account"),
        definition("account.active", Aggregate.MEMBERS, "web.form", scope="account", window_hours=6),
        definition("account.won", Aggregate.MEMBERS_LAST, "crm.outcome", scope="account", subjects=("won",)),
        definition("account.count", Aggregate.COUNT, "web.form", "fact", scope="account", window_hours=6),
        definition("account.last", Aggregate.LAST, "web.form", "crm.outcome", scope="account"),
        definition("account.open", Aggregate.OPEN, *tickets, scope="account"),
    ]
    return Catalogue(made, cap=cap)


def times(past_hours: int = 80, future_hours: int = 6) -> st.SearchStrategy[int]:
    """Instants around `NOON`, often on and beside the edges of cells and days."""
    cells = st.one_of(
        st.integers(-past_hours, future_hours), st.integers(-past_hours // 24, 1).map(lambda d: 24 * d)
    )
    offsets = st.sampled_from((0, 1, HOUR // 2, HOUR - 1))
    return st.builds(lambda cell, offset: NOON + cell * HOUR + offset, cells, offsets)


@st.composite
def some_events(draw: st.DrawFn, most: int = 25) -> list[Event]:
    """Events late and early, tied, repeated, stated again otherwise, dated in the future; in no order."""
    what = st.one_of(
        st.tuples(
            st.sampled_from(KINDS), st.sampled_from(SUBJECTS), st.sampled_from(("", "", "granted", "denied"))
        ),
        st.tuples(
            st.just("fact"), st.sampled_from(SUBJECTS), st.sampled_from(("x", "y", "ä", "Z", "denied"))
        ),
        st.tuples(
            st.just("consent.changed"),
            st.sampled_from(STATUSES),
            st.sampled_from(("", "all", "sales", "marketing")),
        ),
    )
    one = st.builds(
        lambda at, ref, what, amount, delay: Event(
            at, f"s:{ref}", what[1], what[0], what[2], amount, at + delay, ()
        ),
        times(),
        st.integers(0, 12),
        what,
        st.sampled_from((0, 0, 1, 1_500_000, -2_000_000)),
        st.sampled_from((0, 0, 1, -HOUR, HOUR, 30 * HOUR)),
    )
    events = draw(st.lists(one, max_size=most))
    again = draw(st.lists(st.sampled_from(events), max_size=3)) if events else []
    return draw(st.permutations(events + again))


def plainly(feature: FeatureDef, events: Sequence[Event], as_of: int) -> Value:
    """The value of a lead feature by its definition alone; `events` sorted, unique."""
    hour = as_of // HOUR
    mine = [
        event
        for event in events
        if event.at <= as_of
        and event.kind in feature.kinds
        and (not feature.subjects or event.subject in feature.subjects)
    ]
    ages = [hour - event.at // HOUR for event in mine]
    window = feature.window_hours
    inside = [event for event, age in zip(mine, ages, strict=True) if window is None or age < window]
    if feature.aggregate is Aggregate.VELOCITY:
        assert window is not None
        return len(inside) - sum(window <= age < 2 * window for age in ages)
    return _plain_value(feature, inside, hour)


def _plain_value(feature: FeatureDef, inside: list[Event], hour: int) -> Value:
    ages = [hour - event.at // HOUR for event in inside]
    texts = [event.value if event.kind == "fact" else event.subject for event in inside]
    amounts = [event.amount for event in inside]
    since = max((i for i in range(1, len(texts)) if texts[i] != texts[i - 1]), default=0)
    table = decay_table(feature.half_life_hours or 1)
    values: dict[Aggregate, Value] = {
        Aggregate.COUNT: len(inside),
        Aggregate.DISTINCT: len({event.subject for event in inside}),
        Aggregate.SUM: sum(amounts),
        Aggregate.RECENCY: min(ages, default=None),
        Aggregate.AGE: max(ages, default=None),
        Aggregate.DECAYED: sum(table[age] for age in ages if age < DECAY_LIMIT_HOURS),
        Aggregate.LAST: texts[-1] if texts else None,
        Aggregate.LAST_AMOUNT: next((amount for amount in reversed(amounts) if amount), None),
        Aggregate.LAST_NUMBER: amounts[-1] if amounts else None,
        Aggregate.TIME_IN: ages[since] if ages else None,
        Aggregate.ACTIVE_DAYS: len({event.at // DAY for event in inside}),
        Aggregate.OPEN: len(_open_subjects(feature, inside)) if feature.aggregate is Aggregate.OPEN else 0,
    }
    return values[feature.aggregate]


def _open_subjects(feature: FeatureDef, inside: list[Event]) -> set[str]:
    opens, closes = feature.kinds
    return {
        event.subject
        for event in inside
        if event.kind == opens
        and not any(
            other.kind == closes and other.subject == event.subject and other.at >= event.at
            for other in inside
        )
    }
