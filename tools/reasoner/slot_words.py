"""The words by which slots are read: ``slots.toml`` and ``products.toml``, read strictly and compiled once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigError
from tools.reasoner.phrases import Meaning, PhraseBook
from tools.reasoner.taxonomy import parsed

Found = tuple[str, str]
"""Name and value of a slot."""
Words = Mapping[str, frozenset[str]]

_TABLES: Final[Mapping[str, frozenset[str]]] = {
    "seats": frozenset({"units", "people", "context", "groups", "more", "fillers", "not_before"}),
    "money": frozenset({"spending", "none", "not_none", "bills"}),
    "vendors": frozenset({"uses", "but", "leaving", "nameless"}),
}
_PHRASES: Final = frozenset({("money", "spending"), ("money", "none"), ("vendors", "leaving")})
"""Lists of phrases; all others are lists of words."""
NAMED: Final = frozenset({"authority", "need", "seats", "timeline"})
"""Of seats words count only where no number of them is said."""
_CODE: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


@dataclass(frozen=True, slots=True)
class SlotWords:
    """All words. `version` is the content hash of both files, 8 hex digits."""

    seats: Words
    money: Words
    vendors: Words
    spending: PhraseBook[str]
    none: PhraseBook[str]
    leaving: PhraseBook[str]
    names: PhraseBook[Found]
    """Vendors."""
    slots: PhraseBook[Found]
    """Codes of `NAMED`, and products."""
    version: str


def load_slot_words(slots: Path, products: Path) -> SlotWords:
    """The words in both files. Raises: ConfigError naming the file, the entry and the remedy."""
    document, sold = parsed(slots), parsed(products)
    reader = _Reader(slots)
    if set(document) != {*_TABLES, "vendor", "slot"}:
        raise ConfigError(
            f"{slots}: needs {', '.join(sorted({*_TABLES, 'vendor', 'slot'}))}, and nothing else"
        )
    if set(sold) - {"product"}:
        raise ConfigError(f"{products}: needs [[product]] entries, and nothing else")
    lists = {name: reader.table(name, document[name]) for name in _TABLES}
    known = [*reader.entries(document["slot"], NAMED), *_Reader(products).products(sold.get("product", []))]
    return SlotWords(
        seats=_words(lists["seats"]),
        money=_words({k: v for k, v in lists["money"].items() if ("money", k) not in _PHRASES}),
        vendors=_words({k: v for k, v in lists["vendors"].items() if ("vendors", k) not in _PHRASES}),
        spending=reader.book((phrase, "spending") for phrase in lists["money"]["spending"]),
        none=reader.book((phrase, "none") for phrase in lists["money"]["none"]),
        leaving=reader.book((phrase, "leaving") for phrase in lists["vendors"]["leaving"]),
        names=reader.book(reader.vendors(document["vendor"])),
        slots=reader.book(known),
        version=sha256(slots.read_bytes() + b"\n" + products.read_bytes()).hexdigest()[:8],
    )


def _words(lists: Mapping[str, list[str]]) -> Words:
    return {name: frozenset(words) for name, words in lists.items()}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the entries of one file; every error names the place."""

    file: Path

    def table(self, name: str, written: Any) -> dict[str, list[str]]:
        """One table of lists."""
        if not isinstance(written, dict) or set(written) != _TABLES[name]:
            raise ConfigError(
                f"{self.file}: [{name}] needs {', '.join(sorted(_TABLES[name]))}, and nothing else"
            )
        return {key: self._texts(f"[{name}] {key}", value) for key, value in written.items()}

    def entries(self, written: Any, names: frozenset[str]) -> Iterator[tuple[str, Found]]:
        """Phrases with what they stand for."""
        for place, entry in self._each("slot", written, {"name", "value", "any"}):
            if entry["name"] not in names:
                raise ConfigError(f"{place} name must be one of {', '.join(sorted(names))}")
            yield from self._phrases(place, entry, entry["name"], entry["value"])

    def vendors(self, written: Any) -> Iterator[tuple[str, Found]]:
        """Names of vendors."""
        for place, entry in self._each("vendor", written, {"value", "any"}):
            yield from self._phrases(place, entry, "vendor", entry["value"])

    def products(self, written: Any) -> Iterator[tuple[str, Found]]:
        """Names of what is sold."""
        for place, entry in self._each("product", written, {"code", "any"}):
            yield from self._phrases(place, entry, "product", entry["code"])

    def book(self, phrases: Iterable[tuple[str, Meaning]]) -> PhraseBook[Meaning]:
        """Compiled. Raises: ConfigError."""
        try:
            return PhraseBook(phrases)
        except ValueError as error:
            raise ConfigError(f"{self.file}: {error}") from None

    def _phrases(
        self, place: str, entry: Mapping[str, Any], name: str, value: Any
    ) -> Iterator[tuple[str, Found]]:
        if not isinstance(value, str) or not value or not _CODE.issuperset(value) or len(value) > 40:
            raise ConfigError(f"{place} needs a code of small letters, digits and _, such as needs_approval")
        yield from ((phrase, (name, value)) for phrase in self._texts(f"{place} any", entry["any"]))

    def _each(self, name: str, written: Any, keys: set[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        if not isinstance(written, list):
            raise ConfigError(f"{self.file}: [[{name}]] entries are missing")
        for number, entry in enumerate(written, start=1):
            place = f"{self.file}: {name} {number}"
            if not isinstance(entry, dict) or set(entry) != keys:
                raise ConfigError(f"{place} needs {', '.join(sorted(keys))}, and nothing else")
            yield place, entry

    def _texts(self, place: str, written: Any) -> list[str]:
        if (
            not isinstance(written, list)
            or not written
            or not all(isinstance(one, str) and one for one in written)
        ):
            raise ConfigError(f"{self.file}: {place} must be a list of texts, and not empty")
        return [one.casefold() for one in written]
