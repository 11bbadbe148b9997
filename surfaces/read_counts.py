"""How reading records back fares in this process, by vendor. What shows it is loaded by servers alone."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Final

_COUNTED: Final[Counter[tuple[str, str]]] = Counter()
_LOCK: Final = Lock()
"""A server's worker counts in a thread of its own."""


def count(vendor: str, what: str, number: int = 1) -> None:
    """Count `number` records: ``asked``, ``answered``, ``failed``, ``cached``; or leads: ``waited``, ``without``."""
    if number:
        with _LOCK:
            _COUNTED[vendor, what] += number


def counted() -> Mapping[tuple[str, str], int]:
    """(vendor, what) -> how often so far."""
    with _LOCK:
        return dict(_COUNTED)
