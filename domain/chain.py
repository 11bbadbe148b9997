"""The chain of audit rows: their canonical bytes, the hash that links them, and what makes a chain sound.

A row's body is canonical JSON (RFC 8785) of everything it says, its own place included. On the values that
audit rows may hold (text, integers within 2**53, booleans, null, lists and objects with ASCII keys) canonical
JSON is what the standard library writes with sorted keys and no spaces: a test compares it with an
independent implementation.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any, Final

from domain.audit import AuditEntry

GENESIS: Final = "0" * 64
"""What the first row of a chain links to."""
LARGEST: Final = 2**53 - 1
"""Integers beyond this are not exact in every JSON reader, so they are refused."""
FORMAT: Final = 1

_object = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode(entry: AuditEntry, *, seq: int, writer: str) -> bytes:
    """Canonical bytes of `entry` as row `seq` (>= 1) of the chain of (tenant, `writer`).

    Raises: ValueError for anything that a row must not hold: floats, integers beyond 2**53, keys that are not
    ASCII, lone surrogates, nested lists.
    """
    for number in (seq, entry.at, entry.duration_us):
        if type(number) is not int or not -LARGEST <= number <= LARGEST:
            raise ValueError("an audit row holds whole numbers within 2**53")
    if entry.detail:
        _check(entry.detail)
    try:
        return _text(entry, seq, writer).encode()
    except TypeError as error:
        raise ValueError(f"an audit row holds text here: {error}") from None


def _text(entry: AuditEntry, seq: int, writer: str) -> str:
    """The row with its names in canonical order."""
    return (
        f'{{"at":{entry.at},"code":{quoted(entry.code)},"commitment":{_maybe(entry.commitment)}'
        f',"detail":{_object(entry.detail) if entry.detail else "{}"},"duration_us":{entry.duration_us}'
        f',"evidence":[{",".join(map(quoted, entry.evidence))}],"lead_id":{_maybe(entry.lead_id)}'
        f',"region":{quoted(entry.region)},"run_id":{_maybe(entry.run_id)},"seq":{seq}'
        f',"step":{quoted(entry.step)},"tenant":{quoted(entry.tenant)},"v":{FORMAT}'
        f',"versions":{_versions(tuple(entry.versions.items()))},"writer":{quoted(writer)}}}'
    )


def link(prev: str, body: bytes) -> str:
    """SHA-256, in hex, of `prev` (64 hex digits as ASCII, `GENESIS` for the first row) followed by `body`."""
    return sha256(prev.encode("ascii") + body).hexdigest()


def _maybe(text: str | None) -> str:
    return "null" if text is None else quoted(text)


@lru_cache(maxsize=256)
def _versions(items: tuple[tuple[str, str], ...]) -> str:
    """Versions repeat from row to row, so their text is kept."""
    if not all(name.isascii() for name, _ in items):
        raise ValueError("a name in an audit row is not ASCII")
    return "{" + ",".join(f"{quoted(name)}:{quoted(value)}" for name, value in sorted(items)) + "}"


def _check(values: Mapping[Any, object], *, nested: bool = False) -> None:
    """Refuse what canonical JSON, or an audit row, has no room for."""
    for name, value in values.items():
        if not isinstance(name, str) or not name.isascii():
            raise ValueError("a name in an audit row is not ASCII")
        if value is None or isinstance(value, str):
            continue
        if isinstance(value, int):
            if not -LARGEST <= value <= LARGEST:
                raise ValueError("an audit row holds whole numbers within 2**53")
        elif isinstance(value, Mapping) and not nested:
            _check(value, nested=True)
        elif not isinstance(value, tuple | list) or nested or not all(isinstance(v, str) for v in value):
            raise ValueError(f"an audit row cannot hold a {type(value).__name__} there")
