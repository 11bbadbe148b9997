"""Items of the external form as files hold them: JSON lines, a JSON array or object, rows of a table."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from domain.errors import BadInput
from domain.kinds import SPECS, Kind
from domain.parsing import decode, parse
from domain.payload import MAX_DEPTH
from domain.ports.sources import Bad, RawItem
from tools.reading import lines_of, whole

FORMS: Final = {".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_KINDS: Final = {kind.value: SPECS[kind].fields for kind in Kind}
_WORDS: Final = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def form_of(path: Path) -> str:
    """``csv``, ``json`` or ``jsonl``, from the name without ``.gz``.

    Raises: BadInput for another ending.
    """
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix not in FORMS:
        endings = ", ".join(FORMS)
        raise BadInput(
            str(path), "has a name that does not say what it is", f"end it in {endings}, with or without .gz",
            code="unknown_form",
        )  # fmt: skip
    return FORMS[suffix]


def from_lines(path: Path, source: str) -> Iterator[tuple[int, RawItem]]:
    """One JSON object per line."""
    for number, line in lines_of(path, source):
        if isinstance(line, Bad):
            yield number, line
            continue
        try:
            yield number, parse(line)
        except BadInput as error:
            yield number, Bad(source, line, error.field, error.problem, error.remedy, error.code)


def from_json(path: Path, source: str) -> Iterator[tuple[int, RawItem]]:
    """A JSON array of objects, or one object; with several lines that are JSON each, those.

    Raises: BadInput naming the place if the file as a whole is not JSON.
    """
    content = whole(path)
    try:
        document = decode(content, MAX_DEPTH + 3)
    except BadInput as error:
        if _is_lines(content):
            yield from from_lines(path, source)
            return
        raise BadInput(str(path), error.problem, error.remedy, code=error.code) from None
    for number, item in enumerate(document if isinstance(document, list) else [document], 1):
        if isinstance(item, dict):
            yield number, item
        else:
            raw = json.dumps(item).encode()
            yield (
                number,
                Bad(source, raw, "item", "is not a JSON object", "send an object per signal", "not_object"),
            )


def _is_lines(content: bytes) -> bool:
    """Whether the first of several lines is an object by itself."""
    first, _, rest = content.lstrip().partition(b"\n")
    try:
        parse(first)
    except BadInput:
        return False
    return bool(rest.strip())


def item_of_row(row: dict[str, str]) -> dict[str, Any]:
    """A CSV row as an item: ``keys.`` and ``payload.`` columns become objects, other columns fields."""
    item: dict[str, Any] = {}
    keys: dict[str, str] = {}
    payload: dict[str, Any] = {}
    specs = _KINDS.get(row.get("kind", ""), {})
    for column, cell in row.items():
        group, _, name = column.partition(".")
        if group == "keys" and name:
            keys[name] = cell
        elif group == "payload" and name:
            payload[name] = typed(cell, specs[name].type) if name in specs else cell
        else:
            item[column] = _whole(cell) if column in ("schema_version", "occurred_at") else cell
    return item | {"keys": keys, "payload": payload}


def typed(cell: str, wanted: str) -> str | int | float | bool:
    """A cell as the type that the field wants; what cannot be read stays text, for the door to refuse."""
    try:
        if wanted == "bool":
            return _WORDS.get(cell.strip().lower(), cell)
        if wanted == "str":
            return cell
        return int(cell) if wanted == "int" or cell.strip().lstrip("+-").isdigit() else float(cell)
    except ValueError:
        return cell


def _whole(cell: str) -> str | int:
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 20 else cell
