"""Stored bytes with a checksum before them: one flipped bit is found before anything is decided on it."""

from hashlib import blake2b
from typing import Final

MARK: Final = b"\xc1"
"""No JSON and no MessagePack begins with it: what was stored without a checksum can be told."""
_SIZE: Final = 8
_HEAD: Final = len(MARK) + _SIZE


def marked(body: bytes) -> bytes:
    """`body` with its checksum."""
    return MARK + blake2b(body, digest_size=_SIZE).digest() + body


def unmarked(stored: bytes) -> bytes:
    """Inverse of `marked`; what an older version stored without a checksum comes back as it is. Raises: ValueError."""
    if not stored.startswith(MARK):
        return stored
    body = stored[_HEAD:]
    if blake2b(body, digest_size=_SIZE).digest() != stored[len(MARK) : _HEAD]:
        raise ValueError("stored bytes do not match their checksum: they were damaged")
    return body


def checksum(body: bytes) -> str:
    """16 hex digits that go with a text."""
    return blake2b(body, digest_size=_SIZE).hexdigest()
