"""Hearing a whole talk on this machine: interest, slots, a request for a person, anger."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.handoff import Heard, Message
from domain.intent import Intent, Slot
from domain.intent_model import SALE
from domain.intents import CUSTOMER
from tools.reasoner.conversation import Turn, read_conversation
from tools.reasoner.local import CLEAR, LocalReasoner, local_reasoner
from tools.reasoner.moods import ANGRY, load_moods
from tools.reasoner.phrases import PhraseBook
from tools.reasoner.slots import Found

ANGRY_FOR: Final = 3
"""Customer turns for which anger lasts."""
MOST_TURNS: Final = 40
"""Customer turns that are read for slots, the newest."""

Said = list[tuple[int, Message]]


class LocalListener:
    """A `Listener` that is a pure function of the talk."""

    def __init__(self, reasoner: LocalReasoner, moods: PhraseBook[Found]) -> None:
        """Hear with `reasoner` and `moods`."""
        self._reasoner, self._moods = reasoner, moods

    async def hear(self, messages: Sequence[Message]) -> Heard:
        """See `Listener`. Raises: Permanent if the weights are not those that were pinned."""
        turns = [Turn(message.role, message.text) for message in messages]
        interest = await read_conversation(turns, self._reasoner)
        said = [place for place in enumerate(messages) if place[1].role == CUSTOMER][-MOST_TURNS:]
        return Heard(
            probability=interest.probability,
            interested=interest.handoff,
            turn=interest.turn,
            likely={name: level for name, level in interest.likely.items() if name != SALE},
            slots=self._slots(said),
            asks_for_person=self._asks(said, _answered(messages), interest.likely),
            angry=self._angry(said[-ANGRY_FOR:]),
            reasoner=interest.reasoner,
        )

    def _slots(self, said: Said) -> tuple[Slot, ...]:
        newest: dict[str, Slot] = {}
        for _, message in said:
            tokens = self._reasoner.phrases(message.text).tokens
            objections = [match.means for match in self._moods.matches(tokens) if match.means != ANGRY]
            for name, value in (*self._reasoner.slots(tokens), *objections):
                newest[name] = Slot(name, value, message.id)
        return tuple(newest[name] for name in sorted(newest))

    def _asks(self, said: Said, answered: int, likely: dict[str, int]) -> int | None:
        """The newest turn behind `answered` that asks for a person; the classifier is asked of the last one only."""
        waiting = [place for place in said if place[0] > answered]
        if waiting and likely.get(Intent.PERSON.value, 0) >= CLEAR:
            return waiting[-1][0]
        asking = [
            index
            for index, message in waiting
            if any(cue.intent is Intent.PERSON for cue in self._reasoner.phrases(message.text).said)
        ]
        return asking[-1] if asking else None

    def _angry(self, said: Said) -> int | None:
        angry = [
            index
            for index, message in said
            if any(
                match.means == ANGRY
                for match in self._moods.matches(self._reasoner.phrases(message.text).tokens)
            )
        ]
        return angry[-1] if angry else None


def local_listener(folder: Path) -> LocalListener:
    """The listener with the tables in `folder`. Raises: ConfigError."""
    return LocalListener(local_reasoner(folder), load_moods(folder / "moods.toml"))


def _answered(messages: Sequence[Message]) -> int:
    """Index of the last message of a person of the desk; -1 if there is none."""
    return max((index for index, message in enumerate(messages) if message.role == "agent"), default=-1)
