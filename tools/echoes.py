"""Who and what is ours in a vendor's account, as the settings say: what comes back of our own writes is no news."""

from collections.abc import Mapping
from typing import Final

from tools.field_map import field_map
from tools.settings import Settings

_MAPPED: Final = frozenset({"hubspot", "salesforce"})
"""Vendors whose records have fields that we write."""


def ids_of(setting: Mapping[str, str], vendor: str) -> frozenset[str]:
    """The ids that a setting such as `webhook_actors` names for a vendor, several with ``|``."""
    return frozenset(one.strip() for one in setting.get(vendor, "").split("|") if one.strip())


def actors_of(settings: Settings, vendor: str) -> frozenset[str]:
    """Ids of our own users, apps and bots there: those that are named, and the admin as whom we write in Intercom."""
    found = ids_of(settings.webhook_actors, vendor)
    if vendor == "intercom" == settings.desk:
        found |= {str(settings.desk_account)}
    return found


def written_of(settings: Settings, vendor: str) -> frozenset[str]:
    """The fields of a contact or Lead that we write; none where we write nowhere. Raises: ConfigError."""
    if vendor not in _MAPPED or settings.crm != vendor:
        return frozenset()
    fields = field_map(settings.config, vendor)
    own = (fields.own[name] for name in ("lead", "marks") if name in fields.own)
    return frozenset({*fields.fields.values(), *fields.owner.values(), *own})
