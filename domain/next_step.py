"""What a salesperson is to do next: a row's template, filled with numbers and codes in words."""

from collections.abc import Mapping
from typing import Final

from domain.intent import Intent
from domain.score import Score

PLACEHOLDERS: Final = frozenset(
    {
        "intent",
        "reason",
        "points",
        "band",
        "segment",
        "owner",
        "queue",
        "team",
        "region",
        "programme",
        "amount",
    }
)
"""What a template may name. Never a name, an address or anything the lead wrote."""

INTENT_WORDS: Final[Mapping[Intent, str]] = {
    Intent.PURCHASE: "buying",
    Intent.PRICING: "pricing",
    Intent.DEMO: "a demo",
    Intent.EXPANSION: "more seats or products",
    Intent.RENEWAL: "their renewal",
    Intent.PROCUREMENT: "procurement and terms",
    Intent.TECHNICAL: "a technical question",
    Intent.COMPARISON: "how we compare with others",
    Intent.SUPPORT: "a support question",
    Intent.BILLING: "a billing question",
    Intent.CHURN: "leaving",
    Intent.NOT_A_BUYER: "something other than buying",
    Intent.PERSON: "talking to a person",
    Intent.OTHER: "what they need",
    Intent.UNSURE: "what they need",
}
NO_REASON: Final = "no single reason stands out"


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with its placeholders replaced.

    Raises: KeyError for a placeholder without a value (the tables were checked at load).
    >>> fill("Call about {intent}", {"intent": "pricing"})
    'Call about pricing'
    """
    return template.format_map(values)


def main_reason(score: Score) -> str:
    """Words of the largest positive part of the ledger that speaks of this lead, without the closing full stop."""
    best, words = 0, NO_REASON
    for part in score.ledger:
        if part.micro > best and part.words and part.feature:
            best, words = part.micro, part.words
    return words.rstrip(".")
