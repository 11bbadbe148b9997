"""Rescoring very many leads at once: the same points as a run gives, column by column.

Nothing is decided here. A lead whose band the new points would change gets a run of the graph, through the due-queue;
the others stay as they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import polars as pl

from domain.band import Thresholds, step
from domain.closed import CLOSED, OUTCOME_FACTS, outcome_of
from domain.features import Catalogue
from domain.lead import Band, LeadState
from domain.model import Package, point_edges
from learning.encode import Ints
from learning.predict import log_odds
from learning.rows import events_of, features_at


@dataclass(frozen=True, slots=True)
class Rescored:
    """One lead with its points as of the time asked for, the band it is in, and the band it would be in."""

    lead_id: str
    points: int
    band: Band
    would_be: Band

    @property
    def moves(self) -> bool:
        """Whether the band would change."""
        return self.band is not self.would_be


BATCH: Final = 20_000
"""Leads that are worked on at once: bounds memory, whatever `rescore` is given to read from."""


def rescore(
    package: Package, files: Mapping[str, bytes], catalogue: Catalogue, leads: Iterable[LeadState], as_of: int
) -> list[Rescored]:
    """Each lead as of the Instant `as_of`, from its stored events; leads that must not be processed are left out.

    Bands have hysteresis: a lead is looked at once, from the band that its last fold settled in, as
    `agents.scoring.would_move` does.
    """
    found: list[Rescored] = []
    thresholds = Thresholds(**package.bands.model_dump())
    wanted = (lead for lead in leads if not lead.suppressed)
    while batch := list(islice(wanted, BATCH)):
        points = points_of_events(
            package,
            files,
            catalogue,
            events_of((one.lead_id, one.events) for one in batch),
            placed(batch),
            as_of=as_of,
        )
        for lead, value in zip(batch, points.tolist(), strict=True):
            after = step(lead.band.settled or Band.COLD, value, thresholds)
            found.append(Rescored(lead.lead_id, value, lead.band.band, after))
    return found


def placed(leads: Sequence[LeadState]) -> pl.DataFrame:
    """``lead_id, account, region`` of leads."""
    rows = [(lead.lead_id, lead.account, lead.region) for lead in leads]
    return pl.DataFrame(
        rows, schema={"lead_id": pl.String, "account": pl.String, "region": pl.String}, orient="row"
    )


def points_of_events(
    package: Package,
    files: Mapping[str, bytes],
    catalogue: Catalogue,
    events: pl.DataFrame,
    leads: pl.DataFrame,
    *,
    as_of: int,
) -> Ints:
    """Points of each row of `leads` (``lead_id, account, region``) from `events` (see `learning.rows.events_of`)."""
    cases = leads.with_columns(as_of=pl.lit(as_of, dtype=pl.Int64), known_at=pl.lit(None, dtype=pl.Int64))
    names = frozenset(use.name for use in package.features) | OUTCOME_FACTS
    read, _ = features_at(catalogue, events, cases, names=names)
    return points_of_rows(package, files, read)


def points_of_rows(package: Package, files: Mapping[str, bytes], rows: pl.DataFrame) -> Ints:
    """Points of rows that hold the package's features and those that tell whether the outcome is known."""
    points = 1 + np.searchsorted(np.array(point_edges()), log_odds(package, files, rows), side="right")
    told = rows.with_row_index("_row").filter(pl.col("outcome").is_in(sorted(CLOSED)))
    for row in told.select("_row", *sorted(OUTCOME_FACTS)).iter_rows(named=True):
        outcome = outcome_of(row)
        if outcome is not None:
            points[row["_row"]] = CLOSED[outcome]
    return points.astype(np.int64)
