"""The offline interpreter gives exactly what the online one gives."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.consent import Lawful
from domain.errors import BadInput
from domain.features import Catalogue
from domain.ids import LeadId, Region, TenantId
from domain.instants import HOUR
from domain.lead import LeadState, absorb
from domain.signal import Event
from learning.offline import EVENTS, frame_of, point_in_time
from tests.domain.feature_cases import NOON, every_aggregate, some_events, times
from tools.catalogue import load_catalogue

LEADS = ("l1", "l2", "l3")
ACCOUNTS = {"l1": "acme", "l2": "acme", "l3": "zeta"}
Told = list[tuple[str, Event]]
Ask = tuple[str, int, int | None]
Span = tuple[str, str, int, int | None]
ONE = Event(NOON, "s:1", "a", "web.page_view", "", 0, NOON, ())

some_asks = st.lists(
    st.tuples(st.sampled_from((*LEADS, "nobody")), times(), st.none() | times()), min_size=1, max_size=6
)


@st.composite
def some_told(draw: st.DrawFn) -> Told:
    """Events of three leads, in no order; a signal may be told twice, even of two leads."""
    return [(draw(st.sampled_from(LEADS)), event) for event in draw(some_events())]


@st.composite
def some_spans(draw: st.DrawFn) -> list[Span]:
    """Signals merged into other leads and un-merged, as it was learnt: spans that do not overlap."""
    spans: list[Span] = []
    for ref in draw(st.lists(st.integers(0, 12), unique=True, max_size=6)):
        cuts = sorted(draw(st.lists(times(), min_size=2, max_size=4, unique=True)))
        for start, end in zip(cuts, [*cuts[1:], None], strict=True):
            if draw(st.booleans()):
                spans.append((f"s:{ref}", draw(st.sampled_from(LEADS)), start, end))
    return spans


def belongs(lead: str, event: Event, spans: list[Span], known_at: int | None) -> bool:
    """Whether `event`, told of the lead that it is paired with, is in `lead` as known by `known_at`."""
    moment = 2**62 if known_at is None else known_at
    mine = [span for span in spans if span[0] == event.ref]
    live = [span for span in mine if span[2] <= moment and (span[3] is None or moment < span[3])]
    return any(span[1] == lead for span in live)


def online(
    catalogue: Catalogue, told: Told, spans: list[Span], ask: Ask, *, lawful: bool = True
) -> dict[str, int | str | None]:
    """What the online interpreter says of the events in the lead, known by then and lawful to use."""
    lead, as_of, known_at = ask
    named = {span[0] for span in spans}
    mine = [
        event
        for home, event in told
        if (belongs(lead, event, spans, known_at) if event.ref in named else home == lead)
    ]
    known = [event for event in mine if known_at is None or event.known <= known_at]
    kept, _ = absorb((), known, catalogue.cap)
    return catalogue.evaluate(Lawful(kept).of(as_of) if lawful else kept, as_of)


def asked(asks: Sequence[Ask], whose: str = "lead_id") -> pl.DataFrame:
    """The frame of asks."""
    return pl.DataFrame(
        asks, schema={whose: pl.String, "as_of": pl.Int64, "known_at": pl.Int64}, orient="row"
    )


def told_frame(told: Told) -> pl.DataFrame:
    """The frame of events."""
    return frame_of((lead, [event]) for lead, event in told)


def membership(spans: list[Span]) -> pl.DataFrame:
    """The frame of spans."""
    schema = {"ref": pl.String, "lead_id": pl.String, "known_from": pl.Int64, "known_to": pl.Int64}
    return pl.DataFrame(spans, schema=schema, orient="row")


def features(frame: pl.DataFrame) -> list[dict[str, int | str | None]]:
    """The rows without the asks' own columns."""
    return frame.drop("lead_id", "account", "as_of", "known_at", strict=False).to_dicts()


@example([("l1", ONE)], [], [("l1", NOON + 3 * HOUR, None)], 9, 9, True)
@given(
    some_told(),
    some_spans(),
    some_asks,
    st.integers(1, 12) | st.just(1_000),
    st.integers(1, 30),
    st.booleans(),
)
def test_offline_is_online_to_the_last_digit(
    told: Told, spans: list[Span], asks: list[Ask], cap: int, pairs: int, lawful: bool
) -> None:
    """Late, repeated, tied, permuted, future, merged and un-merged, over the cap, in any chunks (I4, I12)."""
    catalogue = every_aggregate(cap)
    answered = point_in_time(
        catalogue, told_frame(told), asked(asks), membership=membership(spans), pairs=pairs, lawful=lawful
    )
    assert features(answered) == [online(catalogue, told, spans, ask, lawful=lawful) for ask in asks]
    assert answered.select("lead_id", "as_of", "known_at").rows() == asks


def test_events_of_one_moment_stand_in_the_order_of_a_run_however_they_came() -> None:
    """By reference, subject and kind; one that is told twice counts once, as first known."""
    same = [ONE._replace(ref=f"s:{n}", subject=name, amount=n) for n, name in enumerate("cab")]
    told = [("l1", event) for event in (*same, same[1]._replace(known=NOON - HOUR), same[1])]
    asks: list[Ask] = [("l1", NOON + HOUR, None), ("l1", NOON + HOUR, NOON - 1)]
    catalogue = every_aggregate()
    for order in list(permutations(told))[::11]:
        answered = point_in_time(catalogue, told_frame(list(order)), asked(asks))
        assert features(answered) == [online(catalogue, told, [], ask) for ask in asks]


@given(some_told(), some_asks)
def test_without_merges_the_lead_of_the_event_counts(told: Told, asks: list[Ask]) -> None:
    """The plain case, without `membership`."""
    catalogue = every_aggregate()
    answered = point_in_time(catalogue, told_frame(told), asked(asks))
    assert features(answered) == [online(catalogue, told, [], ask) for ask in asks]


@given(some_told(), times(), times(), st.integers(1, 12) | st.just(1_000))
def test_account_features_are_the_same_offline(told: Told, as_of: int, known_at: int, cap: int) -> None:
    """Over the union of the leads' events, the cap taken for each lead."""
    told = list({event.ref: (lead, event) for lead, event in told}.values())
    catalogue = every_aggregate(cap)
    states = {
        lead: LeadState(
            LeadId(lead),
            TenantId("t"),
            Region("eu"),
            events=absorb((), (e for who, e in told if who == lead))[0],
        )
        for lead in LEADS
    }
    answered = point_in_time(
        catalogue,
        told_frame(told),
        asked([("acme", as_of, known_at), ("zeta", as_of, known_at)], "account"),
        accounts=pl.DataFrame(list(ACCOUNTS.items()), schema=["lead_id", "account"], orient="row"),
    )
    assert features(answered) == [
        catalogue.account_values(
            [states[lead] for lead in LEADS if ACCOUNTS[lead] == account], as_of, known_at=known_at
        )
        for account in ("acme", "zeta")
    ]


@settings(max_examples=30)
@given(some_told(), some_asks)
def test_the_shipped_catalogue_agrees_too(told: Told, asks: list[Ask]) -> None:
    """Every feature that is really used."""
    catalogue = load_catalogue(Path("config/features.toml"))
    answered = point_in_time(catalogue, told_frame(told), asked(asks))
    assert features(answered) == [online(catalogue, told, [], ask) for ask in asks]


def test_what_was_learnt_later_does_not_leak_into_an_earlier_answer() -> None:
    """A merge known on the second day adds the other lead's events from then on only."""
    spans: list[Span] = [("s:1", "l2", NOON, NOON + 24 * HOUR), ("s:1", "l1", NOON + 24 * HOUR, None)]
    asks: list[Ask] = [("l1", NOON + HOUR, NOON + HOUR), ("l1", NOON + HOUR, NOON + 24 * HOUR)]
    answered = point_in_time(
        every_aggregate(), told_frame([("l2", ONE)]), asked(asks), membership=membership(spans)
    )
    assert answered["count.one"].to_list() == [0, 1]


def test_the_cap_is_taken_of_what_was_known_whatever_time_is_asked_for() -> None:
    """A future-dated event takes a place among the newest two, online and offline: a lead keeps no more."""
    events = [ONE._replace(at=NOON + hours * HOUR, ref=f"s:{hours}") for hours in (-2, -1, 1)]
    catalogue = every_aggregate(cap=2)
    answered = point_in_time(catalogue, frame_of([("l1", events)]), asked([("l1", NOON, None)]))
    assert features(answered) == [catalogue.evaluate(absorb((), events)[0], NOON)]
    assert answered["count.one"].to_list() == [1]


def test_a_refusal_takes_earlier_marketing_events_out_offline_too() -> None:
    """As of the refusal and later; before it they count."""
    read = ONE._replace(kind="marketing.content", subject="guide")
    refused = ONE._replace(
        at=NOON + HOUR, ref="s:2", kind="consent.changed", subject="denied", value="marketing"
    )
    asks = asked([("l1", NOON, None), ("l1", NOON + HOUR, None)])
    events = frame_of([("l1", [read, refused])])
    assert point_in_time(every_aggregate(), events, asks)["count.many"].to_list() == [1, 0]
    assert point_in_time(every_aggregate(), events, asks, lawful=False)["count.many"].to_list() == [1, 1]


def test_asks_keep_their_order_and_their_other_columns() -> None:
    """One row per ask, also for one asked twice and for a lead without any event."""
    asks = asked([("l2", NOON, None), ("l1", NOON, None), ("l2", NOON, None)]).with_columns(
        won=pl.Series([1, 0, 1])
    )
    answered = point_in_time(
        every_aggregate(), told_frame([("l2", ONE)]), asks, names=frozenset({"count.one"})
    )
    assert answered.drop("as_of", "known_at").rows() == [("l2", 1, 1), ("l1", 0, 0), ("l2", 1, 1)]


def test_no_asks_and_no_events_are_answered() -> None:
    """Empty frames have the columns all the same."""
    catalogue = every_aggregate()
    nothing = point_in_time(catalogue, told_frame([]), asked([]))
    assert nothing.height == 0
    assert nothing.width == 3 + sum(d.scope == "lead" for d in catalogue.definitions)
    one = point_in_time(catalogue, told_frame([]), asked([("l1", NOON, None)]))
    assert features(one) == [catalogue.evaluate((), NOON)]
    assert one.schema == nothing.schema


@pytest.mark.parametrize(
    ("events", "asks", "said"),
    [
        (pl.DataFrame({"lead_id": ["l1"]}), asked([]), r"events\.at: is missing"),
        (
            told_frame([("l1", ONE)]).with_columns(at=pl.lit(1.5)),
            asked([]),
            r"events\.at: is Float64; cast it to Int64",
        ),
        (told_frame([]).clear(1), asked([]), r"events\.lead_id: has nulls"),
        (told_frame([]), asked([]).drop("as_of"), r"asks\.as_of: is missing"),
        (told_frame([]), asked([]).with_columns(known_at=pl.lit("x")), r"asks\.known_at: is String"),
        (told_frame([]), asked([]).rename({"known_at": "count.one"}), r"asks\.count\.one: is also the name"),
    ],
)
def test_a_wrong_frame_is_refused_by_its_column(events: pl.DataFrame, asks: pl.DataFrame, said: str) -> None:
    """Never a silent cast of a float or a date into an Instant."""
    with pytest.raises(BadInput, match=said):
        point_in_time(every_aggregate(), events, asks)


def test_a_signal_in_two_leads_at_once_is_refused() -> None:
    """Overlapping spans would count it twice."""
    spans: list[Span] = [("s:1", "l1", NOON, None), ("s:1", "l2", NOON + 1, None)]
    with pytest.raises(BadInput, match="one lead at a time"):
        point_in_time(every_aggregate(), told_frame([]), asked([]), membership=membership(spans))


def test_the_frame_of_events_has_the_columns_that_are_read() -> None:
    """Also when there are none."""
    assert dict(frame_of([]).schema) == dict(EVENTS)
