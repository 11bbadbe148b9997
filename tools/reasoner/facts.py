"""Reading one text for facts of a sale and its mood: a pure function of the text and of when it was written."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.intent import Slot
from domain.mood import Mood
from tools.reasoner.moods import OBJECTION, MoodBook, load_moods, mood_of
from tools.reasoner.passage import passage_of
from tools.reasoner.phrases import Negation
from tools.reasoner.slot_words import SlotWords, load_slot_words
from tools.reasoner.slots import Fact, kept, read_slots


@dataclass(frozen=True, slots=True)
class Facts:
    """What one text says. `slots` by name and place."""

    slots: tuple[Slot, ...]
    mood: Mood
    angry: bool
    """True if it is too angry to be pitched, whoever's words make it so."""


class FactReader:
    """Reads facts by words, and denials by `negation`."""

    def __init__(self, words: SlotWords, moods: MoodBook, negation: Negation) -> None:
        """Take the words."""
        self._words, self._moods, self._negation = words, moods, negation
        self.version = f"{words.version}-{moods.version}"

    def read(self, text: str, ref: str, at: datetime) -> Facts:
        """The facts in `text`, the signal or message `ref`, written at `at`, of which the day in UTC counts.

        Offsets are those of `text` as given.
        """
        passage, day = passage_of(text), at.astimezone(UTC).date()
        facts, times = read_slots(passage, self._words, self._negation, day)
        said = self._moods.said(passage, self._negation)
        objections = (Fact(*one.means, one.start, one.end) for one in said if one.means[0] == OBJECTION)
        slots = tuple(
            Slot(fact.name, fact.value, ref, passage.starts[fact.start], passage.ends[fact.end - 1])
            for fact in kept((*facts, *objections))
        )
        return Facts(slots, mood_of(passage, said, times, day), self._moods.angry(passage.whole))


def fact_reader(folder: Path, negation: Negation) -> FactReader:
    """The reader with the tables in `folder`. Raises: ConfigError."""
    words = load_slot_words(folder / "slots.toml", folder / "products.toml")
    return FactReader(words, load_moods(folder / "moods.toml"), negation)
