"""Reading a mapping from YAML: every mistake is named, with its line, its place and what to do."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Final

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from domain.errors import ConfigError
from learning.history.mapping import Events, FromSource, Mapping_, Tabular, Wide, columns_named

LARGEST: Final = 1024 * 1024
"""Bytes of a mapping."""
MOST_NODES: Final = 20_000
_LAYOUTS: Final = ("wide", "events", "source")
_ANY: Final[TypeAdapter[Mapping_]] = TypeAdapter(
    Annotated[Wide | Events | FromSource, Field(discriminator="layout")]
)
_SHOWN: Final = 20
_NULL: Final = "tag:yaml.org,2002:null"
Lines = dict[tuple[str, ...], int]


def load_mapping(file: Path) -> Mapping_:
    """The mapping in `file`. All its scalars are read as text, so that ``no`` and ``007`` stay what they are.

    Raises: ConfigError with one line per mistake: file, line, place, remedy.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    if len(raw) > LARGEST:
        raise ConfigError(f"{file}: is larger than {LARGEST // 1024} KB; is it the mapping?")
    return parse_mapping(raw, str(file))


def parse_mapping(raw: bytes, called: str) -> Mapping_:
    """The mapping written in `raw`; see `load_mapping`. Raises: ConfigError."""
    document, lines = _document(raw, called)
    if document.get("layout") not in _LAYOUTS:
        raise ConfigError(f"{called}: layout: must be one of {', '.join(_LAYOUTS)}")
    try:
        mapping = _ANY.validate_python(document)
    except ValidationError as error:
        problems = [_problem(one["loc"], one["msg"], one["type"], lines) for one in error.errors()]
        raise _refused(called, problems) from None
    _refuse_contradictions(mapping, called)
    return mapping


def check_columns(mapping: Mapping_, columns: Iterable[str], called: str) -> None:
    """Raises: ConfigError naming each column of `mapping` that `columns` (those of the file) do not have."""
    there = list(columns)
    named = list(columns_named(mapping))
    if isinstance(mapping, Tabular):
        named += [(column, "never") for column in mapping.never]
    problems = []
    for column, place in named:
        if column not in there:
            close = get_close_matches(column, there, 1)
            remedy = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(there)[:300]}"
            problems.append(f"{place}: the file has no column {column!r}; {remedy}")
    if problems:
        raise _refused(called, problems)


def _refuse_contradictions(mapping: Mapping_, called: str) -> None:
    if isinstance(mapping, Tabular):
        problems = [
            f"{place}: {column!r} also stands under never; take it out at one of the two places"
            for column, place in columns_named(mapping)
            if column in mapping.never
        ]
        if problems:
            raise _refused(called, problems)


def _refused(called: str, problems: list[str]) -> ConfigError:
    unique = list(dict.fromkeys(problems))
    more = [f"and {len(unique) - _SHOWN} more"] if len(unique) > _SHOWN else []
    return ConfigError("\n".join(f"{called}: {line}" for line in [*unique[:_SHOWN], *more]))


def _problem(where: tuple[int | str, ...], message: str, code: str, lines: Lines) -> str:
    """The layout's own name, which pydantic puts first, is no place of the file."""
    path = tuple(str(part) for part in where if str(part) not in _LAYOUTS or part != where[0])
    line = next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), 1)
    words = message.removeprefix("Value error, ")
    if code == "extra_forbidden":
        words = "means nothing here; take it out, or look for a misspelling"
    elif code == "missing":
        words = "is missing"
    return f"line {line}: {'.'.join(path) or 'the mapping'}: {words}"


def _document(raw: bytes, called: str) -> tuple[dict[str, Any], Lines]:
    try:
        node = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise ConfigError(f"{called}: is not UTF-8 text; save it as UTF-8") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{called}: line {line}: is not YAML ({error.problem})") from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError(f"{called}: is not YAML; compare it with docs/history.md") from None
    lines: Lines = {}
    reader = _Plain(called, lines)
    document = reader.value(node, ())
    if not isinstance(document, dict):
        raise ConfigError(f"{called}: must be a list of names and values, as in docs/history.md")
    return document, lines


class _Plain:
    """Nodes as dicts, lists and texts, with the line of each; names given twice and references are refused."""

    def __init__(self, called: str, lines: Lines) -> None:
        self._called, self._lines, self._seen = called, lines, set[int]()

    def value(self, node: yaml.Node | None, path: tuple[str, ...]) -> Any:
        if node is None:
            return None
        line = node.start_mark.line + 1
        if id(node) in self._seen or len(self._seen) >= MOST_NODES or len(path) > 12:
            raise ConfigError(
                f"{self._called}: line {line}: refers to another place or is too large; write it out"
            )
        self._seen.add(id(node))
        self._lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(one, (*path, str(index))) for index, one in enumerate(node.value)]
        return None if node.tag == _NULL else node.value

    def _pairs(self, node: yaml.MappingNode, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        names: set[str] = set()
        for key, value in node.value:
            name, line = key.value, key.start_mark.line + 1
            if not isinstance(name, str):
                raise ConfigError(f"{self._called}: line {line}: a name must be text")
            if name in names:
                raise ConfigError(f"{self._called}: line {line}: {name!r} is given twice; keep one")
            names.add(name)
            self._lines[(*path, name)] = line
            yield name, self.value(value, (*path, name))
