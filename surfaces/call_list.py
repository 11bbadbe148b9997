"""Whom to call: a board of each lead's latest decision, lists drawn from it, and how good such lists were."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.decision import Decision
from domain.lead import Band

LIST_LENGTH = 10


@dataclass(slots=True)
class Board:
    """The newest decision of each lead, kept as decisions are committed."""

    latest: dict[str, Decision] = field(default_factory=dict)

    def take(self, decision: Decision) -> None:
        """Remember `decision` as its lead's newest."""
        self.latest[decision.lead_id] = decision

    def bands(self) -> Mapping[Band, int]:
        """Leads by band."""
        counts = dict.fromkeys(Band, 0)
        for decision in self.latest.values():
            counts[decision.band.band] += 1
        return counts

    def open_leads(self) -> list[Decision]:
        """Leads that may still be won: scored, no outcome known, nothing that forbids contact."""
        return [decision for decision in self.latest.values() if _is_open(decision)]

    def call_list(self, length: int = LIST_LENGTH) -> list[Decision]:
        """The open leads most worth a salesperson's time: most points first, more engaged before less."""
        return sorted(self.open_leads(), key=_rank)[:length]


def _is_open(decision: Decision) -> bool:
    score = decision.score
    return score is not None and 0 < score.points < 100 and not _stopped(decision)


def _stopped(decision: Decision) -> bool:
    """A do-not-act rule that says never, rather than not now."""
    verdict = decision.verdict
    if verdict is None:
        return True
    return any(row.table == "do_not_act" and row.outputs.get("effect") == "nothing" for row in verdict.rules)


def _rank(decision: Decision) -> tuple[int, int, str]:
    score = decision.score
    return (-score.points, -score.engagement, decision.lead_id) if score else (0, 0, decision.lead_id)


@dataclass(frozen=True, slots=True)
class DayList:
    """One day's list: the leads on it and all leads that were open that day, by id; `day` an Instant."""

    day: int
    listed: tuple[str, ...]
    pool: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HitRate:
    """How many of the listed were won after their day, in per cent, with a 95 % interval over days."""

    value: float
    low: float
    high: float
    hits: int
    listed: int


def hit_rate(days: Sequence[DayList], won_at: Mapping[str, int], *, seed: int = 0) -> HitRate:
    """Share of listed leads won after the day of their list; the interval resamples leads, which recur over days."""
    by_lead: dict[str, tuple[int, int]] = {}
    for day in days:
        for lead in day.listed:
            hits, shown = by_lead.get(lead, (0, 0))
            by_lead[lead] = (hits + (won_at.get(lead, -1) > day.day), shown + 1)
    return _rate(list(by_lead.values()), seed)


def random_rate(days: Sequence[DayList], won_at: Mapping[str, int]) -> float:
    """What a list drawn at random from the same open leads would hit on average, in per cent."""
    shares = [
        sum(won_at.get(lead, -1) > day.day for lead in day.pool) / len(day.pool) for day in days if day.pool
    ]
    return 100 * sum(shares) / len(shares) if shares else 0.0


def perfect_rate(days: Sequence[DayList], won_at: Mapping[str, int], length: int = LIST_LENGTH) -> float:
    """What a list that knew the future would hit, in per cent: there may be fewer winners than places."""
    best = [
        min(length, sum(won_at.get(lead, -1) > day.day for lead in day.pool)) / length
        for day in days
        if day.pool
    ]
    return 100 * sum(best) / len(best) if best else 0.0


def _rate(counts: list[tuple[int, int]], seed: int, draws: int = 1_000) -> HitRate:
    hits, listed = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0)
    if not listed:
        return HitRate(0.0, 0.0, 0.0, 0, 0)
    dice = random.Random(seed)  # noqa: S311 - resampling for an interval, nothing secret
    samples = []
    for _ in range(draws):
        drawn = dice.choices(counts, k=len(counts))
        samples.append(sum(hit for hit, _ in drawn) / sum(shown for _, shown in drawn))
    samples.sort()
    low, high = samples[int(draws * 0.025)], samples[int(draws * 0.975)]
    return HitRate(100 * hits / listed, 100 * low, 100 * high, hits, listed)
