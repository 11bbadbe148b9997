"""Parity: at random times, with random states of knowledge, online and offline give the same features."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from domain.consent import Lawful
from domain.features import Catalogue
from domain.instants import HOUR
from domain.lead import LeadState
from evals.cases import Case, Trace
from learning.offline import frame_of, point_in_time

SUITE: Final = "parity"
LATER: Final = 40 * 24 * HOUR
"""Times are drawn from the first event of a lead to so long after its last."""
_SHOWN: Final = 5


def asks_of(leads: Sequence[LeadState], most: int, seed: int) -> list[tuple[LeadState, int, int | None]]:
    """`most` triples (lead, as of, known at); one in four knows everything."""
    dice = random.Random(seed)  # noqa: S311 - times to try, nothing secret
    made = []
    for _ in range(most if leads else 0):
        lead = dice.choice(leads)
        first, last = lead.events[0].at, lead.events[-1].at + LATER
        known = None if dice.random() < 0.25 else dice.randint(first - HOUR, last)
        made.append((lead, dice.randint(first - HOUR, last), known))
    return made


def traces(
    catalogue: Catalogue, leads: Sequence[LeadState], *, name: str, most: int, seed: int
) -> Iterator[Trace]:
    """One trace per triple: the features that differ, with both values."""
    asked = asks_of(leads, most, seed)
    asks = pl.DataFrame(
        [(lead.lead_id, as_of, known) for lead, as_of, known in asked],
        schema={"lead_id": pl.String, "as_of": pl.Int64, "known_at": pl.Int64}, orient="row",
    )  # fmt: skip
    offline = point_in_time(catalogue, frame_of((lead.lead_id, lead.events) for lead in leads), asks)
    for number, ((lead, as_of, known), row) in enumerate(
        zip(asked, offline.iter_rows(named=True), strict=True)
    ):
        online = catalogue.evaluate(Lawful(catalogue.known(lead.events, known)).of(as_of), as_of)
        different: list[Any] = [
            f"{n}: {v!r} online, {row[n]!r} offline" for n, v in online.items() if row[n] != v
        ]
        yield Trace(
            case=Case(
                id=f"{number}:{lead.lead_id}@{as_of}", suite=SUITE, dataset=name, account=lead.account, at=as_of,
                given={"lead_id": lead.lead_id, "known_at": known},
            ),
            output={"features": len(online), "different": different[:_SHOWN]},
        )  # fmt: skip
