"""Who calls a tool: the person at this machine, or whoever shows a key over HTTP."""

from collections.abc import Callable
from typing import Any, Final

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.access import Caller
from domain.errors import BadInput, ConfigError, LeadgraphError
from surfaces.api.guard import Door
from surfaces.api.problems import of_error
from surfaces.api.rates import Rates

CallerOf = Callable[[Any], Caller]
"""Who makes a request over HTTP (None: another way). Raises: BadInput (``key``)."""
_KEY: Final = "leadgraph_caller"
_BEARER: Final = "bearer "


def always(caller: Caller) -> CallerOf:
    """Everybody is `caller`: the one at the other end of our own pipe."""

    def found(_: Any) -> Caller:
        return caller

    return found


def of_request(request: Any) -> Caller:
    """Whom the key of this very request stands for, whatever a session was begun with."""
    caller = request.scope.get(_KEY) if request is not None else None
    if not isinstance(caller, Caller):
        raise BadInput("authorization", "names nobody", "send Bearer and a key", code="key")
    return caller


class Guarded:
    """An application that only those get to who show a key, and none more often than its rate allows."""

    def __init__(self, app: ASGIApp, door: Door, rates: Rates | None = None) -> None:
        self._app, self._door, self._rates = app, door, rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the caller of each request; without one the answer is 401, with one that asks too often 429."""
        if scope["type"] == "http":
            try:
                shown = Headers(scope=scope).get("authorization", "")
                key = shown[len(_BEARER) :] if shown.lower().startswith(_BEARER) else ""
                caller = await self._door.caller(key, scope)
                if self._rates is not None:
                    self._rates.take(caller.key_id)
                scope[_KEY] = caller
            except LeadgraphError as error:
                await of_error(error)(scope, receive, send)
                return
        elif scope["type"] != "lifespan":
            return
        await self._app(scope, receive, send)


def hosts(host: str, public_url: str | None, *, here: bool) -> TransportSecuritySettings:
    """Which names and origins requests may carry, so that no page in a browser gets to us under another name.

    Raises: ConfigError beyond this machine without `public_url`.
    """
    names = {"127.0.0.1", "localhost", "[::1]"} if here else set[str]()
    origins = {f"http://{name}:*" for name in names}
    allowed = {f"{name}:*" for name in names}
    if public_url is not None:
        scheme, _, rest = public_url.partition("://")
        place = rest.partition("/")[0]
        allowed.add(place)
        origins.add(f"{scheme}://{place}")
    elif not here:
        raise ConfigError(f"public_url: listening on {host} needs it, to know under which name we are called")
    return TransportSecuritySettings(allowed_hosts=sorted(allowed), allowed_origins=sorted(origins))
