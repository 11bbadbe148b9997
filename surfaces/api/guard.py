"""Who may use which route: a bearer key, what it stands for, how often it may ask, and the scope that a route needs."""

import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.datastructures import Headers

from domain.access import HOME_KEY, Caller, Scope
from domain.errors import BadInput
from domain.ports.home import Home
from surfaces.api.guesses import Guesses
from surfaces.api.rates import Rates

BEARER: Final = HTTPBearer(
    scheme_name="key", description="A key of `leadgraph keys create`, or LEADGRAPH_API_KEY.", auto_error=False
)

_FORWARDED: Final = frozenset(
    {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}
)
"""What servers in front say of whom they ask for, beside ``X-Forwarded-*``."""
_LOOK_S: Final = 1.0
"""How often it is looked whether a first key was made."""

Needs = Callable[[Scope], Callable[..., Awaitable[Caller]]]
"""Gives the dependency of a route that needs a scope: ``caller: Annotated[Caller, Depends(needs(Scope.READ))]``."""


def guard(door: "Door", rates: Rates | None = None) -> Needs:
    """The guard of one home's routes.

    The dependency raises: BadInput (``key``, answered 401; ``scope``, answered 403), Throttled (429).
    """

    def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
        async def caller(
            request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]
        ) -> Caller:
            found = await door.caller(shown.credentials if shown is not None else "", request.scope)
            request.state.key_id = found.key_id
            if rates is not None and door.counts(found):
                request.state.rate = rates.take(found.key_id)
            if not found.may(scope):
                raise BadInput(
                    "authorization", f"lacks the scope {scope}", f"use a key with {scope}", code="scope"
                )
            return found

        return caller

    return needs


class Door:
    """Knows callers by what they show."""

    def __init__(
        self,
        home: Home,
        key: str | None,
        *,
        open_: bool = False,
        hosts: frozenset[str] = frozenset(),
        guesses: Guesses | None = None,
    ) -> None:
        """`key` is the setting `api_key`.

        While there is no key at all and the door stands open (`open_`), whoever asks is let in: but not under a name
        that is none of `hosts`, if there are any, as a page in a browser can be made to ask us under its own; and not
        for somebody else, as a server in front may ask for the whole world.
        """
        self._home, self._key, self._hosts, self._guesses = home, key, hosts, guesses
        self._open, self._looked = open_ and key is None, -_LOOK_S
        self._everybody = Caller(HOME_KEY, "api_key", home.tenant, home.region, frozenset(Scope))

    async def caller(self, shown: str, scope: Mapping[str, Any]) -> Caller:
        """Who shows this in a request. Raises: BadInput (``key``), Throttled (``guesses``)."""
        guesses = self._guesses if shown else None
        if guesses is not None:
            guesses.before(shown, scope)
        found = await self._known(shown)
        if found is not None:
            if guesses is not None:
                guesses.right(shown, found.key_id)
            return found
        if await self._stands_open():
            self._is_near(scope)
            return self._everybody
        if guesses is not None:
            guesses.wrong(shown, scope)
        raise BadInput(
            "authorization", "does not name a key of this server", "send Bearer and the key", code="key"
        )

    def counts(self, caller: Caller) -> bool:
        """Whether the caller shows a key, and so has a rate."""
        return caller.key_id != HOME_KEY or self._key is not None

    async def _known(self, shown: str) -> Caller | None:
        home = self._home
        if self._key is not None and hmac.compare_digest(shown.encode(), self._key.encode()):
            return self._everybody
        if not shown or home.access is None:
            return None
        return await home.access.find(home.tenant, shown, now=home.clock.now())

    async def _stands_open(self) -> bool:
        """False for good once a key was made, be it revoked since; it may take a second to be noticed."""
        now = time.monotonic()
        if self._open and self._home.access is not None and now - self._looked >= _LOOK_S:
            self._open = not await self._home.access.all(self._home.tenant)
            self._looked = now
        return self._open

    def _is_near(self, scope: Mapping[str, Any]) -> None:
        """Raises: BadInput (``key``) if the request may come from elsewhere."""
        headers = Headers(raw=scope["headers"])
        if self._hosts and _name(headers) not in self._hosts:
            raise BadInput("host", "is not this machine", "use 127.0.0.1, or make a key", code="key")
        for name in headers:
            if name in _FORWARDED or name.startswith("x-forwarded-"):
                raise BadInput(name, "asks for somebody else", "make a key and show it", code="key")


def _name(headers: Headers) -> str:
    """The name under which we are asked, without its port."""
    given = headers.get("host", "").lower()
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]
