"""The catalogue's file: TOML in, compiled catalogue out, or an error that says where and what to do."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from domain.attributes import Attribute, attribute_features
from domain.errors import ConfigError
from domain.feature import Aggregate, FeatureDef
from domain.features import Catalogue
from domain.kinds import TRAITS, Kind
from domain.lead import EVENT_CAP
from domain.signal import FACT
from tools.attributes import load_attributes

_KINDS: Final = frozenset(kind.value for kind in Kind) | {FACT}
_LISTS: Final = frozenset({"kinds", "subjects", "for_each"})
_TEXTS: Final = frozenset(
    {"name", "scope", "aggregate", "window", "half_life", "unit", "description", "deprecated"}
)
_KEYS: Final = _LISTS | _TEXTS | {"version"}
_HOURS: Final = {"h": 1, "d": 24}
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([hd])")
_INSTEAD: Final = re.compile(r"since \d{4}-\d{2}-\d{2}; use ([a-z][a-z0-9_.]*[a-z0-9_])")

Entry = Mapping[str, Any]
Groups = Mapping[str, tuple[str, ...]]


def load_catalogue(file: Path, *, cap: int = EVENT_CAP, attributes: Sequence[Attribute] = ()) -> Catalogue:
    """The catalogue written in `file` (see its head for the form), strictly read, and the features of `attributes`.

    Raises: ConfigError naming the file, the entry and the remedy.
    """
    document = _parsed(file)
    for key in document.keys() - {"groups", "feature"}:
        raise ConfigError(f"{file}: [{key}] means nothing here; write [groups] and [[feature]] entries only")
    groups = _groups(file, document.get("groups", {}))
    entries = document.get("feature")
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{file}: no [[feature]] entry; add at least one")
    made = [_definition(place, entry, groups) for place, entry in _written_out(file, entries)]
    made += attribute_features(attributes)
    _check_names(file, made)
    return Catalogue(made, cap=cap)


def home_catalogue(folder: Path, home: Path) -> tuple[Catalogue, tuple[Attribute, ...]]:
    """The catalogue of `folder` with the attributes that the home at `home` declares, and those.

    Raises: ConfigError.
    """
    attributes = load_attributes(home)
    return load_catalogue(folder / "features.toml", attributes=attributes), attributes


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file}: is not UTF-8 text; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is not TOML: {error}") from None


def _groups(file: Path, written: Any) -> Groups:
    """Named lists of kinds; one may name others written above it as ``@name``."""
    if not isinstance(written, dict):
        raise ConfigError(f"{file}: [groups] must be a table of lists of kinds")
    groups: dict[str, tuple[str, ...]] = {}
    for name, kinds in written.items():
        groups[name] = _kinds(f"{file}: [groups] {name}", kinds, groups)
    return groups


def _kinds(place: str, written: Any, groups: Groups) -> tuple[str, ...]:
    found: list[str] = []
    for kind in _texts(place, "kinds", written):
        if kind.startswith("@"):
            if kind[1:] not in groups:
                known = ", ".join(f"@{name}" for name in groups) or "none yet"
                raise ConfigError(f"{place}: no group {kind} above; there is {known}")
            found.extend(groups[kind[1:]])
        elif kind in _KINDS:
            found.append(kind)
        else:
            known = ", ".join(sorted(_KINDS))
            raise ConfigError(f"{place}: {kind!r} is no kind of event; use one of {known}")
    return tuple(found)


def _texts(place: str, key: str, written: Any) -> list[str]:
    if (
        not isinstance(written, list)
        or not written
        or not all(one and isinstance(one, str) for one in written)
    ):
        raise ConfigError(f"{place}: {key} must be a list of texts, and not empty")
    return written


def _written_out(file: Path, entries: Sequence[Any]) -> Iterator[tuple[str, Entry]]:
    """Each entry, with ``for_each`` written out, and its place for messages."""
    for number, entry in enumerate(entries, start=1):
        name = entry.get("name") if isinstance(entry, dict) else None
        place = f"{file}: feature {number} ({name})"
        if not isinstance(entry, dict) or not isinstance(name, str):
            raise ConfigError(f"{place}: needs a name")
        for key in entry.keys() - _KEYS:
            raise ConfigError(f"{place}: {key!r} means nothing here; allowed are {', '.join(sorted(_KEYS))}")
        loops = entry.get("for_each", {})
        if not isinstance(loops, dict):
            raise ConfigError(f"{place}: for_each must be a table of lists")
        lists = [_texts(place, f"for_each.{key}", values) for key, values in loops.items()]
        for values in product(*lists):
            filled = dict(zip(loops, values, strict=True))
            bare = {key: _filled(place, text, filled) for key, text in entry.items() if key != "for_each"}
            yield f"{file}: feature {number} ({bare['name']})", bare


def _filled(place: str, value: Any, filled: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_filled(place, one, filled) for one in value]
    if not isinstance(value, str):
        return value
    for key, text in filled.items():
        value = value.replace("{" + key + "}", text)
    if "{" in value or "}" in value:
        raise ConfigError(
            f"{place}: {value!r} has a placeholder that for_each does not list; add or remove it"
        )
    return value


def _definition(place: str, entry: Entry, groups: Groups) -> FeatureDef:
    fields = {key: value for key, value in entry.items() if key not in ("window", "half_life")}
    fields["kinds"] = kinds = _kinds(place, entry.get("kinds"), groups)
    if "subjects" in entry and FACT in kinds and entry.get("aggregate") != Aggregate.MEMBERS_LAST.value:
        for trait in set(_texts(place, "subjects", entry["subjects"])) - TRAITS.keys():
            raise ConfigError(f"{place}: {trait!r} is no trait; use one of {', '.join(sorted(TRAITS))}")
    for key in entry.keys() & {"window", "half_life"}:
        fields[f"{key}_hours"] = _hours(place, key, entry[key])
    try:
        return FeatureDef.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{'.'.join(str(part) for part in first['loc'])}: " if first["loc"] else ""
        raise ConfigError(f"{place}: {where}{first['msg'].removeprefix('Value error, ')}") from None


def _hours(place: str, key: str, written: Any) -> int:
    match = _SPAN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ConfigError(f'{place}: {key} must be hours or days such as "6h" or "7d", not {written!r}')
    return int(match[1]) * _HOURS[match[2]]


def _check_names(file: Path, definitions: Sequence[FeatureDef]) -> None:
    by_name: dict[str, FeatureDef] = {}
    for definition in definitions:
        if definition.name in by_name:
            raise ConfigError(f"{file}: two features are called {definition.name}; rename or remove one")
        by_name[definition.name] = definition
    for definition in definitions:
        if definition.deprecated is None:
            continue
        instead = _INSTEAD.fullmatch(definition.deprecated)
        target = by_name.get(instead[1]) if instead else None
        if target is None or target.deprecated is not None:
            raise ConfigError(
                f'{file}: feature {definition.name}: deprecated must read "since YYYY-MM-DD; use NAME" '
                f"with the name of a feature that is not deprecated itself, not {definition.deprecated!r}"
            )
