"""The leads of a home as a table: what became of them, judged as of a time, with what was known then."""

from dataclasses import replace

import polars as pl

from domain.features import Catalogue
from domain.lead import LeadState
from domain.ports.home import Home
from evals.tables import KEYS, Table, checked_folds, raw_of_events, slices_of_events
from learning.leak_check import leak_check
from learning.offline import EVENTS
from learning.rows import (
    TESTED,
    Question,
    Rows,
    build_rows,
    events_of,
    split_by_account,
    split_in_time,
    trainable,
)

FEW_TIMES = 10
"""Different decision times below which there is no order to split by."""


async def leads_of(home: Home) -> list[LeadState]:
    """All leads that may be processed."""
    return [
        lead
        async for batch in home.reads.leads(home.tenant)
        for lead in batch
        if not lead.suppressed and lead.events
    ]


def home_table(home: Home, leads: list[LeadState], question: Question, *, name: str = "home") -> Table:
    """Rows of `leads`, split in time with embargo where accounts allow it, else by account.

    Account features are left out: as of a past time they need the membership of that time.
    """
    events = events_of((lead.lead_id, lead.events) for lead in leads)
    people = pl.DataFrame(
        [(lead.lead_id, lead.account, lead.region) for lead in leads],
        schema={"lead_id": pl.String, "account": pl.String, "region": pl.String}, orient="row",
    )  # fmt: skip
    names = frozenset(d.name for d in trainable(home.catalogue))
    of_rule = (home.scorer.uses & _of_leads(home.catalogue)) - names
    rows, left_out = build_rows(
        home.catalogue, events, people, question, last_seen=home.clock.now(), names=names | of_rule
    )
    fold, split = _split(rows)
    plain = events.select(list(EVENTS))
    table = Table(
        name=name, source="the home's own leads", folds=checked_folds([fold]),
        split=f"{split}; decided {question.after_hours} h after the first signal, won within "
        f"{question.horizon_days} days",
        raw=raw_of_events(plain, rows.frame.select(KEYS)), slices=slices_of_events(plain, rows),
        left_out={n: getattr(left_out, n) for n in left_out.__dataclass_fields__}, only_of_rules=of_rule,
    )  # fmt: skip
    found = leak_check(rows.without(of_rule), plain)
    leaks = tuple(
        {"name": leak.name, "hard": leak.hard, "why": leak.why, "value": leak.value} for leak in found
    )
    return replace(table, leaks=leaks)


def _of_leads(catalogue: Catalogue) -> frozenset[str]:
    return frozenset(d.name for d in catalogue.definitions if d.scope == "lead")


def _split(rows: Rows) -> tuple[tuple[Rows, Rows], str]:
    """In time, without accounts that come again in the later part; by account where all is one cohort."""
    train, test = split_in_time(rows)
    known = test.frame.select(pl.coalesce("account", "lead_id").alias("whose")).unique()
    apart = train.frame.join(
        known, left_on=pl.coalesce("account", "lead_id"), right_on="whose", how="anti", maintain_order="left"
    )
    if rows.frame["as_of"].n_unique() >= FEW_TIMES and apart.height >= rows.frame.height * 0.3:
        return (
            rows.only(apart),
            test,
        ), "oldest 70 % to newest 30 % with embargo, accounts of the latter left out"
    return split_by_account(rows, 0.7, TESTED), "70/30 by account: one cohort"
