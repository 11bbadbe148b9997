"""The score: an exact ledger of integer micro-points that sums to the number shown."""

from dataclasses import dataclass
from typing import Final, Literal

MICRO_POINT: Final = 1_000_000
"""One point in micro-points."""


@dataclass(frozen=True, slots=True)
class Part:
    """One row of the ledger. `micro` may be negative; `signals` are refs, newest first, at most `MAX_REFS`.

    `micro` are millionths of a point; `log_odds` millionths of a unit of log-odds, where the scorer is a model.
    """

    name: str
    """Such as ``engagement.pricing``, ``fit.seniority``, ``prior``, ``bound``, ``rounding``."""
    micro: int
    feature: str | None = None
    signals: tuple[str, ...] = ()
    signal_count: int = 0
    words: str = ""
    """The reason as a person reads it; templates filled with numbers and codes only."""
    log_odds: int = 0


MAX_REFS: Final = 8


@dataclass(frozen=True, slots=True)
class Score:
    """`points` 1..99 (0 and 100 only for a known outcome); `fit` and `engagement` 0..100, shown apart.

    Invariant: ``sum(part.micro for part in ledger) == points * MICRO_POINT``; the same for `log_odds`.
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
    log_odds: int | None = None
    """Calibrated micro log-odds of a model; None for rules, and where the outcome is known."""
    interval: tuple[int, int] | None = None
    """95 % interval of the probability, per mille: of the rate among past leads with about the same score."""
    similar: tuple[int, int] | None = None
    """Those past leads: how many, and how many of them were won."""
    remarks: tuple[str, ...] = ()
    """What a reader must know beside the number; sentences of codes and numbers only."""

    def __post_init__(self) -> None:
        """Refuse a ledger that does not add up."""
        total = sum(part.micro for part in self.ledger)
        if total != self.points * MICRO_POINT:
            raise ValueError(f"the ledger sums to {total} micro-points, the score says {self.points}")
        if self.log_odds is not None:
            odds = sum(part.log_odds for part in self.ledger)
            if odds != self.log_odds:
                raise ValueError(f"the ledger sums to {odds} micro log-odds, the score says {self.log_odds}")
