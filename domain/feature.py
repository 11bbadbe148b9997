"""Features as data: a definition says what to compute; two interpreters, online and offline, agree exactly.

Everything is integer arithmetic on the hour grid, so that sums do not depend on order. A window of w hours as
of t covers the hour cells h with ``0 <= hour_of(t) - h < w``, and within them only events with ``at <= t``.
Hours "since" something are hours of the grid: ``hour_of(t) - hour_of(at)``. "Newest" is by (at, ref, subject,
kind).
"""

from decimal import Context, Decimal
from enum import StrEnum
from functools import cache
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Aggregate(StrEnum):
    """How events become a value."""

    COUNT = "count"
    DISTINCT = "distinct"
    """Distinct subjects."""
    SUM = "sum"
    """Sum of amounts, micro-units."""
    RECENCY = "recency"
    """Whole hours since the newest event; None if there is none."""
    AGE = "age"
    """Whole hours since the oldest event that is kept; None if there is none."""
    DECAYED = "decayed"
    """Sum over events of ``decay(age in hours)``, micro-units: 1,000,000 for an event of this hour."""
    VELOCITY = "velocity"
    """Count in the window less the count in the window before it."""
    LAST = "last"
    """Subject of the newest event (for a fact its value); None if there is none."""
    LAST_AMOUNT = "last_amount"
    """Amount of the newest event that has one (other than 0), micro-units; None if there is none."""
    LAST_NUMBER = "last_number"
    """Number of the newest event, micro-units, 0 included; None if there is none."""
    TIME_IN = "time_in"
    """Whole hours since `LAST` took its present subject or value."""
    ACTIVE_DAYS = "active_days"
    """Distinct days (24-hour cells of the grid) with an event in the window."""
    OPEN = "open"
    """Subjects whose newest event of the first kind is later than that of the second; equal times close."""
    MEMBERS = "members"
    """Leads of the account with an event in the window. Account scope only."""
    MEMBERS_LAST = "members_last"
    """Leads of the account whose newest event of the kinds has one of `subjects`. Account scope only."""


_OF_ACCOUNTS: Final = frozenset({Aggregate.MEMBERS, Aggregate.MEMBERS_LAST})


class FeatureDef(BaseModel):
    """One named, versioned function of a lead's events (or of all events of its account)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_.]*$")
    version: int = Field(ge=1)
    scope: Literal["lead", "account"] = "lead"
    aggregate: Aggregate
    kinds: tuple[str, ...] = Field(min_length=1)
    """`Kind` values, or ``fact``."""
    subjects: tuple[str, ...] = ()
    """Only events with one of these subjects; empty = all."""
    window_hours: int | None = Field(default=None, ge=1, le=24 * 400)
    half_life_hours: int | None = Field(default=None, ge=1)
    unit: str = Field(min_length=1)
    description: str = Field(min_length=1)
    deprecated: str | None = None
    """Since when and what to use instead. Still computed until it is removed."""

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.aggregate is Aggregate.DECAYED and self.half_life_hours is None:
            raise ValueError("a decayed feature needs a half-life")
        if self.aggregate is not Aggregate.DECAYED and self.half_life_hours is not None:
            raise ValueError("only a decayed feature has a half-life")
        if self.aggregate is Aggregate.VELOCITY and self.window_hours is None:
            raise ValueError("a velocity compares two windows and needs a window")
        if self.aggregate is Aggregate.OPEN and len(self.kinds) != 2:
            raise ValueError("'open' needs exactly two kinds: the one that opens, then the one that closes")
        if self.aggregate is Aggregate.MEMBERS_LAST and not self.subjects:
            raise ValueError("'members_last' needs the subjects that count")
        if self.aggregate in _OF_ACCOUNTS and self.scope != "account":
            raise ValueError(f"'{self.aggregate.value}' counts leads and needs the scope account")
        if len(set(self.kinds)) != len(self.kinds) or len(set(self.subjects)) != len(self.subjects):
            raise ValueError("a kind or subject is named twice")
        return self


DECAY_LIMIT_HOURS: Final = 24 * 365
"""Age from which a decayed event counts 0."""

_FRACTION_BITS: Final = 256


@cache
def decay_table(half_life_hours: int) -> tuple[int, ...]:
    """What an event of age h hours (h < one year) counts: ``1_000_000 * 0.5 ** (h / half_life)``, rounded.

    Made of integers alone (one root in decimal arithmetic, then fixed point), so it is the same on every
    machine.

    Raises: ValueError if `half_life_hours` < 1.
    >>> table = decay_table(336)
    >>> table[0], table[336], table[672]
    (1000000, 500000, 250000)
    """
    if half_life_hours < 1:
        raise ValueError("a half-life is at least one hour")
    exact = Context(prec=90)
    root = exact.power(Decimal("0.5"), exact.divide(Decimal(1), Decimal(half_life_hours)))
    step = int(exact.multiply(root, Decimal(1 << _FRACTION_BITS)))
    half = 1 << (_FRACTION_BITS - 1)
    table, left = [], 1 << _FRACTION_BITS
    for _ in range(DECAY_LIMIT_HOURS):
        table.append((left * 1_000_000 + half) >> _FRACTION_BITS)
        left = (left * step) >> _FRACTION_BITS
    return tuple(table)
