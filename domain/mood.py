"""How a customer writes: the sentiment and the urgency of words, as codes. No score counts them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Sentiment(StrEnum):
    """How the customer feels about us."""

    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Urgency(StrEnum):
    """How soon the customer wants something. `NONE`: said that there is no hurry."""

    NONE = "none"
    NORMAL = "normal"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Mood:
    """What words say beside their matter. `confidence` of the sentiment, per mille."""

    sentiment: Sentiment = Sentiment.NEUTRAL
    confidence: int = 500
    urgency: Urgency = Urgency.NORMAL
    why: str = "unsaid"
    """Code of what makes the urgency: ``unsaid``, ``no_rush``, ``asks``, ``blocked`` or ``deadline``."""

    @property
    def plain(self) -> bool:
        """True if nothing is worth keeping."""
        return self.sentiment is Sentiment.NEUTRAL and self.urgency is Urgency.NORMAL


PLAIN: Final = Mood()
LASTS: Final = 3
"""Texts of the customer for which a mood lasts."""


def mood_code(mood: Mood) -> str:
    """The compact form, such as ``negative-800-high-blocked``."""
    return f"{mood.sentiment.value}-{mood.confidence}-{mood.urgency.value}-{mood.why}"


def mood_from(code: str) -> Mood:
    """Inverse of `mood_code`. Raises: ValueError.

    >>> mood_from("negative-800-high-blocked").urgency.value
    'high'
    """
    sentiment, confidence, urgency, why = code.split("-")
    return Mood(Sentiment(sentiment), int(confidence), Urgency(urgency), why)


def lasting(moods: Iterable[Mood]) -> Mood:
    """Of the moods of a customer's texts, oldest first: the newest of the last few that is worth keeping."""
    last = [*moods][-LASTS:]
    return next((mood for mood in reversed(last) if not mood.plain), last[-1] if last else PLAIN)
