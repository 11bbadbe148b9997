"""Addresses that strangers gave us: what may be reached there, found out once and then held to.

A name is looked up once for each message, every address it has must be one of the open internet, and the connection
goes to one of those addresses: a name that answers otherwise a moment later leads nowhere.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from domain.errors import BadInput

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, as text. Raises: OSError."""

LONGEST: Final = 2_000
"""Characters of an address."""
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+")
_INNER: Final = frozenset(
    {"localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "arpa"}
)
"""Last labels of names that are no one's on the open internet."""
_CARRIED: Final = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
"""Networks whose addresses carry an IPv4 address, and how many bits stand right of it."""
_CLOSED: Final = (IPv6Network("64:ff9b:1::/48"), IPv6Network("2001::/32"), IPv6Network("fec0::/10"))
"""Translated within one network, Teredo, site-local: never the open internet."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address taken apart. `host` is a name in lower case, or an IP address in its usual form."""

    host: str
    port: int
    https: bool
    here: bool
    """This machine may be reached."""

    @property
    def named(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.https else 80) else f"{host}:{self.port}"


def place_of(url: str, *, here: bool) -> Place:
    """What `url` names: https and a name or address of the open internet; with `here` also this machine by http.

    Raises: BadInput (``url``).
    """
    if not (0 < len(url) <= LONGEST and url.isascii() and url.isprintable()) or set(url) & set(' \\"<>^`{|}'):
        raise _refused("is no URL", "write https://host/path in ASCII")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise _refused("is no URL", "write https://host/path") from None
    if "@" in parts.netloc or "#" in url:
        raise _refused("carries a name, a password or a fragment", "leave it out: messages are signed")
    own = _is_here(host)
    if parts.scheme != "https" and not (parts.scheme == "http" and here and own):
        raise _refused("is not https", "write https://host/path")
    if port == 0:
        raise _refused("names port 0", "leave the port out")
    if not (own and here):
        _outside(host)
    https = parts.scheme == "https"
    return Place(host, port or (443 if https else 80), https, here)


async def reached(place: Place, resolve: Resolve) -> tuple[str, ...]:
    """The addresses of `place`, each of them one that we may reach.

    Raises: BadInput (``url``) if one of them is not, OSError if there is none.
    """
    try:
        found: Sequence[str] = (str(ip_address(place.host)),)
    except ValueError:
        found = await resolve(place.host, place.port)
    if not found:
        raise OSError(f"{place.host} has no address")
    for one in found:
        address = ip_address(one)
        if not (is_open(address) or (place.here and address.is_loopback)):
            raise _refused("leads into a network that is not public", "name a host of the open internet")
    return tuple(dict.fromkeys(found))


def is_open(address: Address) -> bool:
    """True for an address of the open internet; of one that carries another, both must be.

    >>> [is_open(ip_address(a)) for a in ("8.8.8.8", "10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "fe80::1")]
    [True, False, False, False, False]
    """
    if isinstance(address, IPv6Address):
        if address.scope_id is not None or any(address in network for network in _CLOSED):
            return False
        for network, right in _CARRIED:
            if address in network:
                return is_open(IPv4Address(int(address) >> right & 0xFFFF_FFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved


async def looked_up(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system knows them. Raises: OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _outside(host: str) -> None:
    """Refuse what can be no host of the open internet. Raises: BadInput."""
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.split(".")
        whole = len(labels) > 1 and len(host) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
        if not whole or _NUMBER.fullmatch(labels[-1]):
            raise _refused("names no host", "write its full name, or its address in the usual form") from None
        if labels[-1] in _INNER:
            raise _refused("names a host within a network", "name a host of the open internet") from None
        return
    if not is_open(address):
        raise _refused("leads into a network that is not public", "name a host of the open internet")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(problem: str, remedy: str) -> BadInput:
    return BadInput("url", problem, remedy, code="address")
