"""What the schemes of webhook signatures have in common: constant time, a window both ways, no empty secret."""

import base64
import hmac
from collections.abc import Iterable, Sequence
from hashlib import sha1, sha256
from typing import Final

from domain.instants import SECOND
from domain.ports.receivers import Delivery, Unproven

WINDOW: Final = 300 * SECOND
"""How far the time that was signed may lie from ours, both ways."""


def header(delivery: Delivery, name: str) -> str:
    """The header. Raises: Unproven if it is missing or empty."""
    value = delivery.headers.get(name, "")
    if not value:
        raise Unproven("missing")
    return value


def fresh(at: int, now: int) -> None:
    """Raises: Unproven if the Instant `at` lies outside the window around `now`."""
    if at < now - WINDOW:
        raise Unproven("stale")
    if at > now + WINDOW:
        raise Unproven("future")


def whole(text: str, unit: int) -> int:
    """A time sent as digits of `unit` microseconds each, as an Instant. Raises: Unproven."""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise Unproven("signature")
    return int(text) * unit


def same(given: str, wanted: Iterable[str]) -> None:
    """Return if `given` is one of `wanted`; all are compared, each in constant time. Raises: Unproven."""
    shown = given.encode("utf-8", "surrogateescape")
    if not any([hmac.compare_digest(shown, one.encode()) for one in wanted]):
        raise Unproven("signature")


def hex_sha256(secrets: Sequence[str], text: bytes) -> list[str]:
    """The HMAC-SHA256 of `text` under each secret, as hexadecimal digits."""
    return [hmac.digest(key, text, sha256).hex() for key in _keys(secrets)]


def base64_sha256(secrets: Sequence[str], text: bytes) -> list[str]:
    """The same in base64."""
    return [base64.b64encode(hmac.digest(key, text, sha256)).decode() for key in _keys(secrets)]


def hex_sha1(secrets: Sequence[str], text: bytes) -> list[str]:
    """The HMAC-SHA1 of `text` under each secret, for the vendors that still sign with it."""
    return [hmac.digest(key, text, sha1).hex() for key in _keys(secrets)]


def shown_token(delivery: Delivery) -> str:
    """The token that a request shows: in the address, as a bearer token, or as the password of a Basic login."""
    scheme, _, value = delivery.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return delivery.token


def with_token(delivery: Delivery, tokens: Sequence[str]) -> None:
    """Return if the request shows one of `tokens`, which we issued. Raises: Unproven."""
    token = shown_token(delivery)
    if not token:
        raise Unproven("missing")
    same(token, [one for one in tokens if one])


def _keys(secrets: Sequence[str]) -> list[bytes]:
    return [secret.encode() for secret in secrets if secret]
