"""Reading one text for facts of a sale and its mood: a pure function of the text and of when it was written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from domain.intent import Slot
from domain.mood import Mood
from domain.ports.embedder import Embedder
from domain.tones import Tone
from tools.reasoner.moods import OBJECTION, MoodBook, Said, load_moods, mood_of
from tools.reasoner.passage import Passage, passage_of
from tools.reasoner.phrases import Negation
from tools.reasoner.slot_words import SlotWords, load_slot_words
from tools.reasoner.slots import Fact, kept, read_slots
from tools.reasoner.tones import FILE, ToneReader, angry_of, load_tones

_STATED: Final = {"price": "budget", "authority": "authority"}
"""An objection that a head reads in a sentence in which phrases read this fact is that fact: "our budget is 9k"."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one text says. `slots` by name and place."""

    slots: tuple[Slot, ...]
    mood: Mood
    angry: bool
    """True if it is too angry to be pitched, whoever's words make it so."""


class FactReader:
    """Reads facts by words, denials by `negation`, mood and objections by `tones` too where they are given."""

    def __init__(
        self, words: SlotWords, moods: MoodBook, negation: Negation, tones: ToneReader | None = None
    ) -> None:
        """Take the words."""
        self._words, self._moods, self._negation, self._tones = words, moods, negation, tones
        self.version = "-".join(one.version for one in (words, moods, tones) if one is not None)

    async def hear(self, text: str, ref: str, at: datetime) -> Facts:
        """`read` with what the heads say, where there are any. Raises: Permanent if the weights are not the pinned."""
        return self.read(text, ref, at, None if self._tones is None else await self._tones.hear(text))

    def read(self, text: str, ref: str, at: datetime, tone: Tone | None = None) -> Facts:
        """The facts in `text`, the signal or message `ref`, written at `at`, of which the day in UTC counts.

        Offsets are those of `text` as given. Without `tone` phrases alone tell mood and objections.
        """
        passage, day = passage_of(text), at.astimezone(UTC).date()
        facts, times = read_slots(passage, self._words, self._negation, day)
        said = self._moods.said(passage, self._negation)
        slots = tuple(
            Slot(fact.name, fact.value, ref, passage.starts[fact.start], passage.ends[fact.end - 1])
            for fact in kept((*facts, *self._objections(passage, said, tone, facts)))
        )
        angry = self._moods.angry(passage.whole) or (tone is not None and angry_of(tone))
        return Facts(slots, mood_of(passage, said.meant, times, day, tone), angry)

    def _objections(
        self, passage: Passage, said: Said, tone: Tone | None, facts: Sequence[Fact]
    ) -> Iterator[Fact]:
        spoken = [Fact(*one.means, one.start, one.end) for one in said.meant if one.means[0] == OBJECTION]
        yield from spoken
        if tone is None or self._tones is None:
            return
        told = {one.value for one in spoken} | {
            one.means[1] for one in said.denied if one.means[0] == OBJECTION
        }
        for spot in self._tones.objections(passage, tone, told):
            inside = [one for one in (*facts, *spoken) if spot.start <= one.start < spot.end]
            if not any(one.name in (OBJECTION, _STATED.get(spot.code)) for one in inside):
                yield Fact(OBJECTION, *spot)


def fact_reader(folder: Path, negation: Negation, embedder: Embedder | None = None) -> FactReader:
    """The reader with the tables in `folder`, and with its heads if `embedder` is more than a stand-in.

    Raises: ConfigError.
    """
    words = load_slot_words(folder / "slots.toml", folder / "products.toml")
    tones = None if embedder is None or embedder.stand_in else load_tones(folder / FILE, embedder)
    return FactReader(words, load_moods(folder / "moods.toml"), negation, tones)
