"""Anger and objections, by phrases in ``moods.toml``."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigError
from tools.reasoner.phrases import PhraseBook
from tools.reasoner.slots import Found
from tools.reasoner.taxonomy import parsed

ANGRY: Final[Found] = ("sentiment", "angry")
_NAMES: Final = frozenset({"sentiment", "objection"})


def load_moods(file: Path) -> PhraseBook[Found]:
    """The phrases in `file`. Raises: ConfigError naming the file, the entry and the remedy."""
    entries = parsed(file).get("mood")
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{file}: needs [[mood]] entries")
    try:
        return PhraseBook(_phrases(file, entries))
    except ValueError as error:
        raise ConfigError(f"{file}: {error}") from None


def _phrases(file: Path, entries: Sequence[Any]) -> Iterator[tuple[str, Found]]:
    for number, entry in enumerate(entries, start=1):
        place = f"{file}: [[mood]] number {number}"
        if not isinstance(entry, dict) or set(entry) != {"name", "value", "any"}:
            raise ConfigError(f"{place} needs name, value and any, and nothing else")
        name, value, phrases = entry["name"], entry["value"], entry["any"]
        if name not in _NAMES or not isinstance(value, str) or (name == "sentiment" and value != ANGRY[1]):
            raise ConfigError(f'{place} name must be "sentiment" with the value "angry", or "objection"')
        if not isinstance(phrases, list) or not all(isinstance(one, str) for one in phrases):
            raise ConfigError(f"{place} any must be a list of phrases")
        yield from ((phrase, (name, value)) for phrase in phrases)
