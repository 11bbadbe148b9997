"""People at desks in the audit log: never by name."""

import hmac
from collections.abc import Callable

_DIGITS = 16


def digest_of_names(secret: bytes) -> Callable[[str], str]:
    """A function that turns a person's name into 16 hex digits, which tell people apart and name nobody."""

    def digest(name: str) -> str:
        said = " ".join(name.split()).casefold()
        return hmac.digest(secret, b"person\0" + said.encode(), "sha256").hex()[:_DIGITS]

    return digest
