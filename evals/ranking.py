"""How well a score ranks leads: each open lead scored some time after its first signal, judged by what came later."""

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from domain.instants import DAY, HOUR
from domain.kinds import Kind
from domain.lead import LeadState
from domain.ports.home import Home

DRAWS = 1_000
FEWEST = 20
"""Winners and losers below which no figure is given."""


@dataclass(frozen=True, slots=True)
class Case:
    """One lead at its decision time: `won` within the horizon; `points` as scored then."""

    lead_id: str
    as_of: int
    won: bool
    points: int


@dataclass(frozen=True, slots=True)
class Ranked:
    """AUC with a 95 % bootstrap interval, and how many were tried and left out."""

    cases: int
    won: int
    closed_before: int
    unfinished: int
    value: float | None
    low: float | None
    high: float | None

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        share = round(self.won / self.cases, 4) if self.cases else None
        metrics = {"auc": {"value": self.value, "low": self.low, "high": self.high}}
        return {
            "n": self.cases, "won": self.won, "base_rate": share, "closed_before": self.closed_before,
            "unfinished": self.unfinished, "metrics": metrics,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """When to decide and what counts: `after_hours` after the first signal, won within `horizon_days` of it."""

    after_hours: int
    horizon_days: int


def case_of(lead: LeadState, question: Question, last_seen: int) -> tuple[int, bool] | str:
    """(decision time, won) of a lead, or why it is left out: ``closed`` before that time, ``unfinished`` history.

    A case counts as lost only if its whole horizon has been seen, or a loss was.
    """
    if not lead.events:
        return "unfinished"
    first = min(event.known for event in lead.events)
    as_of, end = first + question.after_hours * HOUR, first + question.horizon_days * DAY
    outcomes = [(event.at, event.subject) for event in lead.events if event.kind == Kind.OUTCOME.value]
    if any(at <= as_of for at, _ in outcomes):
        return "closed"
    won = any(at <= end and result == "won" for at, result in outcomes)
    lost = any(at <= end and result == "lost" for at, result in outcomes)
    if not (won or lost) and end > last_seen:
        return "unfinished"
    return as_of, won


async def rank(
    home: Home, question: Question, points_at: Callable[[LeadState, int], Any], *, seed: int = 0
) -> Ranked:
    """AUC of `points_at(lead, as_of)` over the leads of a home; it must not look past `as_of`."""
    cases: list[Case] = []
    left_out = {"closed": 0, "unfinished": 0}
    last_seen = home.clock.now()
    async for batch in home.reads.leads(home.tenant):
        for lead in batch:
            found = case_of(lead, question, last_seen)
            if isinstance(found, str):
                left_out[found] += 1
                continue
            points = await points_at(lead, found[0])
            cases.append(Case(lead.lead_id, found[0], found[1], points))
    winners = sorted(case.points for case in cases if case.won)
    losers = sorted(case.points for case in cases if not case.won)
    if min(len(winners), len(losers)) < FEWEST:
        return Ranked(len(cases), len(winners), left_out["closed"], left_out["unfinished"], None, None, None)
    low, high = interval(winners, losers, seed)
    return Ranked(len(cases), len(winners), left_out["closed"], left_out["unfinished"],
                  round(auc(winners, losers), 4), round(low, 4), round(high, 4))  # fmt: skip


def auc(winners: Sequence[int], losers: Sequence[int]) -> float:
    """Share of (winner, loser) pairs ranked rightly, ties half (Mann-Whitney). `losers` sorted.

    >>> auc([2, 3], [1, 2])
    0.875
    """
    wins = sum(bisect_left(losers, points) + bisect_right(losers, points) for points in winners) / 2
    return wins / (len(winners) * len(losers))


def interval(winners: Sequence[int], losers: Sequence[int], seed: int) -> tuple[float, float]:
    """95 % percentile bootstrap of the AUC, winners and losers resampled apart."""
    dice = random.Random(seed)  # noqa: S311 - resampling, nothing secret
    values = sorted(
        auc(dice.choices(winners, k=len(winners)), sorted(dice.choices(losers, k=len(losers))))
        for _ in range(DRAWS)
    )
    return values[int(DRAWS * 0.025)], values[int(DRAWS * 0.975)]
