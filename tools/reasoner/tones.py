"""Mood and objections in words that no phrase knows: trained heads on the vector that the intents are read from.

How heads and phrases are joined: each phrase of a mood adds `STEP` to the head's log-odds or takes it off; the
sentiment is what is then more likely than not. A text is angry if a phrase or the head says so. An objection is
named if a phrase or the head says so, by the head not where a phrase of its kind is denied; its place is the phrase,
or the sentence that speaks for it most. A sentence that is not wholly the customer's own word gives none.
"""

import math
from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

from domain.errors import ConfigError
from domain.intent_model import IntentModel
from domain.mood import Sentiment
from domain.ports.embedder import Embedder, Vector
from domain.tones import ANGRY, HEADS, NEGATIVE, OBJECTIONS, POSITIVE, Tone, speaks_for, tone_of
from tools.reasoner.artefact import load_intent_model
from tools.reasoner.passage import Passage
from tools.reasoner.words import STOPS, meant_words, tokens_of

FILE: Final = "moods.json"
STEP: Final = 2.0
"""Log-odds of a phrase."""
RARER: Final = 0.8
"""Log-odds by which a mood is rarer among texts than among the utterances the heads were trained on."""
ANGRY_FROM: Final = 400
"""Per mille."""
KEPT: Final = 512
"""Tones remembered by the hash of their text, as a talk is read again after each turn."""
_EVEN, _LEAST, _MOST = 0.5, 500, 950
_WORDS, _SENTENCES = 4, 8


class Spot(NamedTuple):
    """An objection of kind `code` read in ``tokens[start:end]`` of a passage."""

    code: str
    start: int
    end: int


class ToneReader:
    """Heads with the embedder that they were trained on."""

    def __init__(self, model: IntentModel, embedder: Embedder, version: str) -> None:
        """`version` is that of the file."""
        self._model, self._embedder, self.version = model, embedder, version
        self._kept: OrderedDict[bytes, Tone] = OrderedDict()

    async def hear(self, text: str) -> Tone | None:
        """What the heads say; None of a text without words. It costs no embedding where the intents have been read.

        Raises: Permanent if the weights are not those that were pinned.
        """
        meant = meant_words(text)
        tokens = tokens_of(meant)
        if not any(token.isalpha() for token in tokens):
            return None
        digest = blake2b(meant.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        tone = self._kept.get(digest)
        if tone is None:
            tone = self._kept[digest] = self._loudest((await self._embedder.embed([meant]))[0], tokens)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return tone

    def _loudest(self, vector: Vector, tokens: Sequence[str]) -> Tone:
        """Of the whole and of each sentence's words, beside the vector of the whole, the most that a head says."""
        tones = [tone_of(self._model, vector, part) for part in (tokens, *_sentences(tokens))]
        return {head: max(tone[head] for tone in tones) for head in HEADS}

    def objections(self, passage: Passage, tone: Tone, but: Collection[str]) -> Iterator[Spot]:
        """Those that `tone` says, each in the sentence that speaks for it most, without the kinds in `but`."""
        own = passage.own_sentences()
        for code in OBJECTIONS if own else ():
            if tone[code] >= self._model.threshold and code not in but:
                best = max(own, key=lambda part: speaks_for(self._model, code, passage.tokens[slice(*part)]))
                yield Spot(code, *best)


def _sentences(tokens: Sequence[str]) -> list[Sequence[str]]:
    """Of several, the first few that are long enough to say something."""
    ends = [at for at, token in enumerate(tokens) if token in STOPS] + [len(tokens)]
    parts = [tokens[first:last] for first, last in zip([0, *(end + 1 for end in ends)], ends, strict=False)]
    told = [part for part in parts if len(part) >= _WORDS]
    return told[:_SENTENCES] if len(told) > 1 else []


def sentiment_of(tone: Tone, weight: int) -> tuple[Sentiment, int]:
    """The sentiment and how sure, per mille; `weight` counts phrases, below 0 negative ones."""
    bad = _sure(tone[NEGATIVE], -weight)
    good = _sure(tone[POSITIVE], weight)
    if max(bad, good) < _EVEN:
        return Sentiment.NEUTRAL, _shown(1 - bad - good)
    return (Sentiment.NEGATIVE, _shown(bad)) if bad >= good else (Sentiment.POSITIVE, _shown(good))


def angry_of(tone: Tone) -> bool:
    """True if the head for anger says so."""
    return tone[ANGRY] >= ANGRY_FROM


def load_tones(file: Path, embedder: Embedder) -> ToneReader:
    """The heads in `file`. Raises: ConfigError, also if they were trained on another embedder."""
    model, version = load_intent_model(file, needs=frozenset(HEADS))
    if model.embedder != embedder.name:
        raise ConfigError(f"{file}: was trained on {model.embedder}, not on {embedder.name}")
    return ToneReader(model, embedder, version)


def _sure(likely: int, steps: int) -> float:
    odds = min(max(likely, 1), 999) / 1_000
    return 1 / (1 + math.exp(-(math.log(odds / (1 - odds)) + STEP * steps - RARER)))


def _shown(sure: float) -> int:
    return min(_MOST, max(_LEAST, 10 * round(100 * sure)))
