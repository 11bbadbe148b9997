"""How likely a conversation is to be a buying interest, after its last customer turn.

A turn is read alone and together with the customer's turn before it, as "yes, do that" says nothing alone; the
stronger counts. Later turns outweigh earlier ones, but an interest once shown fades, it does not vanish: support
talk after it may be about anything. A plain denial ends what came before. Agents and bots are never read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.intent import BUYING
from domain.intent_model import SALE
from domain.intents import CUSTOMER
from tools.reasoner.local import LocalReasoner

FADES: Final = 850
"""Per mille of an interest that is left after each further customer turn."""
MOST_TURNS: Final = 12
"""Customer turns that are read, the newest."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message. `role` is customer, agent or bot."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Interest:
    """`probability` in per mille that the customer wants to buy; `likely` of each intent, in the last turn."""

    probability: int
    handoff: bool
    """True from the reader's threshold."""
    turn: int | None
    """Index of the turn that speaks for it most; None if nothing does."""
    likely: dict[str, int]
    reasoner: str


async def read_conversation(turns: Sequence[Turn], reasoner: LocalReasoner) -> Interest:
    """The interest after `turns`, oldest first. Raises: Permanent (see `LocalReasoner.read`)."""
    said = [(index, turn.text) for index, turn in enumerate(turns) if turn.role == CUSTOMER][-MOST_TURNS:]
    best, where, likely = 0, None, dict[str, int]()
    for place, (index, text) in enumerate(said):
        if place and _denies(text, reasoner):
            best, where = 0, None
        best = best * FADES // 1_000
        likely = await reasoner.likely(text)
        sale = likely[SALE]
        if place:
            joined = await reasoner.likely(f"{said[place - 1][1]}\n{text}")
            sale = max(sale, joined[SALE] * FADES // 1_000)
        if sale > best:
            best, where = sale, index
    return Interest(best, best >= reasoner.threshold, where, likely, reasoner.name)


def _denies(text: str, reasoner: LocalReasoner) -> bool:
    """True if `text` denies a buying intent and states none."""
    found = reasoner.phrases(text)
    return any(cue.intent in BUYING for cue in found.denied) and not any(
        cue.intent in BUYING for cue in found.said
    )
