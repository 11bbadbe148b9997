"""The score: an exact ledger of integer micro-points that sums to the number shown."""

from dataclasses import dataclass
from typing import Final, Literal

MICRO_POINT: Final = 1_000_000
"""One point in micro-points."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the ledger. `micro` may be negative; `signals` are refs, newest first, at most `MAX_REFS`."""

    name: str
    """Such as ``engagement.pricing``, ``fit.seniority``, ``prior``, ``bound``, ``rounding``."""
    micro: int
    feature: str | None = None
    signals: tuple[str, ...] = ()
    signal_count: int = 0
    words: str = ""
    """The reason as a person reads it; templates filled with numbers and codes only."""


MAX_REFS: Final = 8


@dataclass(frozen=True, slots=True)
class Score:
    """`points` 1..99 (0 and 100 only for a known outcome); `fit` and `engagement` 0..100, shown apart.

    Invariant: ``sum(part.micro for part in ledger) == points * MICRO_POINT``.
    """

    points: int
    fit: int
    engagement: int
    ledger: tuple[Part, ...]
    unit: Literal["points", "probability"]
    """``points`` for the static baseline; ``probability`` in per cent only from a trained, calibrated model."""
    scorer: str
    version: str
    cold_start: bool = False
    confidence: int = 1000
    """Per mille: how much the score rests on; low with few signals."""

    def __post_init__(self) -> None:
        """Refuse a ledger that does not add up."""
        total = sum(part.micro for part in self.ledger)
        if total != self.points * MICRO_POINT:
            raise ValueError(f"the ledger sums to {total} micro-points, the score says {self.points}")
