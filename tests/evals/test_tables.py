"""What the baselines get beside the rows: the same leads, and nothing that came later."""

from typing import Any

import polars as pl
import pytest

from domain.errors import BadInput
from domain.instants import HOUR
from evals.baselines import BASELINES, Fit
from evals.tables import checked_folds, raw_of_events, slices_of_events
from learning import metrics
from learning.offline import EVENTS
from tests.evals.made_up import halves, rows_of, table

NOON = 12 * HOUR


def events(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(EVENTS), orient="row")


def visit(
    lead: str, at: int, *, known: int | None = None, kind: str = "web.page_view", subject: str = "pricing"
) -> Any:
    return (lead, at, f"s:{lead}:{at}:{kind}", subject, kind, "", 0, at if known is None else known)


ASKS = pl.DataFrame({"lead_id": ["a", "b"], "as_of": [NOON, NOON]})


def test_a_notebook_sees_nothing_of_later_or_of_later_known() -> None:
    now = [visit("a", NOON - HOUR), visit("b", NOON)]
    later = [visit("a", NOON + 1), visit("b", NOON - 2, known=NOON + 1)]
    assert raw_of_events(events(*now), ASKS).equals(raw_of_events(events(*now, *later), ASKS))


def test_a_notebook_never_sees_outcomes() -> None:
    """Not even one that was taken back before."""
    now = [visit("a", NOON - HOUR), visit("a", NOON - 2 * HOUR, kind="crm.outcome", subject="lost")]
    found = raw_of_events(events(*now), ASKS)
    assert not [name for name in found.columns if "outcome" in name]


def test_counts_facts_and_ages_are_per_lead_in_the_order_asked() -> None:
    told = [
        visit("a", NOON - 3 * HOUR),
        visit("a", NOON - 2 * HOUR),
        ("b", 0, "s:f", "country", "fact", "DE", 0, 0),
    ]
    found = raw_of_events(events(*told), ASKS)
    assert found["lead_id"].to_list() == ["a", "b"]
    assert found["web.page_view:pricing"].to_list() == [2, 0]
    assert found["fact:country"].to_list() == [None, "DE"]
    assert found["hours_since_last"].to_list() == [2, None]


def test_leads_without_any_event_still_have_a_row() -> None:
    assert raw_of_events(events(), ASKS).height == 2


def test_slices_say_channel_and_length_of_history_as_of_then() -> None:
    rows = rows_of(3)
    told = [visit("ld_00001", 0), visit("ld_00001", 1, kind="crm.activity"), visit("ld_00001", 10**15)]
    found = slices_of_events(events(*told), rows).sort("lead_id")
    assert found["channel"].to_list() == ["none", "web", "none"]
    assert found["history"].to_list() == ["0-2"] * 3
    assert found["month"].to_list() == ["1970-01"] * 3


def test_folds_that_share_an_account_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match="account ac_00000"):
        checked_folds(halves(table(300)).folds)


@pytest.mark.parametrize(("name", "fit"), BASELINES.items())
def test_each_baseline_learns_what_there_is_to_learn(name: str, fit: Fit) -> None:
    """The truth has an AUC of about .81."""
    made = table(3_000)
    train, test = made.folds[0]
    predict = fit(made.raw_of(train), train.frame["label"].to_numpy().astype(float))
    found = metrics.auc(test.frame["label"].to_numpy(), predict(made.raw_of(test)))
    assert found > 0.74, name


@pytest.mark.parametrize(("name", "fit"), BASELINES.items())
def test_each_baseline_bears_gaps_new_levels_and_columns_that_say_nothing(name: str, fit: Fit) -> None:
    made = table(600)
    train, test = made.folds[0]
    y = train.frame["label"].to_numpy().astype(float)
    empty = pl.Series("empty", [None] * train.frame.height, dtype=pl.Float64)
    gaps = made.raw_of(train).with_columns(empty, x=pl.when(pl.col("x") < 0).then(None).otherwise("x"))
    other = made.raw_of(test).with_columns(empty=pl.lit(7.0), colour=pl.lit("never seen"))
    found = fit(gaps, y)(other)
    assert found.shape == (test.frame.height,), name
    assert ((found > 0) & (found < 1)).all()
