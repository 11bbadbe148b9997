"""Verifying an export with nothing but the file and the anchor: no database, no secret."""

import binascii
import gzip
import zlib
from base64 import b64decode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from domain.audit import Sealed
from domain.errors import BadInput
from domain.ports.audit import StoredRow
from domain.verification import Findings, Mark, Verification
from tools.audit.lines import FORMAT, LONGEST, ROW, json_content, read_seal, row_parts
from tools.audit.roots import Root, from_fields
from tools.audit.verifier import Said, Verifier, said_by

GZIP: Final = b"\x1f\x8b"
HEADER: Final = {"format", "heads", "public_key", "roots", "rows", "tenant"}
SEAL, ROOT, END = b'{"seal":', b'{"root":', b'{"end":'


def verify_export(
    file: Path, *, anchor: Path | None = None, public_key: bytes | None = None, until: int | None = None
) -> Verification:
    """Verify an export, plain or compressed.

    Without `public_key` the one in the file's header is used: then a key that somebody else made is only
    found if the anchor names the right one. `until`: for an export older than the anchor, the Instant at
    which it was made.
    Raises: BadInput if `file` cannot be opened; ConfigError if the anchor cannot be read.
    """
    findings = Findings()
    try:
        with file.open("rb") as raw:
            packed = raw.peek(len(GZIP)).startswith(GZIP)
            stream = gzip.GzipFile(fileobj=raw) if packed else raw
            return _Reader(stream, findings).verdict(anchor, public_key, until)
    except OSError as error:
        raise BadInput("file", f"{file} cannot be read ({error.strerror})", "name an export") from error


class Lines(Protocol):
    """A file, as far as it is needed here."""

    def readline(self, size: int, /) -> bytes: ...


class _Reader:
    """One pass over the lines."""

    def __init__(self, stream: Lines, findings: Findings) -> None:
        self._stream, self._findings = stream, findings
        self._digest = sha256()
        self._number = 0
        self._end: dict[str, Any] | None = None
        self._owed: tuple[StoredRow, str] | None = None
        """The last row and the commitment that it speaks of, until the payload comes or the next row."""
        self._sum = ""

    def verdict(self, anchor: Path | None, public_key: bytes | None, until: int | None) -> Verification:
        lines = self._lines()
        header = self._header(next(lines, b""))
        roots, first = self._roots(lines)
        verifier = Verifier(
            self._findings,
            roots=roots,
            heads=_heads(header),
            anchor=anchor,
            public_key=self._key(header, public_key),
            tenant=header["tenant"] if header else None,
            until=until,
        )
        self._rows(verifier, first, lines)
        result = verifier.result
        self._counts(header, verifier, len(roots))
        return result()

    def _lines(self) -> Iterator[bytes]:
        """Lines without their newline, each counted into the checksum only when the next one is asked for."""
        try:
            while whole := self._stream.readline(LONGEST):
                self._number += 1
                if not whole.endswith(b"\n"):
                    self._note("damaged_file", "the file ends within a line")
                    return
                self._sum = self._digest.hexdigest() if whole.startswith(END) else self._sum
                self._digest.update(whole)
                yield whole[:-1]
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._note("damaged_file", f"the compressed file is broken ({type(error).__name__})")

    def _header(self, text: bytes) -> dict[str, Any] | None:
        header = json_content("header", text)
        if header is None or set(header) != HEADER or header["format"] != FORMAT or not _typed(header):
            self._note("bad_header", "the first line is not the header of an audit export of this format")
            return None
        return header

    def _roots(self, lines: Iterator[bytes]) -> tuple[list[Root], bytes | None]:
        """The roots, and the first line after them."""
        roots: list[Root] = []
        for text in lines:
            if not text.startswith(ROOT):
                return roots, text
            root = from_fields(json_content("root", text))
            if root is None:
                self._note("damaged_root", "the line is no root")
            else:
                roots.append(root)
        return roots, None

    def _rows(self, verifier: Verifier, first: bytes | None, lines: Iterator[bytes]) -> None:
        text = first
        while text is not None:
            if self._end is not None:
                self._note("after_end", "there is something after the end")
            elif text.startswith(ROW):
                self._row(verifier, text)
            elif text.startswith(END):
                self._end = json_content("end", text)
            else:
                self._seal(verifier, text)
            text = next(lines, None)
        self._settle(verifier, None)

    def _row(self, verifier: Verifier, text: bytes) -> None:
        parts = row_parts(text)
        said = said_by(parts[0]) if parts else None
        place = _place(said) if said else None
        if parts is None or place is None:
            self._note("damaged_row", "the line is no row")
            return
        body, prev, row_hash = parts
        self._settle(verifier, None)
        row = StoredRow(*place, prev, row_hash, body)
        named = verifier.row(row, said)
        self._owed = (row, named) if named else None

    def _seal(self, verifier: Verifier, text: bytes) -> None:
        sealed = read_seal(text) if text.startswith(SEAL) else None
        if sealed is None:
            self._note("damaged_line", "the line is no row and no payload")
        elif self._owed is None or sealed.commitment != self._owed[1]:
            self._note("seal_stray", "the row before this payload does not speak of it")
        else:
            self._settle(verifier, sealed)

    def _settle(self, verifier: Verifier, sealed: Sealed | None) -> None:
        """The payload of the last row came, or did not."""
        if self._owed is not None:
            verifier.payload(*self._owed, sealed)
            self._owed = None

    def _key(self, header: dict[str, Any] | None, given: bytes | None) -> bytes | None:
        try:
            named = b64decode(header["public_key"], validate=True) if header else None
        except (ValueError, binascii.Error):
            named = None
        if given is not None and named != given:
            self._note("other_key", "the export names another key than the one given")
        return given or named

    def _counts(self, header: dict[str, Any] | None, verifier: Verifier, roots: int) -> None:
        if header and (header["rows"], header["roots"]) != (verifier.rows, roots):
            self._note(
                "count_mismatch",
                f"the header tells of {header['rows']} rows and {header['roots']} roots; "
                f"there are {verifier.rows} and {roots}",
            )
        expected = {"rows": verifier.rows, "seals": verifier.sealed, "sha256": self._sum}
        if self._end is None:
            self._note("no_end", "the end is missing")
        elif self._end != expected:
            self._note("end_mismatch", "the end's counts or checksum do not agree with the file")

    def _note(self, code: str, words: str) -> None:
        self._findings.add(code, "", 0, f"line {self._number}: {words}")


def _place(said: Said) -> tuple[str, str, int] | None:
    tenant, writer, seq = said.get("tenant"), said.get("writer"), said.get("seq")
    if type(tenant) is str and type(writer) is str and type(seq) is int:
        return tenant, writer, seq
    return None


def _typed(header: dict[str, Any]) -> bool:
    heads = header["heads"]
    return (
        type(header["rows"]) is int
        and type(header["roots"]) is int
        and isinstance(header["public_key"], str)
        and isinstance(header["tenant"], str | None)
        and isinstance(heads, list)
        and all(
            isinstance(head, list) and [type(part) for part in head] == [str, str, int, str] for head in heads
        )
    )


def _heads(header: dict[str, Any] | None) -> list[Mark]:
    return (
        [Mark(tenant, writer, seq, row_hash, "head") for tenant, writer, seq, row_hash in header["heads"]]
        if header
        else []
    )
