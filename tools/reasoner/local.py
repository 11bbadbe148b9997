"""The local reasoner: intents and slots by rules and a lexicon, on this machine, the same every time.

What it can read: what structured signals say by being there, and plain ways of saying things, mostly in
English with common phrases in German, French and Spanish. What it cannot: irony, hints, spelling far off,
anything that takes knowledge of the world, a denial more than a few words away, other languages. It then says
nothing, and the lead's intent stays `Intent.UNSURE`, rather than guess. Slots of a text that is clearly not
about buying are left alone: "this month" in a complaint is no timeline.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from domain.intent import BUYING, Claim, Intent, Reading, Slot
from domain.kinds import Kind
from domain.signal import Signal
from tools.reasoner.lexicon import Lexicon, load_lexicon
from tools.reasoner.phrases import Cue
from tools.reasoner.slots import read_slots
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.words import own_words, tokens_of

CODE: Final = 1
"""Raised when the code reads the same lexicon differently."""
MOST_CONFIDENT: Final = 950
_ALSO: Final = 40
"""Per mille that each further cue of an intent in one signal adds."""
_DENIABLE: Final = BUYING | {Intent.PERSON}
"""Intents of which "we do not want that" says something; "no problem" is no news about support."""


class LocalReasoner:
    """A `Reasoner` that is a pure function of each signal alone."""

    name = "local"

    def __init__(self, lexicon: Lexicon) -> None:
        """Read with `lexicon`."""
        self._lexicon = lexicon
        self.version = f"{CODE}-{lexicon.version}"

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:  # noqa: ARG002 - no context
        """Claims and slots of each signal in `new`; what agents, bots and sales wrote is not read."""
        claims: list[Claim] = []
        slots: list[Slot] = []
        for signal in new:
            self._read(signal, claims, slots)
        return Reading(tuple(claims), tuple(slots), self.name, self.version)

    def _read(self, signal: Signal, claims: list[Claim], slots: list[Slot]) -> None:
        cues = self._lexicon.rules.cues(signal)
        text = signal.text
        said: list[Cue] = []
        denied: list[Cue] = []
        ref = signal.signal_id
        if text is not None and _of_the_lead(signal):
            tokens = tokens_of(own_words(text))
            negation = self._lexicon.negation
            for match in self._lexicon.phrases.matches(tokens):
                (denied if negation.denies(tokens, match) else said).append(match.means)
            if not said or any(cue.intent in BUYING for cue in said):
                found = read_slots(tokens, self._lexicon.slots)
                slots.extend(Slot(name, value, ref) for name, value in found)
        if cues or said or denied:
            claims.extend(_claims([*cues, *said], denied, ref))


def local_reasoner(folder: Path) -> LocalReasoner:
    """The reasoner with ``taxonomy.toml`` and ``lexicon.toml`` of `folder`. Raises: ConfigError."""
    return LocalReasoner(load_lexicon(folder / "lexicon.toml", load_taxonomy(folder / "taxonomy.toml")))


def _of_the_lead(signal: Signal) -> bool:
    """True if the lead wrote the text itself."""
    if signal.kind is Kind.MESSAGE:
        return signal.payload.get("role") == "customer"
    return signal.kind is not Kind.ACTIVITY or signal.payload.get("direction") == "inbound"


def _claims(cues: list[Cue], denied: list[Cue], ref: str) -> list[Claim]:
    """One claim an intent, by name: the strongest cue, raised a little by each further one; 0 for denials."""
    best: dict[Intent, Cue] = {}
    codes: dict[Intent, set[str]] = {}
    for cue in cues:
        codes.setdefault(cue.intent, set()).add(cue.code)
        if cue.intent not in best or (cue.confidence, cue.code) > best[cue.intent][1:]:
            best[cue.intent] = cue
    found = []
    for intent, cue in best.items():
        raised = cue.confidence + _ALSO * (len(codes[intent]) - 1)
        found.append(Claim(intent, max(cue.confidence, min(MOST_CONFIDENT, raised)), ref, cue.code))
    for cue in denied:
        if cue.intent in _DENIABLE and cue.intent not in best:
            best[cue.intent] = cue
            found.append(Claim(cue.intent, 0, ref, f"denies_{cue.code}"))
    return sorted(found, key=lambda claim: claim.intent.value)
