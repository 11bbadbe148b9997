"""What policy decides, from which facts, and by which rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain.action import ActionSpec
from domain.approval import Terms

Fact = int | str | bool | None
Facts = Mapping[str, Fact]
"""Flat input of the decision tables: codes and integers only, never free text."""


def listed(value: Fact) -> tuple[str, ...]:
    """The codes in an output that holds several, in order.

    >>> listed("leave, notify")
    ('leave', 'notify')
    """
    return tuple(value.split(", ")) if isinstance(value, str) and value else ()


class VerdictKind(StrEnum):
    """The route out of policy review."""

    ACT = "act"
    ASK = "ask"
    """A person must approve the actions."""
    HOLD = "hold"
    """Not now: again at `hold_until`."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class FiredRow:
    """A row of a decision table that matched: table, row id, its sentence for people, and its outputs."""

    table: str
    rule: str
    why: str
    outputs: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class Rep:
    """A salesperson's capacity as seen at the claim: `load` of `capacity` open handoffs today."""

    rep_id: str
    team: str
    regions: tuple[str, ...]
    segments: tuple[str, ...]
    capacity: int
    load: int
    last_assigned: int
    """Instant of the last assignment: round robin takes the one longest without."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be done. `rules` in the order in which the tables were asked; `due_at` wakes the lead (Instant)."""

    kind: VerdictKind
    actions: tuple[ActionSpec, ...]
    rules: tuple[FiredRow, ...]
    owner: str | None
    due_at: int | None
    due_reason: str | None
    next_step: str
    """One sentence for a salesperson, from the row's template."""
    policy: str
    """Content hash of the policy version."""
    terms: Terms = field(default_factory=Terms)
    """If a person is asked: how many people, and for how long."""
