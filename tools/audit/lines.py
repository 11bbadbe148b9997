"""The export's form, JSON lines: header, signed roots, rows with each sealed payload after its row, end.

A row's body stands in its line as the very bytes that were hashed, so that reading needs no canonical form:
``{"row":<body>,"prev":"<64 hex>","hash":"<64 hex>"}``. Tenant, writer and seq are only in the body: nothing
can disagree.
"""

import binascii
from base64 import b64decode, b64encode
from typing import Any, Final

import orjson

from domain.audit import Sealed
from domain.ports.audit import StoredRow

FORMAT: Final = 1
ROW, PREV, HASH, END = b'{"row":', b',"prev":"', b'","hash":"', b'"}'
DIGITS: Final = 64
_TAIL: Final = len(PREV) + DIGITS + len(HASH) + DIGITS + len(END)
_HASH_AT: Final = -len(END) - DIGITS
_PREV_AT: Final = _HASH_AT - len(HASH) - DIGITS
LONGEST: Final = 64_000_000
"""Bytes of a line; a longer one is no line of an export."""


def row_line(row: StoredRow) -> bytes:
    """A row as a line, without the newline."""
    return b"".join((ROW, row.body, PREV, row.prev.encode(), HASH, row.hash.encode(), END))


def row_parts(text: bytes) -> tuple[bytes, str, str] | None:
    """(body, prev, hash) of a row's line; None if what is around them is not as `row_line` writes it."""
    framed = (
        text.startswith(ROW)
        and text.endswith(END)
        and text[_HASH_AT - len(HASH) : _HASH_AT] == HASH
        and text[-_TAIL:_PREV_AT] == PREV
    )
    if not framed:
        return None
    prev, row_hash = text[_PREV_AT : _PREV_AT + DIGITS], text[_HASH_AT : -len(END)]
    return text[len(ROW) : -_TAIL], prev.decode("latin-1"), row_hash.decode("latin-1")


def json_line(name: str, content: dict[str, Any]) -> bytes:
    """``{"name":{...}}`` with sorted keys, without the newline."""
    return orjson.dumps({name: content}, option=orjson.OPT_SORT_KEYS)


def json_content(name: str, text: bytes) -> dict[str, Any] | None:
    """Inverse of `json_line`; None for anything that it would not have written, to the byte."""
    try:
        said = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    content = said.get(name) if isinstance(said, dict) else None
    return content if isinstance(content, dict) and json_line(name, content) == text else None


def seal_line(sealed: Sealed) -> bytes:
    """A sealed payload as a line, without the newline."""
    return json_line(
        "seal",
        {
            "ciphertext": b64encode(sealed.ciphertext).decode(),
            "commitment": sealed.commitment,
            "key_id": sealed.key_id,
            "salt": b64encode(sealed.salt).decode(),
        },
    )


def read_seal(text: bytes) -> Sealed | None:
    """Inverse of `seal_line`; None for anything that it would not have written, to the byte."""
    said = json_content("seal", text)
    try:
        found = said and Sealed(
            ciphertext=b64decode(said["ciphertext"], validate=True),
            salt=b64decode(said["salt"], validate=True),
            commitment=said["commitment"],
            key_id=said["key_id"],
        )
    except (KeyError, TypeError, ValueError, binascii.Error):
        return None
    return found if found and seal_line(found) == text else None
