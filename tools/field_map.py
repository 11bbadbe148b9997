"""Which of a vendor's fields hold ours: a file that people edit, ``config/fields/<vendor>.toml``."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.action import ActionKind
from domain.effect import StepKind, params_of
from domain.errors import ConfigError, Refused

OWNED: Final = frozenset({"owner", "team"})
_OURS: Final = params_of(ActionKind.UPSERT_SCORE, {})
_TABLES: Final = frozenset({"fields", "owner", "people", "own", "queues", "programmes"})


@dataclass(frozen=True, slots=True)
class FieldMap:
    """The file: our name -> the vendor's."""

    fields: Mapping[str, str]
    """Parameters of a score."""
    owner: Mapping[str, str]
    """``owner`` and ``team``."""
    own: Mapping[str, str]
    """Fields in which the connector keeps what it needs to find its own writes."""
    people: Mapping[str, str]
    """A rep of ours -> the vendor's id of that person."""
    queues: Mapping[str, str]
    """A queue of ours -> the vendor's id of that team."""
    programmes: Mapping[str, str] = field(default_factory=dict)
    """A programme of ours -> the vendor's id of its list."""

    def named(self, kind: StepKind, params: Iterable[str]) -> Mapping[str, str]:
        """The part of the map that a write of fields or of an owner takes. Raises: Refused for a name not in it."""
        part = self.fields if kind is StepKind.SET_FIELDS else self.owner
        unknown = sorted({name.removeprefix("was.") for name in params} - part.keys())
        if unknown:
            raise Refused(f"no field is mapped for {', '.join(unknown)}", "invalid")
        return part

    def person(self, ours: str) -> str:
        """The vendor's id of a rep; one that is not in the map is taken for the vendor's own id."""
        return self.people.get(ours, ours)

    def ours(self, us: str) -> list[str]:
        """What is wrong if a rep is our own user there: what that person writes would be taken for ours."""
        reps = [rep for rep, known in self.people.items() if known == us]
        return [f"people: rep {rep} is our own user; Leadgraph needs one of its own" for rep in reps[:1]]

    def queue(self, team: str, *said: str) -> str:
        """Our queue of a vendor's team, the vendor's id where none is. Of several the first that is in `said`."""
        named = [ours for ours, theirs in self.queues.items() if theirs == team]
        return next((name for name in said if name in named), (named or [team])[0])

    def rep(self, theirs: str) -> str:
        """Inverse of `person`."""
        return next((ours for ours, known in self.people.items() if known == theirs), theirs)


def field_map(folder: Path, vendor: str, *, own: Iterable[str] = ()) -> FieldMap:
    """Read the file of a vendor; `own` are the names that its connector needs there.

    Raises: ConfigError naming the file, the table and the name.
    """
    file = folder / "fields" / f"{vendor}.toml"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not valid TOML: {error}") from None
    if unknown := sorted(tables.keys() - _TABLES):
        raise ConfigError(
            f"{file}: no such table: {', '.join(unknown)}; there are {', '.join(sorted(_TABLES))}"
        )
    got = {table: _texts(file, table, tables.get(table, {})) for table in _TABLES}
    for table, allowed in (("fields", _OURS), ("owner", OWNED)):
        if unknown := sorted(got[table].keys() - allowed):
            raise ConfigError(f"{file}: [{table}] {unknown[0]}: not one of {', '.join(sorted(allowed))}")
    if missing := sorted(set(own) - got["own"].keys()):
        raise ConfigError(f"{file}: [own] {missing[0]} is missing: name the vendor's field that holds it")
    theirs = [name for table in ("fields", "owner", "own") for name in got[table].values()]
    if len(set(theirs)) < len(theirs):
        raise ConfigError(f"{file}: a field of the vendor is named twice")
    return FieldMap(**{table: got[table] for table in _TABLES})


def _texts(file: Path, table: str, values: object) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(value, str) and value for value in values.values()):
        raise ConfigError(f"{file}: [{table}] holds names, each with a text that is not empty")
    return dict(values)
