"""How a text sounds, by trained heads over its vector and its words: names of the heads, and what they say together.

A head may take another for granted: anger was learnt among texts that are negative, the kind of an objection among
texts that object. Its probability is then multiplied by that of what it takes for granted.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.intent_model import IntentModel, weighed

NEGATIVE: Final = "negative"
POSITIVE: Final = "positive"
OBJECTS: Final = "objects"
"""Something is held against buying, whatever it is."""
ANGRY: Final = "angry"
OBJECTIONS: Final = (
    "price", "timing", "authority", "competitor", "trust", "integration", "contract", "missing", "effort",
)  # fmt: skip
GIVEN: Final[Mapping[str, str]] = {ANGRY: NEGATIVE, **dict.fromkeys(OBJECTIONS, OBJECTS)}
"""What a head takes for granted."""
HEADS: Final = (NEGATIVE, POSITIVE, OBJECTS, *GIVEN)

Tone = Mapping[str, int]
"""Per mille of each of `HEADS`, 0..1000."""


def tone_of(model: IntentModel, vector: Sequence[float], tokens: Sequence[str]) -> Tone:
    """What `model` says of a text with the unit `vector` and these `tokens`."""
    alone = model.per_mille(vector, (), tokens)
    return {head: alone[head] * alone.get(GIVEN.get(head, ""), 1_000) // 1_000 for head in HEADS}


def speaks_for(model: IntentModel, head: str, tokens: Sequence[str]) -> float:
    """How much these words alone speak for `head` and for what it takes for granted, in log-odds."""
    places = [place for place, name in enumerate(model.heads) if name in (head, GIVEN.get(head))]
    return sum(
        weight * model.terms[term][place]
        for term, weight in weighed(tokens, model.rarity).items()
        for place in places
    )
