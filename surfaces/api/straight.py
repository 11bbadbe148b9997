"""Past the framework: a request that comes very often goes right to its answer.

FastAPI passes seven layers, looks for the route, solves its dependencies and prepares its answer anew for each request,
which costs more than to take a signal in. A way gives the same answer as its route, which stays for the description of
the API.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.errors import LeadgraphError
from surfaces.api.problems import crowded, of_error
from surfaces.api.requests import Requests
from surfaces.log import Told


@dataclass(frozen=True, slots=True)
class Way:
    """A route by its template, `path`, and what answers it."""

    path: str
    answer: Callable[[Request], Awaitable[Response]]


class Api(FastAPI):
    """FastAPI, past which requests go that there is a way for."""

    def __init__(self, *, ways: Mapping[tuple[str, str], Way], told: Told, **described: Any) -> None:
        """`ways` by method and path; `told` gets a line for each request, whichever way it takes."""
        super().__init__(**described)
        self.add_middleware(Requests, told=told)
        self._ways, self._straight = ways, Requests(_answer, told)
        self.away: ASGIApp = Requests(crowded(), told)
        """Answers who cannot be answered, as there is no room."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        way = self._ways.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if way is None:
            await super().__call__(scope, receive, send)
            return
        scope["route"] = way
        await self._straight(scope, receive, send)


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    way: Way = scope["route"]
    try:
        answer = await way.answer(Request(scope, receive))
    except LeadgraphError as error:
        answer = of_error(error)
    await answer(scope, receive, send)
