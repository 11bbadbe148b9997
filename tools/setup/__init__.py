"""How each vendor is set up, by name; a vendor's module is loaded on use."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from domain.errors import BadInput
from domain.ports.setup import Setup

_WHERE: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "hubspot": ("hubspot", "RECIPE"),
        "salesforce": ("salesforce", "RECIPE"),
        "chatwoot": ("chatwoot", "RECIPE"),
        "intercom": ("intercom", "RECIPE"),
        "zendesk": ("zendesk", "RECIPE"),
        "slack": ("slack", "RECIPE"),
        "brevo": ("brevo", "RECIPE"),
        "segment": ("senders", "SEGMENT"),
        "standard": ("senders", "STANDARD"),
    }
)
NAMES: Final = tuple(_WHERE)
"""All that can be connected."""


def setup(name: str) -> Setup:
    """The set-up of a vendor. Raises: BadInput listing the names."""
    if name not in _WHERE:
        raise BadInput(
            "vendor", f"there is none called {name}", f"use one of {', '.join(NAMES)}", code="unknown"
        )
    module, value = _WHERE[name]
    return cast(Setup, getattr(importlib.import_module(f"tools.setup.{module}"), value))
