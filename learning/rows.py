"""Training rows without look-ahead: what was known of each lead at its decision time, and what became of it.

A row is one lead as of one time. Its features are those of `learning.offline` (the offline half of the
catalogue), its intents those of `domain.intents`, so that a run as of the same time reads the same values.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from typing import Final, Literal

import polars as pl

from domain.consent import Lawful
from domain.feature import Aggregate, FeatureDef
from domain.features import Catalogue
from domain.instants import DAY
from domain.intent import Intent
from domain.intents import Said
from domain.kinds import Kind
from domain.lead import absorb
from domain.policy_facts import segment_of
from domain.signal import MICRO, Event
from learning.aggregates import TEXT
from learning.labelling import labelled, open_cases
from learning.offline import frame_of, point_in_time
from learning.signs import SIGNS, Sign

Order = Literal["times", "assumed", "random"]
INTENT: Final = "intent."
"""Prefix of the columns that hold what a lead is after, per mille."""
FIXED: Final = ("lead_id", "account", "region", "segment", "as_of", "known_at", "label", "label_known_at")
"""Columns of `Rows.frame` before those of the features."""
SIZE: Final = ("fact.employees", "fact.employee_band")
"""Features that tell the segment."""
FEWEST_TIMES: Final = 50
"""Different decision times below which an order in time means nothing."""
FEWEST_WON: Final = 20
"""Won cases, and others, below which a part of the rows is not learnt from."""
ASIDE: Final = -1
"""Draw of the accounts that a promotion judges by. No training draws so: its seeds are 0 or more."""
TESTED: Final = -2
"""Draw of the accounts that an eval judges by. Splits that lie within each other need draws of their own: the same
draw again would put all of the one part on one side of the other."""
_EVENT: Final = ("at", "ref", "subject", "kind", "value", "amount", "known", "tags")
_AMOUNTS: Final = frozenset({Aggregate.SUM, Aggregate.DECAYED, Aggregate.LAST_AMOUNT, Aggregate.LAST_NUMBER})


@dataclass(frozen=True, slots=True)
class Question:
    """When to decide and what counts: `after_hours` after the first known signal, won within `horizon_days` of that."""

    after_hours: int
    horizon_days: int
    further: tuple[int, ...] = ()
    """Further ages of a lead, in hours, at which it is a row of its own."""

    @property
    def ages(self) -> tuple[int, ...]:
        """All ages in hours, ascending."""
        return tuple(sorted({self.after_hours, *self.further}))


@dataclass(frozen=True, slots=True)
class Column:
    """One feature. `sign` is +1 or -1 where more may only help or hurt, else 0.

    ``value / scale`` is in the unit a person thinks in: 1,000,000 for micro-units.
    """

    name: str
    kind: Literal["number", "category"]
    sign: Literal[-1, 0, 1] = 0
    scale: int = 1
    definition: FeatureDef | None = None
    """Of a feature of the catalogue; None for an intent, or a column from elsewhere."""


@dataclass(frozen=True, slots=True)
class Rows:
    """`frame`: the columns `FIXED`, then one per feature (Int64 or String, null = missing), sorted by time."""

    frame: pl.DataFrame
    columns: tuple[Column, ...]
    question: Question
    order: Order = "times"
    """``assumed``: the history has no times; the order is a guess, and no embargo can be kept. ``random``: nor is there
    an order to speak of, so older and newer are not told apart."""

    @property
    def won(self) -> int:
        """How many rows are won."""
        return int(self.frame["label"].sum())

    def only(self, frame: pl.DataFrame) -> "Rows":
        """The same columns over other rows."""
        return replace(self, frame=frame)

    def without(self, names: Iterable[str]) -> "Rows":
        """Without some features."""
        gone = set(names)
        kept = tuple(column for column in self.columns if column.name not in gone)
        return replace(self, frame=self.frame.drop(gone, strict=False), columns=kept)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why leads (rows, for the middle three) are not in the rows."""

    no_signals: int = 0
    closed_before: int = 0
    """Won or lost by the decision time."""
    censored: int = 0
    """Still open, and the horizon not seen to its end: neither won nor lost."""
    undecided: int = 0
    """The decision time lies after all that was seen."""
    reverted: int = 0
    """Rows that are in, whose outcome was taken back: counted as if it had not been."""


def events_of(leads: Iterable[tuple[str, tuple[Event, ...]]]) -> pl.DataFrame:
    """Events of leads with their tags: `EVENTS` and ``tags`` (list of text)."""
    told = list(leads)
    tags = [list(event.tags) for _, events in told for event in events]
    return frame_of(told).with_columns(pl.Series("tags", tags, dtype=pl.List(pl.String)))


def trainable(catalogue: Catalogue) -> tuple[FeatureDef, ...]:
    """The lead features that a model may learn from.

    Not those that read outcomes (they would tell the answer), nor consent (a run states it otherwise, and it is
    a matter of what may be done), nor deprecated ones. Account features are left for later: as of a past time
    they need the membership of that time.
    """
    return tuple(
        d
        for d in catalogue.definitions
        if d.scope == "lead" and d.deprecated is None and not reads_outcomes(d) and d.name != "consent"
    )


def reads_outcomes(definition: FeatureDef) -> bool:
    """Whether a feature is made of outcomes, in whole or in part."""
    return Kind.OUTCOME.value in definition.kinds


def build_rows(
    catalogue: Catalogue,
    events: pl.DataFrame,
    leads: pl.DataFrame,
    question: Question,
    *,
    last_seen: int,
    names: frozenset[str] | None = None,
    signs: Mapping[str, Sign] = SIGNS,
    order: Order = "times",
) -> tuple[Rows, LeftOut]:
    """One row per lead and age, with features as known then and the outcome within the horizon.

    Args:
        catalogue: The definitions.
        events: Columns `EVENTS`, and maybe ``tags`` (see `events_of`): then there are ``intent.`` columns too.
        leads: ``lead_id`` and maybe ``account, region``; leads that are not named are left out.
        question: Ages and horizon.
        last_seen: Instant up to which outcomes were seen; what was known later does not count.
        names: Only these features; default `trainable`.
        signs: Features of which more may only help (+1) or hurt (-1).
        order: ``assumed`` or ``random`` where times are made up.

    Raises: BadInput naming a column that is missing; KeyError for an unknown feature.
    """
    mine = events.filter(pl.col("known") <= last_seen).join(leads.select("lead_id"), on="lead_id", how="semi")
    cases, left_out = labelled(
        mine,
        leads,
        question.ages,
        horizon=question.horizon_days * DAY,
        last_seen=last_seen,
        strict=order == "times",
    )
    asked, columns = features_at(catalogue, mine, cases, names=names, signs=signs)
    frame = asked.with_columns(pl.col("label").cast(pl.Int8)).select(
        *FIXED, *[column.name for column in columns]
    )
    return Rows(frame.sort("as_of", "lead_id"), columns, question, order), LeftOut(**left_out)


def unlabelled(
    catalogue: Catalogue,
    events: pl.DataFrame,
    leads: pl.DataFrame,
    question: Question,
    *,
    since: int,
    until: int,
    names: frozenset[str] | None = None,
) -> pl.DataFrame:
    """The same columns, but for the labels, of leads that were open at their decision time in [`since`, `until`)."""
    mine = events.filter(pl.col("known") < until).join(leads.select("lead_id"), on="lead_id", how="semi")
    cases = open_cases(mine, leads, question.ages).filter(
        pl.col("as_of").is_between(since, until, closed="left")
    )
    asked, columns = features_at(catalogue, mine, cases, names=names)
    fixed = [name for name in FIXED if not name.startswith("label")]
    return asked.select(*fixed, *[column.name for column in columns]).sort("as_of", "lead_id")


def features_at(
    catalogue: Catalogue,
    events: pl.DataFrame,
    cases: pl.DataFrame,
    *,
    names: frozenset[str] | None = None,
    signs: Mapping[str, Sign] = SIGNS,
) -> tuple[pl.DataFrame, tuple[Column, ...]]:
    """`cases` (``lead_id, as_of, known_at``) with segment, features and intents; and what each column is."""
    wanted = names if names is not None else frozenset(d.name for d in trainable(catalogue))
    wanted = frozenset(name for name in wanted if not name.startswith(INTENT))
    asked = point_in_time(catalogue, events, cases, names=wanted | _sizes(catalogue))
    asked = asked.with_columns(_segments(asked))
    definitions = [d for d in catalogue.definitions if d.name in wanted and d.scope == "lead"]
    columns = tuple(_column(d, signs.get(d.name, 0)) for d in definitions)
    if "tags" in events.columns:
        found = _intents(events, asked, catalogue.cap)
        asked = asked.with_columns(found)
        columns += tuple(Column(series.name, "number", signs.get(series.name, 0)) for series in found)
    return asked, columns


def lead_hash(lead_id: str, seed: int = 0) -> int:
    """A number of 60 bits that a lead (or account) always has: for splits that do not depend on order."""
    return int.from_bytes(sha256(f"{seed}:{lead_id}".encode()).digest()[:8]) >> 4


def split_in_time(rows: Rows, share: float = 0.7) -> tuple[Rows, Rows]:
    """The oldest `share` of the rows to learn from, less the embargo, and the rest; see `embargoed`."""
    frame = in_order(rows).frame
    cut = round(frame.height * share)
    return embargoed(rows, frame.head(cut), frame.slice(cut))


def embargoed(rows: Rows, before: pl.DataFrame, after: pl.DataFrame) -> tuple[Rows, Rows]:
    """`before` without what was not decided when `after` begins, nor leads that come again there; and `after`.

    A case is decided when its whole horizon is over: to keep those that were won early and to drop those that
    were still open would teach too high a rate. Where the order is assumed, times mean nothing: no embargo.
    """
    kept = before.join(after.select("lead_id").unique(), on="lead_id", how="anti", maintain_order="left")
    if rows.order == "times" and after.height:
        over = pl.col("as_of") + rows.question.horizon_days * DAY
        kept = kept.filter(pl.max_horizontal(over, "label_known_at") <= after["as_of"].min())
    return rows.only(kept), rows.only(after)


def split_by_account(rows: Rows, share: float, draw: int) -> tuple[Rows, Rows]:
    """About `share` of the accounts to learn from, and the others; a lead without account is its own.

    The same `draw` parts accounts the same way whatever the rows.
    """
    drawn = _places(rows.frame, draw)
    mask = drawn < int(share * 2**60)
    return rows.only(rows.frame.filter(mask)), rows.only(rows.frame.filter(~mask))


def folds_in_time(rows: Rows, k: int = 3) -> list[tuple[Rows, Rows]]:
    """Up to `k` pairs of (earlier, next): the newer 60 % in k blocks by time, each judged by what was decided before.

    Where hardly any times differ, or an embargo would leave next to nothing, k parts of accounts instead, each
    judged by the others: `in_time` tells which.
    """
    frame = in_order(rows).frame
    cuts = [round(frame.height * (0.4 + 0.6 * block / k)) for block in range(k + 1)]
    pairs = [embargoed(rows, frame.head(cut), frame.slice(cut, end - cut)) for cut, end in pairwise(cuts)]
    usable = [pair for pair in pairs if _teaches(pair)]
    if in_time(rows) and len(usable) >= min(2, k):
        return usable
    place = _places(frame, 0) % k
    return [(rows.only(frame.filter(place != n)), rows.only(frame.filter(place == n))) for n in range(k)]


def later(rows: Rows, share: float, draw: int) -> tuple[Rows, Rows, bool]:
    """The older rows and the newest `share`, and True; if times do not tell them apart, by account, and False."""
    before, after = split_in_time(rows, 1 - share)
    if in_time(rows) and _teaches((before, after)):
        return before, after, True
    return (*split_by_account(rows, 1 - share, draw), False)


def in_time(rows: Rows) -> bool:
    """Whether the rows have times that differ and mean something."""
    return rows.order != "random" and rows.frame["as_of"].n_unique() >= FEWEST_TIMES


def _teaches(pair: tuple[Rows, Rows]) -> bool:
    """Whether the earlier rows are enough to learn from, and more than what an embargo left over by chance."""
    before, after = pair
    enough = before.won >= FEWEST_WON and before.frame.height - before.won >= FEWEST_WON
    return enough and 0 < after.won < after.frame.height


def in_order(rows: Rows) -> Rows:
    """By decision time; rows of one time by the hash of their lead, so that no name decides."""
    places = pl.Series("_place", [lead_hash(lead) for lead in rows.frame["lead_id"]], dtype=pl.Int64)
    return rows.only(rows.frame.with_columns(places).sort("as_of", "_place", "lead_id").drop("_place"))


def _places(frame: pl.DataFrame, seed: int) -> pl.Series:
    whose = frame.select(pl.col("account").fill_null(pl.col("lead_id"))).to_series()
    hashed = {name: lead_hash(name, seed) for name in whose.unique()}
    return pl.Series("place", [hashed[name] for name in whose], dtype=pl.Int64)


def _column(definition: FeatureDef, sign: Literal[-1, 0, 1]) -> Column:
    kind: Literal["number", "category"] = "category" if definition.aggregate in TEXT else "number"
    scale = MICRO if definition.aggregate in _AMOUNTS else 1
    return Column(definition.name, kind, sign, scale, definition)


def _sizes(catalogue: Catalogue) -> frozenset[str]:
    return frozenset(d.name for d in catalogue.definitions if d.name in SIZE)


def _segments(frame: pl.DataFrame) -> pl.Series:
    """The segment of each row, as policy sees it."""
    told = [frame[name] if name in frame.columns else [None] * frame.height for name in SIZE]
    found = [
        segment_of(None if count is None else count // MICRO, band) for count, band in zip(*told, strict=True)
    ]
    return pl.Series("segment", found, dtype=pl.String)


def _intents(events: pl.DataFrame, cases: pl.DataFrame, cap: int) -> list[pl.Series]:
    """One column per intent: confidence per mille as of each case, 0 where nothing was said of it."""
    by_lead: dict[str, list[int]] = {}
    for position, lead in enumerate(cases["lead_id"]):
        by_lead.setdefault(lead, []).append(position)
    found: dict[Intent, list[int]] = {i: [0] * cases.height for i in Intent if i is not Intent.UNSURE}
    whens, knowns = cases["as_of"].to_list(), cases["known_at"].to_list()
    for lead, told in _tagged(events, by_lead):
        for position in by_lead[lead]:
            by = knowns[position]
            known = told if by is None else [event for event in told if event.known <= by]
            lawful = Lawful(absorb((), known, cap)[0]).of(whens[position])
            for intent, sure in Said(lawful).at(whens[position]).items():
                found[intent][position] = sure
    return [pl.Series(f"{INTENT}{i.value}", values, dtype=pl.Int64) for i, values in found.items()]


def _tagged(events: pl.DataFrame, wanted: Mapping[str, object]) -> Iterator[tuple[str, list[Event]]]:
    """All events of each of the leads that have a tagged one."""
    whose = events.filter(pl.col("tags").list.len() > 0).select("lead_id").unique()
    theirs = events.join(whose, on="lead_id", how="semi").sort("lead_id")
    for (lead,), frame in theirs.group_by("lead_id", maintain_order=True):
        if lead in wanted:
            told = frame.select(_EVENT).iter_rows()
            yield str(lead), [Event._make((*row[:-1], tuple(row[-1] or ()))) for row in told]
