"""A home as it stands open to a caller: a key sees and lets in what is of its own region."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from domain.access import HOME_KEY, Caller
from domain.ids import Region, TenantId
from domain.ports.home import Home

Door = Callable[[Caller], Home]
"""Gives the home as it stands open to a caller."""


def doors(home: Home) -> Door:
    """The doors of `home`. The key of the settings is bound to no region: to it all of the home stands open."""

    @lru_cache(maxsize=64)
    def of(tenant: TenantId, region: Region) -> Home:
        return replace(home, tenant=tenant, region=region, regions=frozenset({region}), within=region)

    def door(caller: Caller) -> Home:
        return home if caller.key_id == HOME_KEY else of(caller.tenant, caller.region)

    return door
