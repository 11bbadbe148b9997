"""Training rows see what a run would have seen, and count only what was decided."""

import random
from dataclasses import replace

import polars as pl
import pytest

from domain.consent import Lawful
from domain.instants import DAY, HOUR
from domain.intents import Said
from domain.kinds import Kind
from domain.lead import absorb
from domain.signal import Event
from learning.leak_check import leak_check
from learning.rows import (
    ASIDE,
    INTENT,
    TESTED,
    Question,
    build_rows,
    events_of,
    features_at,
    folds_in_time,
    in_time,
    later,
    split_by_account,
    split_in_time,
    trainable,
    unlabelled,
)
from tests.learning.market import CATALOGUE, START, fresh_catalogue, lead_events, market

VIEW = Kind.PAGE_VIEW.value
OUTCOME = Kind.OUTCOME.value
SOME = Question(after_hours=24, horizon_days=10)


def view(day: float, ref: str = "v") -> Event:
    """A page viewed on a day of the made-up market."""
    at = START + int(day * DAY)
    return Event(at, f"s:{ref}{day}", "pricing", VIEW, "", 0, at, ())


def outcome(day: float, result: str, known: float | None = None) -> Event:
    """An outcome on a day, known on another if given."""
    at = START + int(day * DAY)
    return Event(at, f"s:o{day}", result, OUTCOME, "", 0, START + int((known or day) * DAY), ())


def labels(*events: Event, last_seen: float = 100) -> tuple[list[int], dict[str, int]]:
    """The labels of one lead with a view on day 0, asked on day 1, and what was left out."""
    told = events_of([("l", tuple(sorted((view(0), *events))))])
    rows, out = build_rows(
        CATALOGUE, told, pl.DataFrame({"lead_id": ["l"]}), SOME, last_seen=START + int(last_seen * DAY),
        names=frozenset({"count.web.30d"}),
    )  # fmt: skip
    counts = {name: getattr(out, name) for name in ("closed_before", "censored", "undecided", "reverted")}
    return rows.frame["label"].to_list(), {name: n for name, n in counts.items() if n}


def test_won_within_the_horizon_is_won_and_later_is_not() -> None:
    assert labels(outcome(5, "won")) == ([1], {})
    assert labels(outcome(11, "won")) == ([1], {})
    assert labels(outcome(12, "won")) == ([0], {})
    assert labels(outcome(5, "lost")) == ([0], {})
    assert labels(outcome(3, "lost"), outcome(7, "won")) == ([1], {})


def test_what_was_closed_by_the_decision_time_is_no_case() -> None:
    assert labels(outcome(0.5, "won")) == ([], {"closed_before": 1})
    assert labels(outcome(0.5, "lost")) == ([], {"closed_before": 1})


def test_an_open_lead_inside_the_horizon_is_censored_not_lost() -> None:
    assert labels(last_seen=9) == ([], {"censored": 1})
    assert labels(last_seen=11) == ([0], {})


def test_an_early_win_of_a_lead_whose_horizon_is_not_over_waits_like_the_others() -> None:
    """Else the newest cases would be those that were decided early, and the rate too high."""
    assert labels(outcome(3, "won"), last_seen=9) == ([], {"censored": 1})


def test_an_outcome_taken_back_counts_as_if_it_had_not_been() -> None:
    assert labels(outcome(5, "won"), outcome(6, "reverted")) == ([0], {"reverted": 1})
    assert labels(outcome(0.5, "lost"), outcome(0.7, "reverted"), outcome(4, "won")) == ([1], {"reverted": 1})


def test_a_decision_after_all_that_was_seen_is_none() -> None:
    assert labels(last_seen=0.5) == ([], {"undecided": 1})


def test_leads_without_signals_are_counted() -> None:
    told = events_of([("l", (view(0),))])
    leads = pl.DataFrame({"lead_id": ["l", "nobody"]})
    _, out = build_rows(CATALOGUE, told, leads, SOME, last_seen=START + 90 * DAY)
    assert out.no_signals == 1


@pytest.mark.slow
def test_ten_thousand_rows_hold_what_a_run_would_have_read() -> None:
    """Features, segment and intents of (lead, t, known_at), offline and online, to the last digit."""
    compared = 0
    for seed in range(25):
        compared += _compare(seed, asks=400)
    assert compared == 10_000


def test_rows_hold_what_a_run_would_have_read() -> None:
    assert _compare(99, asks=60) == 60


def _compare(seed: int, asks: int) -> int:
    dice, leads = random.Random(seed), lead_events(seed)
    triples = [
        (
            dice.choice(sorted(leads)),
            START + dice.randint(0, 70 * 24) * HOUR,
            START + dice.randint(0, 70 * 24) * HOUR,
        )
        for _ in range(asks)
    ]
    schema = {"lead_id": pl.String, "as_of": pl.Int64, "known_at": pl.Int64}
    cases = pl.DataFrame(triples, schema=schema, orient="row")
    told, columns = features_at(CATALOGUE, events_of(leads.items()), cases)
    names = frozenset(d.name for d in trainable(CATALOGUE))
    catalogue = fresh_catalogue()
    for row, (lead, as_of, known_at) in zip(told.iter_rows(named=True), triples, strict=True):
        known = [event for event in leads[lead] if event.known <= known_at]
        lawful = Lawful(absorb((), known)[0]).of(as_of)
        expected: dict[str, int | str | None] = dict(catalogue.evaluate(lawful, as_of, names=names))
        sure = {intent.value: level for intent, level in Said(lawful).at(as_of).items()}
        for column in columns:
            if column.name.startswith(INTENT):
                expected[column.name] = sure.get(column.name.removeprefix(INTENT), 0)
        assert {column.name: row[column.name] for column in columns} == expected
    return len(triples)


def test_nothing_is_learnt_from_what_was_not_over_when_the_test_part_begins() -> None:
    rows = market()
    train, test = split_in_time(rows, 0.7)
    first = test.frame["as_of"].to_numpy().min()
    assert (train.frame["as_of"].to_numpy() + 10 * DAY).max() <= first
    assert train.frame["label_known_at"].to_numpy().max() <= first
    assert not set(train.frame["lead_id"]) & set(test.frame["lead_id"])
    assert test.frame.height == round(0.3 * rows.frame.height)
    for before, after in folds_in_time(rows, 3):
        assert (before.frame["as_of"].to_numpy() + 10 * DAY).max() <= after.frame["as_of"].to_numpy().min()


def test_no_account_is_on_both_sides() -> None:
    train, test = split_by_account(market(), 0.7, 0)
    assert not set(train.frame["account"]) & set(test.frame["account"])
    assert train.frame.height + test.frame.height == market().frame.height


def test_a_split_within_a_split_leaves_something_on_both_sides() -> None:
    """Whoever judges draws otherwise than whoever trains, or nothing would be left to measure on."""
    for judges in (ASIDE, TESTED):
        learnt, _ = split_by_account(market(days=7), 0.7, judges)
        for seed in range(3):
            known, newest, timed = later(learnt, 0.2, seed)
            assert not timed
            assert newest.frame.height == pytest.approx(0.2 * learnt.frame.height, rel=0.3)
            assert known.frame.height + newest.frame.height == learnt.frame.height


def test_one_cohort_is_split_by_account_and_says_so() -> None:
    """All leads of a week, a horizon of ten days: time cannot part them."""
    rows = market(days=7)
    before, after, timed = later(rows, 0.2, 0)
    assert not timed
    assert not set(before.frame["account"]) & set(after.frame["account"])
    for earlier, judged in folds_in_time(rows, 3):
        assert not set(earlier.frame["account"]) & set(judged.frame["account"])
    assert in_time(rows)


def test_where_rows_stand_anyhow_older_and_newer_are_not_told_apart() -> None:
    """By the order of the file, months of sessions would be held to be the future of others."""
    rows = replace(market(), order="random")
    before, after, timed = later(rows, 0.2, 0)
    assert not timed
    assert before.frame.height + after.frame.height == rows.frame.height
    for earlier, judged in [(before, after), *folds_in_time(rows, 3)]:
        assert not set(earlier.frame["account"]) & set(judged.frame["account"])
        assert earlier.frame["as_of"].to_numpy().max() > judged.frame["as_of"].to_numpy().min()
    assert not in_time(rows)


def test_unlabelled_rows_are_the_same_columns_of_open_leads() -> None:
    leads: dict[str, tuple[Event, ...]] = {f"l{n}": (view(n % 30, f"{n}"),) for n in range(60)}
    leads["l7"] = tuple(sorted((*leads["l7"], outcome(7.5, "lost"))))
    named = pl.DataFrame({"lead_id": sorted(leads)})
    start, end = START + 5 * DAY, START + 20 * DAY
    told = events_of(leads.items())
    found = unlabelled(CATALOGUE, told, named, SOME, since=start, until=end)
    rows, _ = build_rows(CATALOGUE, told, named, SOME, last_seen=START + 99 * DAY)
    assert found.columns == [name for name in rows.frame.columns if not name.startswith("label")]
    assert set(found["lead_id"]) == {f"l{n}" for n in range(60) if 4 <= n % 30 < 19} - {"l7"}


def test_the_leak_check_finds_a_value_from_the_future() -> None:
    leads = lead_events(3)
    told = events_of(leads.items())
    named = pl.DataFrame({"lead_id": sorted(leads)})
    names = frozenset({"count.web.30d", "decayed.web.form"})
    rows, _ = build_rows(CATALOGUE, told, named, Question(600, 5), last_seen=START + 99 * DAY, names=names)
    assert [leak for leak in leak_check(rows, told) if leak.hard] == []
    peeking = rows.only(rows.frame.with_columns(pl.col("count.web.30d") + 1))
    assert [leak.name for leak in leak_check(peeking, told) if leak.hard] == ["count.web.30d"]


def test_the_leak_check_refuses_what_is_made_of_outcomes_or_knows_the_answer() -> None:
    rows = market(600)
    assert leak_check(rows.without([c.name for c in rows.columns if c.definition]), pl.DataFrame()) == ()
    telling = rows.frame.with_columns(pl.col("label").cast(pl.Int64).alias("intent.pricing"))
    found = leak_check(
        rows.only(telling).without([c.name for c in rows.columns if c.definition]), pl.DataFrame()
    )
    assert [(leak.name, leak.hard) for leak in found] == [("intent.pricing", True)]
    with_outcomes = build_rows(
        CATALOGUE, events_of([("l", (view(0),))]), pl.DataFrame({"lead_id": ["l"]}), SOME,
        last_seen=START + 99 * DAY, names=frozenset({"count.any.30d", "count.web.30d"}),
    )[0]  # fmt: skip
    found = leak_check(with_outcomes, events_of([("l", (view(0),))]))
    assert [leak.name for leak in found] == ["count.any.30d"]
