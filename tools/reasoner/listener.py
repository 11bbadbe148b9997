"""Hearing a whole talk on this machine: interest, slots, a request for a person, anger."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from domain.handoff import Heard, Message
from domain.intent import SEVERAL, Intent, Slot
from domain.intent_model import SALE
from domain.intents import CUSTOMER
from domain.mood import lasting
from tools.embed.here import embedder_here
from tools.reasoner import conversation
from tools.reasoner.conversation import Turn, read_conversation
from tools.reasoner.facts import FactReader, Facts, fact_reader
from tools.reasoner.local import CLEAR, LocalReasoner, local_reasoner

ANGRY_FOR: Final = 3
"""Customer turns for which anger lasts."""
MOST_TURNS: Final = 40
"""Customer turns that are read for slots, the newest."""

Said = list[tuple[int, Message]]


class LocalListener:
    """A `Listener` that is a pure function of the talk."""

    def __init__(self, reasoner: LocalReasoner, reader: FactReader) -> None:
        """Hear with `reasoner`, and facts with `reader`."""
        self._reasoner, self._reader = reasoner, reader

    async def hear(self, messages: Sequence[Message]) -> Heard:
        """See `Listener`. Raises: Permanent if the weights are not those that were pinned."""
        turns = [Turn(message.role, message.text) for message in messages]
        interest = await read_conversation(turns, self._reasoner)
        said = [place for place in enumerate(messages) if place[1].role == CUSTOMER][-MOST_TURNS:]
        facts = await self._facts(said)
        return Heard(
            probability=interest.probability,
            interested=interest.handoff,
            turn=interest.turn,
            likely={name: level for name, level in interest.likely.items() if name != SALE},
            slots=_newest(facts.values()),
            asks_for_person=self._asks(said, _answered(messages), interest.likely),
            angry=max((index for index, _ in said[-ANGRY_FOR:] if facts[index].angry), default=None),
            reasoner=interest.reasoner,
            mood=lasting(one.mood for one in facts.values()),
        )

    async def _facts(self, said: Said) -> dict[int, Facts]:
        """What each turn says, by its place; only the turns that intents are read from are heard by trained heads."""
        early, late = said[: -conversation.MOST_TURNS], said[-conversation.MOST_TURNS :]
        found = {at: self._reader.read(message.text, message.id, message.at) for at, message in early}
        for at, message in late:
            found[at] = await self._reader.hear(message.text, message.id, message.at)
        return found

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


def local_listener(folder: Path) -> LocalListener:
    """The listener with the tables in `folder`. Raises: ConfigError."""
    embedder = embedder_here()
    reasoner = local_reasoner(folder, embedder)
    return LocalListener(reasoner, fact_reader(folder, reasoner.negation, embedder))


def _newest(said: Iterable[Facts]) -> tuple[Slot, ...]:
    """The newest value of each slot, of `SEVERAL` the newest of each value, by name."""
    newest: dict[tuple[str, str], Slot] = {}
    for slot in (slot for one in said for slot in one.slots):
        newest[slot.name, slot.value if slot.name in SEVERAL else ""] = slot
    return tuple(newest[key] for key in sorted(newest))


def _answered(messages: Sequence[Message]) -> int:
    """Index of the last message of a person of the desk; -1 if there is none."""
    return max((index for index, message in enumerate(messages) if message.role == "agent"), default=-1)
