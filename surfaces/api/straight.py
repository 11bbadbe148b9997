"""Past the framework's routing: a request that comes very often goes from the middleware right to its answer.

FastAPI looks for the route, solves its dependencies and prepares its answer anew for each request, which costs more
than to take a signal in. A way gives the same answer as its route, which stays for the description of the API.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import LeadgraphError
from surfaces.api.problems import of_error


@dataclass(frozen=True, slots=True)
class Way:
    """A route by its template, `path`, and what answers it."""

    path: str
    answer: Callable[[Request], Awaitable[Response]]


class Straight:
    """Middleware: asks `ways` by method and path, and leaves everything else to the application."""

    def __init__(self, app: ASGIApp, ways: Mapping[tuple[str, str], Way]) -> None:
        self._app, self._ways = app, ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        way = self._ways.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if way is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = way
        try:
            answer = await way.answer(Request(scope, receive))
        except LeadgraphError as error:
            answer = of_error(error)
        await answer(scope, receive, send)
