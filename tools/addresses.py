"""Addresses that we send to: encrypted, or on this machine."""

from typing import Final
from urllib.parse import urlsplit

from domain.errors import ConfigError

_HERE: Final = {"127.0.0.1", "::1", "localhost"}


def checked(url: str) -> str:
    """`url` if it is https, or http to this machine, and carries no password.

    Raises: ConfigError.
    >>> checked("http://127.0.0.1:8080/hook")
    'http://127.0.0.1:8080/hook'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError("the address of a target is no URL; write https://host/path") from error
    if parts.username is not None or parts.password is not None:
        raise ConfigError(f"the address of {host} carries a password; give it as a secret instead")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in _HERE)):
        raise ConfigError(
            f"{parts.scheme}://{host}: a target is reached by https, or by http on this machine"
        )
    return url
