"""The classifier of texts as a value: its numbers, how it is read from JSON, and what it says of a text.

Each head (an intent, or `SALE`) is a logistic regression over three blocks of numbers: the text's vector, the
exact phrases found in it, and its words and pairs of words. Calibration is part of the weights. Everything is
added up here in one order, so that one text gives one answer on a machine, whatever it is read together with.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from domain.errors import ConfigError

FORMAT: Final = 1
SALE: Final = "sale"
"""The head that says whether a text speaks for a sale at all."""
CUE_SCALE: Final = 0.7
TERM_SCALE: Final = 0.7
"""How much phrases and words weigh against the vector before training; a choice (docs/text.md says on what)."""

Floats = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class IntentModel:
    """Weights, one a head; `rarity` and `terms` have the same words and pairs of words."""

    embedder: str
    """Name of the embedder it was trained on; another one's vectors must not be given to it."""
    lexicon: str
    """Version of the phrases it was trained with."""
    threshold: int
    """Per mille of `SALE` from which a text counts as a buying interest."""
    heads: tuple[str, ...]
    bias: Floats
    vector: tuple[Floats, ...]
    cues: tuple[Floats, ...]
    rarity: Mapping[str, float]
    terms: Mapping[str, Floats]

    def per_mille(
        self, vector: Sequence[float], cues: Sequence[float], tokens: Sequence[str]
    ) -> dict[str, int]:
        """Calibrated probability of each head, per mille in steps of ten, 0..1000.

        Steps, as processors differ in the last digits of a vector. `cues`: see `tools.reasoner.local`.
        """
        logits = [
            bias + _dot(vector, of_vector) + CUE_SCALE * _dot(cues, of_cues)
            for bias, of_vector, of_cues in zip(self.bias, self.vector, self.cues, strict=True)
        ]
        for term, weight in weighed(tokens, self.rarity).items():
            for head, of_term in enumerate(self.terms[term]):
                logits[head] += TERM_SCALE * weight * of_term
        return {name: _stepped(logit) for name, logit in zip(self.heads, logits, strict=True)}


def terms_of(tokens: Sequence[str]) -> Counter[str]:
    """Words and pairs of neighbours, counted.

    >>> sorted(terms_of(["a", "quote"]))
    ['a', 'a quote', 'quote']
    """
    pairs = (f"{first} {second}" for first, second in pairwise(tokens))
    return Counter([*tokens, *pairs])


def weighed(tokens: Sequence[str], rarity: Mapping[str, float]) -> dict[str, float]:
    """The known terms of a text with their weights, of unit length together (tf-idf, logarithmic counts)."""
    found = {
        term: (1 + math.log(count)) * rarity[term]
        for term, count in sorted(terms_of(tokens).items())
        if term in rarity
    }
    length = math.sqrt(math.fsum(weight * weight for weight in found.values()))
    return {term: weight / length for term, weight in found.items()}


def model_from(
    document: Mapping[str, Any], *, place: str, needs: frozenset[str] = frozenset({SALE})
) -> IntentModel:
    """A model as `document_of` wrote it, that has the heads `needs`.

    Raises: ConfigError naming `place` and what is wrong.
    """
    try:
        heads = tuple(document["heads"])
        model = IntentModel(
            embedder=document["embedder"],
            lexicon=document["lexicon"],
            threshold=document["threshold"],
            heads=heads,
            bias=tuple(document["bias"]),
            vector=tuple(map(tuple, document["vector"])),
            cues=tuple(map(tuple, document["cues"])),
            rarity={term: entry[0] for term, entry in document["terms"].items()},
            terms={term: tuple(entry[1:]) for term, entry in document["terms"].items()},
        )
        _check(document, model, needs)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        raise ConfigError(f"{place}: is no intent model ({error}); train it anew") from None
    return model


def document_of(model: IntentModel) -> dict[str, Any]:
    """For JSON."""
    return {
        "format": FORMAT,
        "embedder": model.embedder,
        "lexicon": model.lexicon,
        "threshold": model.threshold,
        "heads": list(model.heads),
        "bias": list(model.bias),
        "vector": [list(row) for row in model.vector],
        "cues": [list(row) for row in model.cues],
        "terms": {term: [model.rarity[term], *model.terms[term]] for term in sorted(model.terms)},
    }


def _check(document: Mapping[str, Any], model: IntentModel, needs: frozenset[str]) -> None:
    """Raises: ValueError."""
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']}, this code reads {FORMAT}")
    count = len(model.heads)
    rows = [*model.vector, *model.cues, model.bias, *model.terms.values()]
    sizes = {len(part) for part in (model.bias, model.vector, model.cues, *model.terms.values())}
    if not needs.issubset(model.heads) or sizes != {count}:
        raise ValueError("weights and heads do not fit each other")
    if not all(math.isfinite(number) for row in rows for number in row):
        raise ValueError("a weight is no number")


def _dot(first: Sequence[float], second: Sequence[float]) -> float:
    return math.fsum(a * b for a, b in zip(first, second, strict=True))


def _stepped(logit: float) -> int:
    return 10 * round(100 / (1 + math.exp(-max(-60.0, min(60.0, logit)))))
