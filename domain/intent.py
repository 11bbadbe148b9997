"""What a lead is after: the taxonomy, claims with evidence, slots, and the reading of a lead as a whole."""

from dataclasses import dataclass
from enum import StrEnum


class Intent(StrEnum):
    """Classes of the taxonomy (version 1). `UNSURE` is an answer."""

    PURCHASE = "purchase"
    PRICING = "pricing"
    DEMO = "demo"
    EXPANSION = "expansion"
    RENEWAL = "renewal"
    PROCUREMENT = "procurement"
    TECHNICAL = "technical"
    COMPARISON = "comparison"
    SUPPORT = "support"
    BILLING = "billing"
    CHURN = "churn"
    NOT_A_BUYER = "not_a_buyer"
    PERSON = "person"
    OTHER = "other"
    UNSURE = "unsure"


BUYING = frozenset(
    {
        Intent.PURCHASE,
        Intent.PRICING,
        Intent.DEMO,
        Intent.EXPANSION,
        Intent.RENEWAL,
        Intent.PROCUREMENT,
        Intent.TECHNICAL,
        Intent.COMPARISON,
    }
)
"""Intents that speak for a sale."""


BY_MODEL = "model"
"""Cue of a claim that a language model made."""
MODEL_SIGN = "~"
"""First letter of its tag: such a claim tells what a lead is after, and never counts for the score."""
REASON_SIGN = "^"
"""First letter of the tag of a model's reason (`domain.nudge`)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One intent read from one signal. `confidence` in per mille, 0..1000; `cue` is the code of what matched."""

    intent: Intent
    confidence: int
    ref: str
    cue: str


@dataclass(frozen=True, slots=True)
class Slot:
    """A fact of the sale said in words (need, seats, budget, authority, timeline, vendor) and the signal behind it."""

    name: str
    value: str
    ref: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a `Reasoner` read in new signals, one claim per (signal, intent); no aggregation over history."""

    claims: tuple[Claim, ...]
    slots: tuple[Slot, ...]
    reasoner: str
    """``local`` or the model's name."""
    version: str
    degraded: str | None = None
    """Code of what was missing, if the answer is a fallback."""


@dataclass(frozen=True, slots=True)
class IntentReading:
    """The lead's intents as of a time: new claims and the decayed claims of its history together."""

    confidences: tuple[tuple[Intent, int], ...]
    """(intent, per mille), strongest first, ties by name; empty = nothing was said."""
    top: Intent
    confidence: int
    claims: tuple[Claim, ...]
    slots: tuple[Slot, ...]
    reasoner: str
    version: str
    degraded: str | None = None


def tags_of(claims: tuple[Claim, ...], ref: str) -> tuple[str, ...]:
    """The compact form of one signal's claims, ``pricing:820`` or by a model ``~pricing:820``, sorted."""
    return tuple(
        sorted(
            f"{MODEL_SIGN if c.cue == BY_MODEL else ''}{c.intent.value}:{c.confidence}"
            for c in claims
            if c.ref == ref
        )
    )
