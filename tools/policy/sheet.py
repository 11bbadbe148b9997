"""A CSV file as people save it, from a text editor or a spreadsheet."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tools.policy.problems import Mistakes

LIMIT_BYTES = 2_000_000
ROW_LIMIT = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a sheet, with the number of its last line in the file; `cells` by header, stripped."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A header and its rows; empty rows are left out."""

    header: tuple[str, ...]
    lines: tuple[Line, ...]


def read_sheet(file: Path, mistakes: Mistakes) -> Sheet | None:
    """Read `file`; None, with the mistakes noted, if it cannot be used as a table."""
    text = _text(file, mistakes)
    if text is None:
        return None
    first = text.partition("\n")[0]
    separator = ";" if first.count(";") > first.count(",") else ","
    try:
        rows = list(_rows(text, separator))
    except csv.Error as error:
        mistakes.add(f"is not readable as CSV: {error}", "check the quotes; a quote inside a cell is doubled")
        return None
    header = tuple(rows[0][1])
    if not _header_ok(header, mistakes):
        return None
    lines = tuple(_lines(rows[1:], header, mistakes))
    if not lines:
        mistakes.add("has no rows", "write at least one row under the header")
    if len(lines) > ROW_LIMIT:
        mistakes.add(
            f"has {len(lines)} rows, the limit is {ROW_LIMIT}", "merge rows or use a column for the list"
        )
        return None
    return Sheet(header, lines)


def _text(file: Path, mistakes: Mistakes) -> str | None:
    try:
        raw = file.read_bytes()
    except OSError as error:
        mistakes.add(f"cannot be read ({error.strerror})", "put the file in the policy folder")
        return None
    if len(raw) > LIMIT_BYTES:
        mistakes.add(
            f"has {len(raw)} bytes, the limit is {LIMIT_BYTES}", "a decision table is a short list of rows"
        )
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mistakes.add(f"is not UTF-8 text (byte {error.start})", "save it as CSV UTF-8")
        return None
    if not text.strip():
        mistakes.add("is empty", "the first line names the columns: rule, why, when:..., then:...")
        return None
    return text


def _rows(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, without the empty cells that spreadsheets leave at the end."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    for row in reader:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield reader.line_num, cells


def _header_ok(header: tuple[str, ...], mistakes: Mistakes) -> bool:
    doubled = sorted({name for name in header if name and header.count(name) > 1})
    for name in doubled:
        mistakes.add("stands twice in the header", "remove or rename one of the two columns", column=name)
    if "" in header:
        mistakes.add("has a column without a name", "name it, or delete the empty column")
    return not doubled and "" not in header


def _lines(rows: list[tuple[int, list[str]]], header: tuple[str, ...], mistakes: Mistakes) -> Iterator[Line]:
    for number, cells in rows:
        if len(cells) <= len(header):
            yield Line(number, dict(zip_longest(header, cells, fillvalue="")))
            continue
        mistakes.add(
            f"has {len(cells)} cells, the header has {len(header)}",
            "put a cell that contains a comma in double quotes",
            row=f"line {number}",
        )
