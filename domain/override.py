"""Overrides: what a person has fixed about a lead, until it is lifted or until a date. Runs respect it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.errors import BadInput
from domain.ids import DecisionId, LeadId, Region, TenantId
from domain.score import MICRO_POINT, Part, Score

ROW: Final = "override"
"""Name of the ledger's row, and of the reason under which a lead is woken when something is fixed or set free."""
LONGEST_NAME: Final = 200
LONGEST_REASON: Final = 2_000
"""Characters."""


class OverrideKind(StrEnum):
    """What can be fixed. A lead has at most one override of a kind."""

    OWNER = "owner"
    POINTS = "points"


class OverrideEnd(StrEnum):
    """Why an override does not count any more; one whose date has passed may have no end on record."""

    LIFTED = "lifted"
    REPLACED = "replaced"
    """The same was fixed again."""
    MERGED = "merged"
    """The lead was joined with one whose override of this kind is newer."""
    OVER = "over"
    """Its date had passed when the same was fixed again, or its lead was joined with another."""


@dataclass(frozen=True, slots=True)
class Override:
    """What a run is told: `value` is the owner's name, or points 1..99 as text. `at` and `until` are Instants."""

    override_id: str
    kind: OverrideKind
    value: str
    at: int
    until: int | None = None
    """It counts before this instant; None: until it is lifted."""


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """An override with all that is on record: who, for which lead, and how it ended."""

    override: Override
    tenant: TenantId
    region: Region
    lead_id: LeadId
    """The lead it is with now."""
    origin: LeadId
    """The lead it was set for, before any merge."""
    by: str
    reason: str = ""
    """In the person's words; empty once the lead was erased."""
    decision_id: DecisionId | None = None
    """The lead's newest decision when it was set: what the person saw."""
    end: OverrideEnd | None = None
    ended_at: int | None = None
    ended_by: str = ""
    stood: str | None = None
    """If it ended in a merge: the override that stood."""

    def holds(self, at: int) -> bool:
        """Whether it counts at the Instant `at`."""
        over = [end for end in (self.ended_at, self.override.until) if end is not None]
        return self.override.at <= at and all(at < end for end in over)


def fixed(overrides: Iterable[Override], kind: OverrideKind) -> Override | None:
    """The one of this kind."""
    return next((one for one in overrides if one.kind is kind), None)


def ends_next(overrides: Iterable[Override]) -> int | None:
    """The first Instant at which one of them ends by itself."""
    return min((one.until for one in overrides if one.until is not None), default=None)


def set_to(score: Score, override: Override) -> Score:
    """`score` with the points that a person has fixed, and a row of the ledger that says so.

    It rests on that person's word, so it is neither a cold start nor in doubt. A known outcome (0 or 100) stands:
    the score is given back as it is.
    >>> told = Score(43, 50, 20, (Part("prior", 43_000_000),), "points", "rules", "1")
    >>> [part.micro for part in set_to(told, Override("ov_1", OverrideKind.POINTS, "80", 0)).ledger]
    [43000000, 37000000]
    """
    if not 0 < score.points < 100:
        return score
    points = int(override.value)
    row = Part(ROW, (points - score.points) * MICRO_POINT, words=f"A person set the points to {points}")
    return replace(score, points=points, ledger=(*score.ledger, row), cold_start=False, confidence=1000)


def checked(kind: OverrideKind, value: str) -> str:
    """`value` as it is kept. Raises: BadInput for points that are no whole number 1..99, or a blank or long name."""
    if kind is OverrideKind.OWNER:
        return _named(value, "owner")
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 100):
        raise BadInput(
            "points", f"{value[:20]!r} is no whole number from 1 to 99", "0 and 100 are for outcomes"
        )
    return str(int(value))


def checked_by(name: str) -> str:
    """Who says so. Raises: BadInput if it is blank or long."""
    return _named(name, "by")


def checked_reason(text: str) -> str:
    """Why. Raises: BadInput if it is blank or longer than `LONGEST_REASON`."""
    if not text.strip():
        raise BadInput("reason", "is missing", "say why", code="missing")
    if len(text) > LONGEST_REASON:
        raise BadInput(
            "reason", f"longer than {LONGEST_REASON} characters", "say it shorter", code="too_long"
        )
    return text.strip()


def checked_until(until: int | None, now: int) -> int | None:
    """When it ends. Raises: BadInput if that is not after `now`."""
    if until is not None and until <= now:
        raise BadInput("until", "has passed already", "give a later day, or none", code="past")
    return until


def _named(name: str, field: str) -> str:
    said = " ".join(name.split())
    if not said:
        raise BadInput(field, "nobody is named", "say who", code="missing")
    if len(said) > LONGEST_NAME:
        raise BadInput(field, f"longer than {LONGEST_NAME} characters", "give a name", code="too_long")
    return said
