"""The taxonomy's file: what each intent means, in words and by examples. For people, prompts and tests."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.errors import ConfigError
from domain.intent import Intent

_KEYS: Final = {"title", "means", "examples"}


@dataclass(frozen=True, slots=True)
class Class:
    """One intent. `examples` are sentences of a lead; the local reasoner must read this intent in each."""

    intent: Intent
    title: str
    means: str
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All intents but `Intent.UNSURE`, which is the answer when none is clear."""

    version: int
    classes: Mapping[Intent, Class]


def load_taxonomy(file: Path) -> Taxonomy:
    """The taxonomy in `file`. Raises: ConfigError naming the file, the entry and the remedy."""
    document = parsed(file)
    written = document.get("intent")
    if set(document) != {"version", "intent"} or not isinstance(written, dict):
        raise ConfigError(f"{file}: needs version and one [intent.NAME] for each intent, and nothing else")
    version = document["version"]
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ConfigError(f"{file}: version must be a whole number from 1")
    names = {intent.value for intent in Intent if intent is not Intent.UNSURE}
    for name in sorted(names ^ set(written)):
        problem = "is missing; describe it" if name in names else "is no intent; remove it"
        raise ConfigError(f"{file}: [intent.{name}] {problem}")
    return Taxonomy(version, {Intent(name): _class(file, name, entry) for name, entry in written.items()})


def parsed(file: Path) -> dict[str, Any]:
    """A TOML file. Raises: ConfigError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None


def _class(file: Path, name: str, entry: Any) -> Class:
    place = f"{file}: [intent.{name}]"
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise ConfigError(f"{place} needs {', '.join(sorted(_KEYS))}, and nothing else")
    title, means, examples = entry["title"], entry["means"], entry["examples"]
    if not all(isinstance(text, str) and text for text in (title, means)):
        raise ConfigError(f"{place} title and means must be texts, and not empty")
    if not isinstance(examples, list) or not all(isinstance(one, str) and one for one in examples):
        raise ConfigError(f"{place} examples must be a list of sentences")
    return Class(Intent(name), title, means, tuple(examples))
