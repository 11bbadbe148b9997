"""The lexicon's file: phrases and rules in TOML, read strictly and compiled once."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigError
from domain.kinds import SPECS, Kind
from tools.reasoner.phrases import Cue, Negation, Pattern, PhraseBook, compiled
from tools.reasoner.rules import Rule, RuleBook
from tools.reasoner.taxonomy import Taxonomy, parsed

_TOP: Final = {"negation", "denials", "phrases", "rule"}

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A lexicon ready for use. `version` is the content hash of its file, 12 hex digits."""

    phrases: PhraseBook[Cue]
    denials: PhraseBook[Cue]
    """Phrases that deny what they mean: "no need for a person"."""
    negation: Negation
    rules: RuleBook
    version: str


def load_lexicon(file: Path, taxonomy: Taxonomy) -> Lexicon:
    """The lexicon in `file`, whose intents must be in `taxonomy`.

    Raises: ConfigError naming the file, the entry and the remedy.
    """
    document = parsed(file)
    for key in sorted(document.keys() ^ _TOP):
        problem = "is missing" if key in _TOP else "means nothing here; remove it"
        raise ConfigError(f"{file}: [{key}] {problem}")
    reader = _Reader(file, taxonomy)
    return Lexicon(
        phrases=PhraseBook(reader.phrases("phrases", document["phrases"])),
        denials=PhraseBook(reader.phrases("denials", document["denials"])),
        negation=reader.negation(document["negation"]),
        rules=RuleBook(reader.rules(document["rule"])),
        version=sha256(file.read_bytes()).hexdigest()[:12],
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the entries of one file; every error names the place."""

    file: Path
    taxonomy: Taxonomy

    def phrases(self, name: str, entries: Any) -> Iterator[tuple[str, Cue]]:
        """Phrases with what they mean, of the part called `name`."""
        for place, entry in self._entries(name, entries, {"intent", "confidence", "cue", "any"}):
            cue = self._cue(place, entry)
            for phrase in self._texts(f"{place} any", entry["any"]):
                self._check(place, phrase)
                yield phrase, cue

    def rules(self, entries: Any) -> dict[Kind, list[Rule]]:
        """Rules by kind."""
        found: dict[Kind, list[Rule]] = {}
        optional = {"subject", "where", "at_least"}
        allowed = {"intent", "confidence", "cue", "kinds"} | optional
        for place, entry in self._entries("rule", entries, allowed, optional=optional):
            kinds = self._kinds(place, entry["kinds"])
            rule = Rule(
                self._cue(place, entry),
                tuple(self._words(f"{place} subject", entry.get("subject", []), empty=True)),
                self._where(place, entry.get("where", {}), kinds),
                self._at_least(place, entry.get("at_least", {}), kinds),
            )
            for kind in kinds:
                found.setdefault(kind, []).append(rule)
        return found

    def negation(self, entry: Any) -> Negation:
        """The words of negation."""
        place = f"{self.file}: [negation]"
        names = {"words", "harmless", "turns", "afterwards", "reach"}
        if not isinstance(entry, dict) or set(entry) != names:
            raise ConfigError(f"{place} needs {', '.join(sorted(names))}, and nothing else")
        reach = entry["reach"]
        if not isinstance(reach, int) or not 1 <= reach <= 10:
            raise ConfigError(f"{place} reach must be a whole number of words from 1 to 10")
        pairs = [tuple(pair.split()) for pair in self._words(f"{place} harmless", entry["harmless"])]
        afterwards: list[Pattern] = []
        for phrase in self._texts(f"{place} afterwards", entry["afterwards"]):
            self._check(place, phrase)
            afterwards += compiled(phrase)
        if any(len(pair) != 2 for pair in pairs):
            raise ConfigError(f"{place} harmless must be pairs of words")
        return Negation(
            frozenset(self._words(f"{place} words", entry["words"])),
            frozenset((pair[0], pair[1]) for pair in pairs),
            frozenset(self._words(f"{place} turns", entry["turns"])),
            tuple(afterwards),
            reach,
        )

    def _entries(
        self, name: str, entries: Any, keys: Set[str], *, optional: Set[str] = frozenset()
    ) -> Iterator[tuple[str, Entry]]:
        if not isinstance(entries, list):
            raise ConfigError(f"{self.file}: [[{name}]] entries are missing")
        for number, entry in enumerate(entries, start=1):
            label = entry.get("cue") or entry.get("value") if isinstance(entry, dict) else None
            place = f"{self.file}: {name} {number} ({label})"
            if not isinstance(entry, dict) or set(entry) - keys or (keys - optional) - set(entry):
                raise ConfigError(f"{place} needs {', '.join(sorted(keys - optional))}, and nothing unknown")
            yield place, entry

    def _cue(self, place: str, entry: Entry) -> Cue:
        confidence, code = entry["confidence"], entry["cue"]
        if not isinstance(confidence, int) or isinstance(confidence, bool) or not 1 <= confidence <= 1000:
            raise ConfigError(f"{place} confidence must be per mille, a whole number from 1 to 1000")
        if not isinstance(code, str) or not code.replace("_", "").isalnum() or not code.isascii():
            raise ConfigError(f"{place} cue must be a code such as asks_price")
        known = {intent.value: intent for intent in self.taxonomy.classes}
        if entry["intent"] not in known:
            raise ConfigError(f"{place} intent must be one of {', '.join(sorted(known))}")
        return Cue(known[entry["intent"]], confidence, code)

    def _kinds(self, place: str, written: Any) -> tuple[Kind, ...]:
        known = {kind.value: kind for kind in Kind}
        for name in self._texts(f"{place} kinds", written):
            if name not in known:
                raise ConfigError(f"{place} {name!r} is no kind of signal")
        return tuple(known[name] for name in written)

    def _where(self, place: str, written: Any, kinds: Sequence[Kind]) -> dict[str, frozenset[str]]:
        return {
            name: frozenset(self._words(f"{place} where.{name}", values))
            for name, values in self._fields(place, "where", written, kinds)
        }

    def _at_least(self, place: str, written: Any, kinds: Sequence[Kind]) -> dict[str, float]:
        found = dict(self._fields(place, "at_least", written, kinds))
        if not all(isinstance(value, int | float) for value in found.values()):
            raise ConfigError(f"{place} at_least needs numbers")
        return found

    def _fields(self, place: str, key: str, written: Any, kinds: Sequence[Kind]) -> Iterator[tuple[str, Any]]:
        if not isinstance(written, dict):
            raise ConfigError(f"{place} {key} must be a table of fields")
        for name, value in written.items():
            if any(name not in SPECS[kind].fields for kind in kinds):
                raise ConfigError(f"{place} {key}: {name!r} is no field of {', '.join(kinds)}")
            yield name, value

    def _texts(self, place: str, written: Any, *, empty: bool = False) -> list[str]:
        if not isinstance(written, list) or not all(isinstance(one, str) and one for one in written):
            raise ConfigError(f"{place} must be a list of texts")
        if not written and not empty:
            raise ConfigError(f"{place} must not be empty")
        return written

    def _words(self, place: str, written: Any, *, empty: bool = False) -> list[str]:
        return [text.casefold() for text in self._texts(place, written, empty=empty)]

    def _check(self, place: str, phrase: str) -> None:
        try:
            compiled(phrase)
        except ValueError as error:
            raise ConfigError(f"{place} {error}") from None
