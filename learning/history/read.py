"""Tables that people hand over, as texts: CSV, JSON lines, Parquet, each plain or gzip. Nothing is guessed at."""

import csv
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from domain.errors import BadInput
from domain.parsing import decode

LARGEST: Final = 1024**3
"""Bytes of a file, unpacked."""
MOST_COLUMNS: Final = 2_000
WIDEST: Final = 256 * 1024
"""Characters of one cell."""
DELIMITERS: Final = (",", ";", "\t", "|")
_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_MARKS: Final = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_BLOCK: Final = 1024 * 1024
Row = Mapping[str, str]
"""Cells by column; an empty one is not there."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, with its text."""

    number: int
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class Table:
    """`frame`: every column as text, null where empty, in the order of the file. `numbers`: the line of each row.

    Line numbers count from 1, the header included; of Parquet they are row numbers.
    """

    frame: pl.DataFrame
    numbers: Sequence[int]
    bad: tuple[BadRow, ...]
    encoding: str = "utf-8"

    def rows(self) -> Iterator[tuple[int, Row]]:
        """(number, the filled cells) of each row."""
        for number, row in zip(self.numbers, self.frame.iter_rows(named=True), strict=True):
            yield number, {name: cell for name, cell in row.items() if cell is not None}


def read_table(path: Path, *, encodings: Sequence[str] = ("utf-8",)) -> Table:
    """The table in `path`. A byte order mark decides; else the first of `encodings` in which the whole is text.

    A row that breaks the form is set aside in `bad` and the rest goes on. Columns without a name must be empty and
    are left out. Raises: BadInput naming the file, the place and the remedy, if it cannot be read as a whole.
    """
    raw = _content(path)
    if raw.startswith(_PARQUET):
        return _parquet(path, raw)
    text, encoding = _decoded(path, raw, encodings)
    lines = Path(path.name.lower().removesuffix(".gz")).suffix in {".jsonl", ".ndjson", ".json"}
    return (_json_lines if lines else _csv)(path, text, encoding)


def _content(path: Path) -> bytes:
    if path.is_dir():
        raise BadInput(str(path), "is a folder", "name a file", code="not_a_file")
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as stream:
            found = bytearray()
            while block := stream.read(_BLOCK):
                found += block
                if len(found) > LARGEST:
                    raise BadInput(
                        str(path), f"is larger than {LARGEST // 1024**2:,} MB unpacked", "cut it into parts",
                        code="too_large",
                    )  # fmt: skip
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise BadInput(str(path), "is a broken gzip file", "get the file again", code="broken_gzip") from None
    except OSError as error:
        why = "is not there" if isinstance(error, FileNotFoundError) else "cannot be opened"
        raise BadInput(str(path), why, "check the name and the rights", code="no_file") from None
    if not found.strip():
        raise BadInput(str(path), "is empty", "give a file with a header and rows", code="empty_file")
    return bytes(found)


def _decoded(path: Path, raw: bytes, encodings: Sequence[str]) -> tuple[str, str]:
    marked = next((name for mark, name in _MARKS.items() if raw.startswith(mark)), None)
    line = 1
    for encoding in (marked,) if marked else encodings:
        try:
            return raw.decode(encoding), encoding
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
        except LookupError:
            raise BadInput(
                "encoding", "is not known", "write utf-8, cp1252, latin-1 ...", code="bad_encoding"
            ) from None
    raise BadInput(
        f"{path}, line {line}", f"is not {encodings[0]} text", "say which `encoding` it has, such as cp1252",
        code="bad_encoding",
    )  # fmt: skip


def _csv(path: Path, text: str, encoding: str) -> Table:
    csv.field_size_limit(WIDEST)
    first = text.split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
    except (csv.Error, StopIteration):
        raise BadInput(
            f"{path}, line 1", "is not a header", "give names of columns", code="no_header"
        ) from None
    rows, numbers, bad = list[list[str]](), list[int](), list[BadRow]()
    while (row := _next(reader, bad)) is not None:
        while len(row) > len(header) and not row[-1]:
            row.pop()
        if len(row) != len(header):
            if row:
                problem = f"has {len(row)} cells where the header has {len(header)}"
                bad.append(BadRow(reader.line_num, problem, delimiter.join(row)[:WIDEST]))
            continue
        numbers.append(reader.line_num)
        rows.append(row)
    cells: list[Sequence[str | None]] = [*zip(*rows, strict=True)] if rows else [() for _ in header]
    return Table(_frame(path, header, cells), _some(path, numbers, bad), tuple(bad), encoding)


def _next(reader: Any, bad: list[BadRow]) -> list[str] | None:
    """The next row; what is no row is set aside."""
    while True:
        try:
            found: list[str] | None = next(reader, None)
        except csv.Error as error:
            bad.append(BadRow(reader.line_num, f"is not a CSV row ({error})", ""))
        else:
            return found


def _json_lines(path: Path, text: str, encoding: str) -> Table:
    rows, numbers, bad = list[dict[str, str | None]](), list[int](), list[BadRow]()
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            item = decode(line.encode())
            if not isinstance(item, dict):
                raise BadInput("row", "is not a JSON object", "give one object per line")
        except (BadInput, UnicodeEncodeError) as error:
            bad.append(BadRow(number, str(error), line[:WIDEST]))
            continue
        rows.append(dict(_flat(item, "")))
        numbers.append(number)
    header = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[row.get(name) for row in rows] for name in header]
    return Table(_frame(path, header, cells), _some(path, numbers, bad), tuple(bad), encoding)


def _flat(item: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str | None]]:
    """Objects within an object as ``outer.inner``; lists as their JSON."""
    for name, value in item.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _shown(value)


def _shown(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parquet(path: Path, raw: bytes) -> Table:
    try:
        frame = pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, OSError):
        raise BadInput(str(path), "is not a readable Parquet file", "write it again", code="broken") from None
    cells: list[Sequence[str | None]] = []
    for series in frame:
        if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
            raise BadInput(
                f"{path}, column {series.name}", f"holds {series.dtype}", "write one value per cell",
                code="nested",
            )  # fmt: skip
        cells.append([_text_of(value) for value in series.to_list()])
    return Table(_frame(path, frame.columns, cells), _some(path, range(1, frame.height + 1), []), ())


def _text_of(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    isoformat: Callable[[], str] | None = getattr(value, "isoformat", None)
    return isoformat() if isoformat else str(value)


def _some(path: Path, numbers: Sequence[int], bad: Sequence[BadRow]) -> Sequence[int]:
    if not numbers and not bad:
        raise BadInput(str(path), "has no rows", "give a header and at least one row", code="empty_file")
    return numbers


def _frame(path: Path, header: Sequence[str], cells: Sequence[Sequence[str | None]]) -> pl.DataFrame:
    """The columns that have a name; the empty cell is null."""
    twice = sorted(name for name, n in Counter(header).items() if n > 1 and name)
    if twice:
        raise BadInput(
            f"{path}, line 1", f"columns {', '.join(twice)[:300]} appear twice", "name each column once",
            code="duplicate_columns",
        )  # fmt: skip
    if len(header) > MOST_COLUMNS:
        raise BadInput(
            f"{path}, line 1",
            f"has {len(header):,} columns",
            f"at most {MOST_COLUMNS:,} are read",
            code="too_wide",
        )
    kept: dict[str, Sequence[str | None]] = {}
    for place, (name, column) in enumerate(zip(header, cells, strict=True), 1):
        if name:
            kept[name] = column
        elif any(column):
            raise BadInput(
                f"{path}, line 1", f"column {place} has values and no name", "name it", code="nameless_column"
            )
    frame = pl.DataFrame(kept, schema=dict.fromkeys(kept, pl.String))
    return frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
