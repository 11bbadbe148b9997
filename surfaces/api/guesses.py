"""Keys that are none: each new one costs whoever shows it, by the address from which it comes.

Who has nothing left to pay with is not listened to for a while; a key that was right before is listened to always, so
that behind one proxy nobody keeps out those who are known. The same wrong key again is no new guess, and costs nothing.
Of one process, in memory, and bounded.
"""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

from domain.errors import Throttled
from surfaces.api.problems import GUESSES
from surfaces.api.rates import Rates

PER_MINUTE: Final = 10
BURST: Final = 30
PLACES: Final = 4_096
"""Addresses, and wrong keys, that are remembered; those longest unheard of are forgotten first."""
_NETWORK: Final = 64
"""Bits of an IPv6 address that tell whose it is: the rest is for its holder to choose."""
_FORWARDED: Final = b"x-forwarded-for"


class Guesses:
    """Who guessed how often. `proxies` stand in front and each adds the address it sees to ``X-Forwarded-For``."""

    def __init__(self, *, proxies: int = 0, now: Callable[[], float] = time.monotonic) -> None:
        """`now` in seconds. With 0 proxies the address is that of the connection, whatever a header says."""
        self._proxies = proxies
        self._left = Rates(PER_MINUTE, BURST, most=PLACES, now=now)
        self._right: dict[str, bytes] = {}
        self._wrong: dict[bytes, None] = {}

    def before(self, shown: str, scope: Mapping[str, Any]) -> None:
        """Look whether a key may be tried. Raises: Throttled (``guesses``)."""
        if not self._wrong:
            return
        wait = self._left.wait_s(self._place(scope))
        if wait and _digest(shown) not in self._right.values():
            raise Throttled("too many wrong keys", wait, code=GUESSES)

    def right(self, shown: str, key_id: str) -> None:
        """The key was one."""
        if key_id not in self._right:
            self._right[key_id] = _digest(shown)

    def wrong(self, shown: str, scope: Mapping[str, Any]) -> None:
        """The key was none. Raises: Throttled (``guesses``) if nothing is left."""
        digest = _digest(shown)
        if digest in self._wrong:
            return
        if len(self._wrong) >= PLACES:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[digest] = None
        self._left.take(self._place(scope), code=GUESSES)

    def _place(self, scope: Mapping[str, Any]) -> str:
        """Whose request it is: the address of the connection, or the one that the outermost of our proxies saw."""
        client = scope.get("client")
        seen = [client[0] if client else ""]
        if self._proxies:
            values = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
            seen = [*filter(None, ",".join(values).split(",")), *seen]
        return _network(seen[max(0, len(seen) - 1 - self._proxies)].strip())


@lru_cache(maxsize=PLACES)
def _network(address: str) -> str:
    """One word for all addresses of one holder; what is no address stands for nobody in particular."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or int(found) >> _NETWORK)


def _digest(shown: str) -> bytes:
    return sha256(shown.encode()).digest()
