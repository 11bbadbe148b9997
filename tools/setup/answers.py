"""What a person answered, before anybody is told: whether it makes sense, and whether it would be what is used."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from domain.errors import BadInput
from domain.ports.setup import Setup
from tools.login import private_key
from tools.receivers import secrets_of
from tools.settings import SEALED, SECRETS, Found, Settings, find_settings, parsed

SHARED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "crm": frozenset({"crm_url", "crm_token_file", "crm_client_id", "crm_client_secret"}),
        "desk": frozenset({"desk_url", "desk_account", "desk_token", "desk_token_file"}),
    }
)
"""Settings that mean another vendor's once ``crm`` or ``desk`` is another."""
RIVALS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "crm_token": ("crm_token_file",),
        "desk_token": ("desk_token_file",),
        "slack_token": ("slack_token_file",),
        "programmes_token": ("programmes_token_file",),
        "crm_client_secret": ("crm_jwt_key", "crm_jwt_key_file"),
        "crm_jwt_key": ("crm_jwt_key_file",),
    }
)
"""A credential, and the settings that win over it."""


def foreign(settings: Settings, of: Setup) -> frozenset[str]:
    """The settings that are another vendor's as long as `of` is not the one in use."""
    return frozenset(
        name
        for family, vendor in of.gives.items()
        for name in SHARED.get(family, ())
        if getattr(settings, family) != vendor
    )


def text_of(value: Any) -> str:
    """A setting as a person gives it; secrets in plain."""
    if isinstance(value, tuple):
        return ",".join(text_of(one) for one in value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={one}" for name, one in value.items())
    shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    return "" if shown is None else str(shown)


def sensible(values: Mapping[str, str]) -> None:
    """Whether `values` by setting can be used. Raises: BadInput, ConfigError, naming the setting."""
    if "public_url" in values and "://" not in values["public_url"]:
        raise BadInput("public_url", "is no address", "write it as https://leads.example.com")
    if "crm_jwt_key" in values:
        private_key(values["crm_jwt_key"].encode(), "crm_jwt_key")
    for name in values.keys() & SECRETS - {"crm_jwt_key"}:
        if any(sign.isspace() for one in values[name].split(",") for sign in one.strip()):
            raise BadInput(name, "holds a space or a line break", "give the secret alone")
    given = {name: parsed(name, value) for name, value in values.items()}
    settings = find_settings(**given).settings
    for name in values.keys() & SECRETS:
        if isinstance(getattr(settings, name), tuple):
            secrets_of(settings, name)


def used(found: Found, values: Mapping[str, str]) -> None:
    """Whether `values` would be what is used, once they are kept here. Raises: BadInput naming what wins."""
    fresh = {name for name, value in values.items() if text_of(getattr(found.settings, name)) != value}
    for name in sorted(fresh):
        origin = found.origin[name]
        if _wins(name, origin):
            raise BadInput(
                name,
                f"comes from {origin}, which wins over what is kept here",
                "change it there, or take it out there and run this again",
            )
        for rival in RIVALS.get(name, ()):
            if rival in values and rival not in fresh:
                raise BadInput(
                    name,
                    f"would not be used: {rival} ({found.origin[rival]}) wins",
                    f"renew {rival}, or take it out and run this again",
                )


def rivals(settings: Settings, name: str) -> dict[str, str]:
    """The settings that are there and win over `name`; HubSpot has no keys."""
    keys = ("crm_jwt_key", "crm_jwt_key_file") if settings.crm == "hubspot" else ()
    there = (rival for rival in RIVALS.get(name, ()) if rival not in keys)
    found = {rival: text_of(getattr(settings, rival)) for rival in there}
    return {rival: value for rival, value in found.items() if value}


def left_over(found: Found, of: Setup, kept: Mapping[str, str]) -> Sequence[str]:
    """Settings of the vendor in use before, which would be taken for those of `of`: they are to go.

    Raises: BadInput for one that only a person can take out.
    """
    left = [
        name for name in sorted(foreign(found.settings, of) - kept.keys()) if found.origin[name] != "default"
    ]
    for name in left:
        origin = found.origin[name]
        if origin.startswith("environment"):
            raise BadInput(
                name, f"comes from {origin} and is not {of.name}'s", "take it out there and run this again"
            )
    return left


def _wins(name: str, origin: str) -> bool:
    """Whether something of that origin wins over what is kept: secrets in the home, the rest in the file."""
    return origin.startswith("environment") or (name in SECRETS and origin not in ("default", SEALED))
