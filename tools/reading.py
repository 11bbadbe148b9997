"""Reading files that people hand over: plain or gzip, any line ending; errors name the file and the line."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Final

from domain.errors import BadInput
from domain.ports.sources import Bad

MAX_LINE: Final = 1024 * 1024
"""Bytes of a line that are looked at; a longer one is passed over as one bad line."""
KEPT: Final = 64 * 1024
COUNTED: Final = 512 * 1024 * 1024
"""Size of a file up to which its lines are counted beforehand."""
DELIMITERS: Final = ",;\t"
_BOM: Final = b"\xef\xbb\xbf"
_GZIP: Final = b"\x1f\x8b"
_Stream = gzip.GzipFile | BufferedReader


def lines_of(path: Path, source: str) -> Iterator[tuple[int, bytes | Bad]]:
    """(number from 1, line without its ending) of a plain or gzip file; blank lines are passed over.

    Raises: BadInput if the file is not there, is empty, or is broken (then it says after which line).
    """
    number = 0
    empty = True
    with _opened(path) as stream:
        while True:
            try:
                line = stream.readline(MAX_LINE + 1)
                if len(line) > MAX_LINE and not line.endswith(b"\n"):
                    _skip_rest(stream)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                raise _broken(path, number) from None
            if not line:
                break
            number += 1
            if number == 1:
                line = line.removeprefix(_BOM)
            kept = line.strip(b"\r\n")
            if kept.strip():
                empty = False
                yield number, kept if len(line) <= MAX_LINE else _too_long(source, kept)
    if empty:
        raise BadInput(str(path), "is empty", "give a file with at least one item", code="empty_file")


def count_lines(path: Path) -> int | None:
    """Lines of the file, None if it is too large to count beforehand.

    So a file that breaks off is found before anything of it was taken. Raises: BadInput as `lines_of` does.
    """
    if path.is_file() and path.stat().st_size > COUNTED:
        return None
    found, last = 0, b"\n"
    with _opened(path) as stream:
        try:
            # `read1` gives what there is before it fails; `read` would keep it back, and the count be wrong.
            while block := stream.read1(1024 * 1024):
                found += block.count(b"\n")
                last = block
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _broken(path, found) from None
    return found + (not last.endswith(b"\n"))


def whole(path: Path) -> bytes:
    """All bytes of a plain or gzip file.

    Raises: BadInput as `lines_of` does.
    """
    with _opened(path) as stream:
        try:
            content = stream.read()
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise _broken(path, 0) from None
    if not content.strip():
        raise BadInput(str(path), "is empty", "give a file with at least one item", code="empty_file")
    return content.removeprefix(_BOM)


def rows_of(path: Path, source: str, required: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | Bad]]:
    """(line number, row by column name) of a CSV file with a header; empty cells are left out.

    Comma, semicolon and tab are understood. A row with too many or too few cells is bad and the rest goes on.
    Raises: BadInput as `lines_of` does, and for columns of `required` that are missing.
    """
    texts = _Texts(lines_of(path, source))
    header_line = next(texts)
    delimiter = max(DELIMITERS, key=header_line.count)
    header = [name.strip() for name in next(csv.reader([header_line], delimiter=delimiter))]
    _check_header(path, header, required)
    reader = csv.reader(texts, delimiter=delimiter)
    while (cells := _next_row(reader)) is not None:
        yield from texts.bad_lines()
        if len(cells) == len(header):
            yield texts.number, {name: cell for name, cell in zip(header, cells, strict=True) if cell}
        else:
            problem = f"has {len(cells)} cells where the header has {len(header)}"
            yield texts.number, _bad_row(source, texts.last, problem if cells else "is not a CSV row")
    yield from texts.bad_lines()


def _next_row(reader: Iterator[list[str]]) -> list[str] | None:
    """The next row; empty if it is no CSV, None at the end."""
    try:
        return next(reader, None)
    except csv.Error:
        return []


class _Texts:
    """Lines as text for the CSV reader, which joins those inside quotation marks; remembers the last."""

    def __init__(self, lines: Iterator[tuple[int, bytes | Bad]]) -> None:
        self._lines = lines
        self._bad: list[tuple[int, Bad]] = []
        self.number, self.last = 0, b""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for number, line in self._lines:
            self.number = number
            if isinstance(line, bytes):
                self.last = line
                return line.decode("utf-8", "surrogateescape") + "\n"
            self._bad.append((number, line))
        raise StopIteration

    def bad_lines(self) -> Iterator[tuple[int, Bad]]:
        """Lines that were passed over on the way to the last row."""
        found, self._bad = self._bad, []
        yield from found


def _check_header(path: Path, header: list[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        shown = ", ".join(header)[:300]
        raise BadInput(
            f"{path}, line 1", f"columns {', '.join(missing)} are missing", f"found: {shown}",
            code="missing_columns",
        )  # fmt: skip
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise BadInput(
            f"{path}, line 1", f"columns {', '.join(twice)[:300]} appear twice", "name each column once",
            code="duplicate_columns",
        )  # fmt: skip


def _opened(path: Path) -> _Stream:
    if path.is_dir():
        raise BadInput(str(path), "is a folder", "name a file", code="not_a_file")
    try:
        with path.open("rb") as stream:
            zipped = stream.read(2) == _GZIP
        return gzip.open(path) if zipped else path.open("rb")
    except OSError as error:
        why = "is not there" if isinstance(error, FileNotFoundError) else "cannot be opened"
        raise BadInput(str(path), why, "check the name and the rights", code="no_file") from None


def _skip_rest(stream: _Stream) -> None:
    while (part := stream.readline(MAX_LINE)) and not part.endswith(b"\n"):
        pass


def _broken(path: Path, after: int) -> BadInput:
    return BadInput(
        str(path), f"is a broken gzip file after line {after:,}", "get the file again", code="broken_gzip"
    )


def _too_long(source: str, line: bytes) -> Bad:
    problem = f"is longer than {MAX_LINE // 1024} KB"
    return Bad(source, line[:KEPT], "item", problem, "send less text in one item", "too_large")


def _bad_row(source: str, line: bytes, problem: str) -> Bad:
    return Bad(source, line[:KEPT], "row", problem, "compare it with the header", "bad_row")
