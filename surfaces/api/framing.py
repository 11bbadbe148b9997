"""What a head must not say, as two servers in a row could take it for two different requests."""

from collections.abc import Sequence
from typing import Final

MOST_HEADERS: Final = 100
VERSIONS: Final = frozenset({"1.0", "1.1"})
ONCE: Final = frozenset(
    {b"host", b"authorization", b"content-type", b"content-encoding", b"content-length", b"transfer-encoding"}
)
"""Headers of which the first and the last may not differ."""
_HIDDEN: Final = (b"%2f", b"%5c", b"%00", b"\\")
"""Signs that part a path for one server and not for another."""


def doubt(version: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> str:
    """What is doubtful about a head, empty if nothing. `target` is path and query; names are in lower case.

    >>> doubt("1.1", b"/v1/leads?after=a%2Fb", [(b"host", b"x")])
    ''
    >>> doubt("1.1", b"/v1%2Fleads", [(b"host", b"x")]), doubt("1.1", b"/", [])
    ('a hidden slash', 'no host, or two')
    """
    names = [name for name, _ in headers]
    path = target.partition(b"?")[0].lower()
    if version not in VERSIONS:
        return "a version of HTTP that is not spoken here"
    if len(headers) > MOST_HEADERS:
        return "too many headers"
    if version == "1.1" and names.count(b"host") != 1:
        return "no host, or two"
    if any(names.count(name) > 1 for name in ONCE.intersection(names)):
        return "a header twice"
    if b"transfer-encoding" in names and not _chunked(version, headers):
        return "a coding that is not taken"
    return "a hidden slash" if any(sign in path for sign in _HIDDEN) else ""


def _chunked(version: str, headers: Sequence[tuple[bytes, bytes]]) -> bool:
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    return version == "1.1" and codings == [b"chunked"]
