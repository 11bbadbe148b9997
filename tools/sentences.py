"""The sentences for customers: a file that people edit, ``config/customer.toml``."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from domain.errors import ConfigError
from domain.sentences import LONGEST, PATHS, WHEN, Language, Sentences

FILE: Final = "customer.toml"
USUAL: Final = "usual"
MOST_HOUR: Final = 60
"""Characters of an hour as it is written."""
_DAYS: Final = [datetime(2000, 1, 1, 23, tzinfo=UTC) + timedelta(day) for day in range(366)]
"""Every month with every day of the week is among them, or one that is as long."""
_ZONE: Final = 3
"""By how many characters the name of a zone, such as ``+1245``, may be longer than ``UTC``."""


def load_sentences(folder: Path) -> Sentences:
    """The sentences of the file; those that are built in where there is none.

    Raises: ConfigError naming the file, the language and the name.
    """
    file = folder / FILE
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Sentences()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    if USUAL not in tables:
        raise ConfigError(f"{file}: [{USUAL}] is missing: what customers of any other language are told")
    found = {
        name.replace("_", "-").lower(): _language(f"{file}: [{name}]", table)
        for name, table in tables.items()
    }
    return Sentences(found.pop(USUAL), found)


def _language(place: str, table: object) -> Language:
    if not isinstance(table, dict) or table.keys() != {*PATHS, "hour"}:
        raise ConfigError(f"{place} holds {', '.join(PATHS)} and hour, and nothing else")
    for name, text in table.items():
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise ConfigError(f"{place} {name}: write a text of 1 to {LONGEST} characters")
        if WHEN in text and name != "callback":
            raise ConfigError(f"{place} {name}: {WHEN} is known in callback alone")
    _fits(place, table["callback"], table["hour"])
    return Language({path: " ".join(table[path].split()) for path in PATHS}, table["hour"])


def _fits(place: str, callback: str, pattern: str) -> None:
    """Whatever the hour is, nothing of the sentence is cut. Raises: ConfigError."""
    if callback.count(WHEN) > 1:
        raise ConfigError(f"{place} callback: write {WHEN} once")
    try:
        hour = max((day.strftime(pattern) for day in _DAYS), key=len)
    except ValueError as error:
        raise ConfigError(f"{place} hour: {error}") from None
    if len(hour) > MOST_HOUR:
        raise ConfigError(f"{place} hour: writes more than {MOST_HOUR} characters")
    if len(callback.replace(WHEN, hour)) + _ZONE * pattern.count("%Z") > LONGEST:
        raise ConfigError(f"{place} callback: with its hour it is longer than {LONGEST} characters")
