"""The local reasoner: intents and slots on this machine, without a language model, the same every time.

Three readers: rules for what structured signals say by being there, phrases for plain ways of saying things
(mostly English, common ones in German, French and Spanish) and for denials, and a small trained classifier for all
other wordings. A phrase alone is blind to its setting ("the upgrade broke our reports"), so where the classifier
holds any buying for unlikely, a phrase of buying does not count. Where the weights of the classifier's embedder are not
installed, phrases and rules read alone, and the reader's name says so: ``local-lexicon``.

What it cannot: irony, hints, what takes knowledge of the world, a denial more than a few words away, most
languages but English. The lead's intent then stays `Intent.UNSURE`. Slots of a text that is clearly not about
buying are left alone: "this month" in a complaint is no timeline.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from domain.errors import ConfigError
from domain.intent import BUYING, Claim, Intent, Reading, Slot
from domain.intent_model import SALE, IntentModel
from domain.kinds import Kind
from domain.mood import Mood
from domain.ports.embedder import Embedder
from domain.signal import Signal
from tools.embed.here import embedder_here
from tools.reasoner.artefact import load_intent_model
from tools.reasoner.facts import FactReader, Facts, fact_reader
from tools.reasoner.lexicon import Lexicon, load_lexicon
from tools.reasoner.phrases import Cue, Match, Negation
from tools.reasoner.taxonomy import load_taxonomy
from tools.reasoner.words import meant_words, tokens_of

CODE: Final = 4
"""Raised when the code reads the same lexicon and model differently."""
MOST_CONFIDENT: Final = 950
CLEAR: Final = 500
"""Per mille from which the classifier alone names an intent."""
UNLIKELY: Final = 80
"""Per mille of `SALE` below which a phrase of buying does not count."""
_ALSO: Final = 40
"""Per mille that each further cue of an intent in one signal adds."""
_DENIABLE: Final = BUYING | {Intent.PERSON}
"""Intents of which "we do not want that" says something; "no problem" is no news about support."""
_INTENTS: Final = tuple(intent for intent in Intent if intent is not Intent.UNSURE)
_CLASSIFIED: Final = tuple(intent for intent in _INTENTS if intent is not Intent.OTHER)
"""What the classifier may name alone: "something else" is no news."""


@dataclass(frozen=True, slots=True)
class Phrases:
    """What the lexicon found in one text."""

    tokens: list[str]
    said: list[Cue]
    denied: list[Cue]

    def numbers(self) -> tuple[float, ...]:
        """The strongest cue said of each intent, 0..1, then the strongest denied: what the classifier is given."""
        return tuple(
            max([cue.confidence / 1_000 for cue in cues if cue.intent is intent], default=0.0)
            for cues in (self.said, self.denied)
            for intent in _INTENTS
        )


@dataclass(frozen=True, slots=True)
class Classifier:
    """A trained model with the embedder that it was trained on."""

    model: IntentModel
    embedder: Embedder
    version: str


class LocalReasoner:
    """A `Reasoner` that is a pure function of each signal alone."""

    def __init__(
        self, lexicon: Lexicon, classifier: Classifier | None, facts: FactReader | None = None
    ) -> None:
        """Read with `lexicon` and, where there is one, `classifier`; without `facts` intents alone."""
        self._lexicon, self._classifier, self.facts = lexicon, classifier, facts
        self.name = "local" if classifier else "local-lexicon"
        versions = (facts.version if facts else "", classifier.version if classifier else "")
        self.version = "-".join((f"{CODE}-{lexicon.version}", *filter(None, versions)))

    async def read(self, new: Sequence[Signal], recent: Sequence[Signal]) -> Reading:  # noqa: ARG002 - no context
        """Claims and slots of each signal in `new`; what agents, bots and sales wrote is not read.

        Raises: Permanent if the weights are not those that were pinned.
        """
        claims: list[Claim] = []
        slots: list[Slot] = []
        moods: list[tuple[str, Mood]] = []
        for signal in new:
            said = await self._read(signal, claims)
            facts = await self._facts(signal)
            if facts is not None:
                moods.append((signal.signal_id, facts.mood))
                slots += facts.slots if _of_buying(said) else ()
        return Reading(tuple(claims), tuple(slots), self.name, self.version, moods=tuple(moods))

    async def likely(self, text: str) -> dict[str, int]:
        """Per mille of each intent and of `SALE` in a customer's text; of the phrases alone without a classifier."""
        phrases = self.phrases(text)
        if self._classifier is None:
            best = {
                cue.intent: cue.confidence for cue in sorted(phrases.said, key=lambda cue: cue.confidence)
            }
            found = {intent.value: best.get(intent, 0) for intent in _INTENTS}
            return found | {SALE: max(best.get(intent, 0) for intent in BUYING)}
        return await self._classified(self._classifier, text, phrases)

    @property
    def threshold(self) -> int:
        """Per mille of `SALE` from which a text counts as a buying interest."""
        return self._classifier.model.threshold if self._classifier else CLEAR

    @property
    def negation(self) -> Negation:
        """How the lexicon tells a denial."""
        return self._lexicon.negation

    def phrases(self, text: str) -> Phrases:
        """What the lexicon finds in the words that the writer of `text` did not only quote."""
        tokens = tokens_of(meant_words(text))
        denials = [  # "not to bots but to a person" denies no person
            one
            for one in self._lexicon.denials.matches(tokens)
            if not self.negation.turns.intersection(tokens[one.start : one.end])
        ]
        found = Phrases(tokens, [], [denial.means for denial in denials])
        for match in self._lexicon.phrases.matches(tokens):
            denied = self._lexicon.negation.denies(tokens, match) or _denied(match, denials)
            (found.denied if denied else found.said).append(match.means)
        return found

    async def _facts(self, signal: Signal) -> Facts | None:
        """Facts and mood of what the lead wrote; None if it wrote nothing."""
        if self.facts is None or signal.text is None or not _of_the_lead(signal):
            return None
        return await self.facts.hear(signal.text, signal.signal_id, signal.occurred_at)

    async def _read(self, signal: Signal, claims: list[Claim]) -> list[Cue]:
        """What its words say, added to `claims` with what it says by being there."""
        rules = self._lexicon.rules.cues(signal)
        text, ref = signal.text, signal.signal_id
        said: list[Cue] = []
        denied: list[Cue] = []
        if text is not None and _of_the_lead(signal):
            phrases = self.phrases(text)
            denied = phrases.denied
            said = await self._said(text, phrases)
        if rules or said or denied:
            claimed = _claims([*rules, *said], denied, ref)
            wordy = signal.kind is Kind.FORM and (said or denied)
            claims.extend(_apart(claimed, rules, ref) if wordy else claimed)
        return said

    async def _said(self, text: str, phrases: Phrases) -> list[Cue]:
        """The phrases that count, and what the classifier adds to them."""
        if self._classifier is None or not any(token.isalpha() for token in phrases.tokens):
            return phrases.said
        likely = await self._classified(self._classifier, text, phrases)
        unlikely = likely[SALE] < UNLIKELY
        kept = [cue for cue in phrases.said if not (unlikely and cue.intent in BUYING)]
        codes = {cue.intent: cue.code for cue in sorted(kept, key=lambda cue: cue.confidence)}
        denied = {cue.intent for cue in phrases.denied} - codes.keys()
        read = [
            Cue(intent, likely[intent.value], codes.get(intent, "classifier"))
            for intent in _CLASSIFIED
            if likely[intent.value] >= CLEAR and intent not in denied
        ]
        return [*kept, *read]

    async def _classified(self, by: Classifier, text: str, phrases: Phrases) -> dict[str, int]:
        vector = (await by.embedder.embed([meant_words(text)]))[0]
        return by.model.per_mille(vector, phrases.numbers(), phrases.tokens)


def local_reasoner(folder: Path, embedder: Embedder | None = None) -> LocalReasoner:
    """The reasoner with the tables and the classifier of `folder`; it loads no weights.

    `embedder` is the one of this machine if not given. Raises: ConfigError.
    """
    lexicon = load_lexicon(folder / "lexicon.toml", load_taxonomy(folder / "taxonomy.toml"))
    embedder = embedder or embedder_here()
    facts = fact_reader(folder, lexicon.negation, embedder)
    if embedder.stand_in:
        return LocalReasoner(lexicon, None, facts)
    model, version = load_intent_model(folder / "intents.json")
    if model.embedder != embedder.name:
        raise ConfigError(
            f"{folder / 'intents.json'}: was trained on {model.embedder}, not on {embedder.name}"
        )
    return LocalReasoner(lexicon, Classifier(model, embedder, version), facts)


def _denied(match: Match[Cue], denials: Sequence[Match[Cue]]) -> bool:
    """True if a phrase that denies the same intent touches `match`."""
    return any(
        one.means.intent is match.means.intent and one.start < match.end and match.start < one.end
        for one in denials
    )


def _of_buying(said: Sequence[Cue]) -> bool:
    """True unless the words are clearly about something else: "this month" in a complaint is no timeline."""
    return not said or any(cue.intent in BUYING for cue in said)


def _of_the_lead(signal: Signal) -> bool:
    """True if the lead wrote the text itself."""
    if signal.kind is Kind.MESSAGE:
        return signal.payload.get("role") == "customer"
    return signal.kind is not Kind.ACTIVITY or signal.payload.get("direction") == "inbound"


def _apart(found: list[Claim], rules: list[Cue], ref: str) -> list[Claim]:
    """The claims with what of each the signal says by being there."""
    bare = {claim.intent: claim.confidence for claim in _claims(rules, [], ref)}
    return [replace(claim, bare=bare.get(claim.intent, 0)) for claim in found]


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
