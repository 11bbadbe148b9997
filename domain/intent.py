"""What a lead is after: the taxonomy, claims with evidence, slots, and the reading of a lead as a whole."""

from dataclasses import dataclass
from enum import StrEnum

from domain.mood import PLAIN, Mood


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
BARE_SIGN = '"'
"""First letter of the tag of what a signal says by being there, where words were read in it too (`domain.wordless`)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One intent read from one signal. `confidence` in per mille, 0..1000; `cue` is the code of what matched."""

    intent: Intent
    confidence: int
    ref: str
    cue: str
    bare: int | None = None
    """Of it, what the signal says by being there; None: no words were read in it, or its kind is nothing but words."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A fact of the sale said in words and the signal behind it: authority, budget, need, objection, product, ..."""

    name: str
    value: str
    ref: str
    start: int | None = None
    """Offset in the signal's text of the words that say it; None where a model read it."""
    end: int | None = None


SEVERAL = frozenset({"need", "objection", "product"})
"""Slots that may have several values at once; of all others the newest counts."""


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
    moods: tuple[tuple[str, Mood], ...] = ()
    """(ref, mood) of each signal in which the lead's own words were read."""


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
    mood: Mood = PLAIN
    """Of the lead's newest texts (`domain.mood.lasting`)."""


def tags_of(claims: tuple[Claim, ...], ref: str) -> tuple[str, ...]:
    """The compact form of one signal's claims, ``pricing:820`` or by a model ``~pricing:820``, sorted."""
    own = [claim for claim in claims if claim.ref == ref]
    found = [f"{MODEL_SIGN if c.cue == BY_MODEL else ''}{c.intent.value}:{c.confidence}" for c in own]
    bare = {f"{BARE_SIGN}{c.intent.value}:{c.bare}" for c in own if c.bare is not None}
    return tuple(sorted((*found, *bare)))
