"""Who may use which route: a bearer key, what it stands for, and the scope that a route needs."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Header

from domain.access import Caller, Scope
from domain.errors import BadInput
from domain.ports.home import Home

_BEARER: Final = "bearer "

Needs = Callable[[Scope], Callable[..., Awaitable[Caller]]]
"""Gives the dependency of a route that needs a scope: ``caller: Annotated[Caller, Depends(needs(Scope.READ))]``."""


def guard(home: Home, *, key: str | None) -> Needs:
    """The guard of one home's routes. `key` is the setting `api_key`; without any key whoever reaches us is let in.

    The dependency raises: BadInput (``key``, answered 401; ``scope``, answered 403).
    """

    def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
        async def caller(authorization: Annotated[str, Header()] = "") -> Caller:
            shown = authorization[len(_BEARER) :] if authorization.lower().startswith(_BEARER) else ""
            if key is not None and not hmac.compare_digest(shown.encode(), key.encode()):
                raise BadInput(
                    "authorization",
                    "does not name a key of this server",
                    "send Bearer and the key",
                    code="key",
                )
            found = Caller("setting", "api_key", home.tenant, home.region, frozenset(Scope))
            if not found.may(scope):
                raise BadInput("authorization", f"lacks the scope {scope}", "use another key", code="scope")
            return found

        return caller

    return needs
