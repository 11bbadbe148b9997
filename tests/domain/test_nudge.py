"""A model moves a score by listed reasons, within a bound, and the ledger still adds up."""

from dataclasses import replace
from math import log

from hypothesis import given
from hypothesis import strategies as st

from domain.instants import DAY
from domain.intent import REASON_SIGN
from domain.nudge import BOUND, ROW, SHIFTS, Nudges, Reason, moved, nudged, tags_of, without_model
from domain.score import MICRO_POINT, Part, Score
from domain.signal import Event
from tests.agents.leads import LEAD, NOW

REASONS = st.lists(st.tuples(st.sampled_from(Reason), st.integers(0, 90)), max_size=12)


def event(reason: Reason, days: int = 0, *, subject: str = "customer") -> Event:
    """What somebody wrote some days ago."""
    at = NOW - days * DAY
    return Event(
        at, f"s:{days}{reason}", subject, "support.message", "", 0, at, (REASON_SIGN + reason.value,)
    )


def odds_of(points: float) -> float:
    """Log-odds of points in per cent."""
    return log(points / (100 - points))


def score(points: int, log_odds: int | None = None) -> Score:
    """With one row."""
    row = Part("prior", points * MICRO_POINT, log_odds=log_odds or 0)
    return Score(points, 50, 50, (row,), "points", "rules", "1", log_odds=log_odds)


@given(said=REASONS, points=st.integers(0, 100), bound=st.integers(0, 900), odds=st.booleans())
def test_whatever_is_said_the_score_moves_by_no_more_than_the_bound(
    said: list[tuple[Reason, int]], points: int, bound: int, odds: bool
) -> None:
    """To within the rounding to whole points; and a known outcome does not move."""
    nudges = Nudges(tuple(event(reason, days) for reason, days in said), bound)
    limit = min(bound, BOUND)
    assert abs(nudges.at(NOW)) <= limit
    before = score(points, 250_000 if odds else None)
    after = nudges.shown(before, NOW)
    assert after.points == moved(points, nudges.at(NOW))
    if not 0 < points < 100:
        assert after is before
        return
    near = [odds_of(min(99.5, max(0.5, after.points + half))) for half in (-0.5, 0.5)]
    assert min(abs(one - odds_of(points)) for one in near) <= limit / 1_000 + 1e-9 or after.points == points
    if odds:
        assert abs((after.log_odds or 0) - 250_000) <= limit * 1_000


def test_a_reason_fades_and_counts_once_where_it_is_newest() -> None:
    old, new = event(Reason.DECIDES, 7), event(Reason.DECIDES)
    assert Nudges((old,)).at(NOW) == SHIFTS[Reason.DECIDES] // 2
    assert Nudges((old, new)).at(NOW) == SHIFTS[Reason.DECIDES]
    assert Nudges((new,)).at(NOW - 1) == 0


def test_what_an_agent_wrote_gives_no_reason() -> None:
    assert not Nudges((event(Reason.DECIDES, subject="agent"),))


def test_the_row_names_the_signals_and_no_model_means_no_row() -> None:
    lead = replace(LEAD, events=(event(Reason.DECIDES)._replace(tags=("pricing:800",)),))
    ref = lead.events[0].ref
    weighed = nudged(lead, tags_of([(Reason.DECIDES, [ref, "s:stranger"])]))
    after = Nudges(weighed.events).shown(score(50), NOW)
    assert (after.ledger[-1].name, after.ledger[-1].signals) == (ROW, (ref,))
    assert weighed.events[0].tags == ("^decides", "pricing:800")
    assert without_model(weighed) == lead
    assert without_model(lead) is lead
    plain = score(50)
    assert Nudges(lead.events).shown(plain, NOW) is plain
