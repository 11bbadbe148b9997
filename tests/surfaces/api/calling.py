"""Callers by name: the routes with a guard that believes whoever says who he is, and a client over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Annotated, Any

import httpx
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request

from domain.access import ROLES, Caller, Scope
from domain.errors import BadInput
from domain.ids import Region
from domain.ports.home import Home
from surfaces.api import problems
from surfaces.api.guard import BEARER, Needs
from surfaces.api.straight import Api, Way


def trusting(home: Home) -> Needs:
    """A guard that takes ``name role region`` as the key."""

    def needs(scope: Scope) -> Callable[..., Awaitable[Caller]]:
        async def caller(request: Request, _: Annotated[Any, Depends(BEARER)]) -> Caller:
            name, role, region = request.headers["authorization"].removeprefix("Bearer ").split()
            found = Caller(name, name, home.tenant, Region(region), ROLES[role])
            if not found.may(scope):
                raise BadInput("authorization", f"lacks the scope {scope}", "use another key", code="scope")
            return found

        return caller

    return needs


def app_of(
    home: Home,
    *routers: Callable[[Home, Needs], APIRouter],
    ways: Mapping[tuple[str, str], Way] = MappingProxyType({}),
) -> FastAPI:
    """The routes of `routers` over `home`, past which `ways` go."""
    app = Api(ways=ways, told=lambda _: None)
    problems.install(app)
    for router in routers:
        app.include_router(router(home, trusting(home)))
    return app


def who(name: str, role: str = "admin", region: str = "us") -> dict[str, str]:
    """The headers of a caller."""
    return {"authorization": f"Bearer {name} {role} {region}"}


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, served on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - the server has no event to wait for
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", trust_env=False, limits=limits, timeout=30
        ) as client:
            yield client
    finally:
        server.should_exit = True
        await running
