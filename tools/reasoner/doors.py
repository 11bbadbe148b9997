"""What commands ask of the local reader: read one text, give what training needs, keep what it made."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from domain.errors import ConfigError
from domain.instants import moment
from domain.intent import Slot
from domain.intent_model import IntentModel
from domain.mood import Mood
from tools.clock import SystemClock
from tools.embed.here import embedder_here
from tools.reasoner.artefact import save_intent_model
from tools.reasoner.facts import FactReader, fact_reader
from tools.reasoner.lexicon import Lexicon, load_lexicon
from tools.reasoner.listener import LocalListener, local_listener
from tools.reasoner.local import LocalReasoner, local_reasoner
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.tones import FILE
from tools.reasoner.words import meant_words

Numbers = tuple[Any, Any, list[list[str]]]
"""Vectors [n, width] and numbers of phrases [n, cues] as float arrays, and the tokens of each text."""


class Texts:
    """The reader with the tables in `folder`."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read yet."""
        self._folder = folder
        self._facts: FactReader | None = None

    def reader(self) -> LocalReasoner:
        """The reader as runs use it. Raises: ConfigError."""
        return local_reasoner(self._folder)

    def listener(self) -> LocalListener:
        """What hears whole talks. Raises: ConfigError."""
        return local_listener(self._folder)

    def facts(self, text: str, at: datetime | None = None) -> tuple[tuple[Slot, ...], Mood]:
        """Facts and mood of one text written at `at`, or now. Raises: ConfigError."""
        if self._facts is None:
            self._facts = fact_reader(self._folder, self._lexicon().negation, embedder_here())
        found = asyncio.run(self._facts.hear(text, "text", at or moment(SystemClock().now())))
        return found.slots, found.mood

    def numbers(self, texts: Sequence[str]) -> tuple[Numbers, str, str]:
        """The numbers of `texts`, the embedder's name and the lexicon's version: by the code that reads them later.

        Raises: ConfigError if the embedder's weights are not installed.
        """
        import numpy as np

        embedder = embedder_here()
        if embedder.stand_in:
            raise ConfigError("the weights of the embedder are not installed; run: make setup")
        lexicon = self._lexicon()
        reader = LocalReasoner(lexicon, None)
        found = [reader.phrases(text) for text in texts]
        vectors = np.array(asyncio.run(embedder.embed([meant_words(text) for text in texts])))
        cues = np.array([phrases.numbers() for phrases in found])
        return (vectors, cues, [phrases.tokens for phrases in found]), embedder.name, lexicon.version

    def save(self, model: IntentModel) -> Path:
        """Write the classifier into the folder; its file."""
        return self._kept(model, "intents.json")

    def save_moods(self, model: IntentModel) -> Path:
        """Write the heads for mood and objections into the folder; their file."""
        return self._kept(model, FILE)

    def _kept(self, model: IntentModel, name: str) -> Path:
        file = self._folder / name
        save_intent_model(model, file)
        return file

    def _lexicon(self) -> Lexicon:
        return load_lexicon(self._folder / "lexicon.toml", load_taxonomy(self._folder / "taxonomy.toml"))
