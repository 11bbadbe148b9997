"""The wish that a question does not hide: to buy, or to talk to a person.

A reading names one intent, the surest. Somebody who asks for a quote and then how to reset a password is read as
a support question if that is surer, and would be lost. So the wishes of a run's own new words are told apart; a
page looked at is no word.
"""

from collections.abc import Container
from typing import Final

from domain.intent import BUYING, Intent, IntentReading
from domain.intents import FLOOR
from domain.mood import Sentiment

CLEAR: Final = 500
"""Per mille from which a wish for a person counts beside something surer."""
_QUESTIONS: Final = frozenset({Intent.SUPPORT, Intent.BILLING, Intent.OTHER, Intent.UNSURE})
"""What hides no wish to buy. Leaving does, and a wish for a person, which comes first."""


def wish_to_buy(reading: IntentReading, written: Container[str]) -> tuple[Intent, int]:
    """The surest buying intent and its confidence, per mille; (`Intent.UNSURE`, 0) if there is none.

    One that is not the top intent counts if it was said in one of the new signals that the lead wrote (`written`, their
    ids), the top is but a question and the mood is not bad: who is angry about a bill is not to be sold anything.
    """
    if reading.top in BUYING:
        return reading.top, reading.confidence
    if reading.top in _QUESTIONS and reading.mood.sentiment is not Sentiment.NEGATIVE:
        said = {claim.intent for claim in reading.claims if claim.ref in written}
        for intent, confidence in reading.confidences:  # strongest first
            if intent in BUYING and intent in said and confidence >= FLOOR:
                return intent, confidence
    return Intent.UNSURE, 0


def wants_person(reading: IntentReading, written: Container[str]) -> bool:
    """Whether a person is asked for: as the top intent, or clearly in what is new and `written`."""
    if reading.top is Intent.PERSON:
        return True
    said = any(claim.intent is Intent.PERSON and claim.ref in written for claim in reading.claims)
    return said and dict(reading.confidences).get(Intent.PERSON, 0) >= CLEAR
