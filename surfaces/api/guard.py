"""Who may use which route: a bearer key, what it stands for, how often it may ask, and the scope that a route needs."""

import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from domain.access import HOME_KEY, Caller, Scope
from domain.errors import BadInput
from domain.ports.home import Home
from surfaces.api.rates import Rates

BEARER: Final = HTTPBearer(
    scheme_name="key", description="A key of `leadgraph keys create`, or LEADGRAPH_API_KEY.", auto_error=False
)

_LOOK_S: Final = 1.0
"""How often it is looked whether a first key was made."""

Needs = Callable[[Scope], Callable[..., Awaitable[Caller]]]
"""Gives the dependency of a route that needs a scope: ``caller: Annotated[Caller, Depends(needs(Scope.READ))]``."""


def guard(
    home: Home,
    *,
    key: str | None,
    here: bool = True,
    rates: Rates | None = None,
    hosts: frozenset[str] = frozenset(),
) -> Needs:
    """The guard of one home's routes. `key` is the setting `api_key`.

    While there is no key at all and only this machine reaches us (`here`), whoever asks is let in: but not under a name
    that is none of `hosts`, if there are any, as a page in a browser can be made to ask us under its own.
    The dependency raises: BadInput (``key``, answered 401; ``scope``, answered 403), Throttled (429).
    """
    door = Door(home, key, here=here)

    def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
        async def caller(
            request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
        ) -> Caller:
            found = await door.caller(shown.credentials if shown is not None else "")
            if found.key_id == HOME_KEY and key is None and hosts and _name(request) not in hosts:
                raise BadInput("host", "is not this machine", "use 127.0.0.1, or make a key", code="key")
            request.state.key_id = found.key_id
            if rates is not None and found.key_id != HOME_KEY:
                request.state.rate = rates.take(found.key_id)
            if not found.may(scope):
                raise BadInput(
                    "authorization", f"lacks the scope {scope}", f"use a key with {scope}", code="scope"
                )
            return found

        return caller

    return needs


def _name(request: Request) -> str:
    """The name under which we are asked, without its port."""
    given = request.headers.get("host", "").lower()
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]


class Door:
    """Knows callers by what they show."""

    def __init__(self, home: Home, key: str | None, *, here: bool) -> None:
        self._home, self._key = home, key
        self._open, self._looked = here and key is None, -_LOOK_S
        self._everybody = Caller(HOME_KEY, "api_key", home.tenant, home.region, frozenset(Scope))

    async def caller(self, shown: str) -> Caller:
        """Who shows this. Raises: BadInput (``key``)."""
        home = self._home
        if self._key is not None and hmac.compare_digest(shown.encode(), self._key.encode()):
            return self._everybody
        if shown and home.access is not None:
            found = await home.access.find(home.tenant, shown, now=home.clock.now())
            if found is not None:
                return found
        if await self._stands_open():
            return self._everybody
        raise BadInput(
            "authorization", "does not name a key of this server", "send Bearer and the key", code="key"
        )

    async def _stands_open(self) -> bool:
        """False for good once a key was made, be it revoked since; it may take a second to be noticed."""
        now = time.monotonic()
        if self._open and self._home.access is not None and now - self._looked >= _LOOK_S:
            self._open = not await self._home.access.all(self._home.tenant)
            self._looked = now
        return self._open
