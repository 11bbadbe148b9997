"""What every target over HTTP has in common: refusals by their status, requests that never left, tokens that fit."""

from collections.abc import Mapping
from typing import Final

import httpx

from domain.errors import ConfigError

UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors of requests of which nothing was sent."""
REFUSED: Final[Mapping[int, str]] = {
    400: "invalid", 403: "forbidden", 404: "gone", 409: "conflict", 410: "gone", 422: "invalid",
}  # fmt: skip
"""Status -> code of the refusal."""


def usable(token: str, whose: str) -> str:
    """The token of `whose` (as words of the error) if a header can hold it. Raises: ConfigError, without the token."""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(f"the token of {whose} is one word of ASCII signs")
    return token
