"""What scoring hands on: the score, the band with its memory, and when the lead cools down by itself."""

from dataclasses import dataclass

from domain.decision import Timer
from domain.lead import BandState
from domain.score import Score


@dataclass(frozen=True, slots=True)
class Assessment:
    """The answer to "how likely is a sale, and why?"."""

    score: Score
    band: BandState
    next_due: Timer | None = None
    """When the answer changes without a new signal; None if it does not within half a year."""
    words: tuple[str, ...] = ()
    """Sentences of the rationale; codes and numbers only."""
