"""What a head must not say, as two servers in a row could take it for two different requests."""

from collections import Counter
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
    names = Counter(name for name, _ in headers)
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    path = target.partition(b"?")[0].lower()
    found = {
        "a version of HTTP that is not spoken here": version not in VERSIONS,
        "too many headers": len(headers) > MOST_HEADERS,
        "no host, or two": version == "1.1" and names[b"host"] != 1,
        "a header twice": any(names[name] > 1 for name in ONCE),
        "a coding that is not taken": bool(codings) and (version != "1.1" or codings != [b"chunked"]),
        "a hidden slash": any(sign in path for sign in _HIDDEN),
    }
    return next((words for words, true in found.items() if true), "")
