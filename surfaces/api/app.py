"""The HTTP application over one home."""

from fastapi import Depends, FastAPI

from domain.access import Scope
from domain.ports.home import Home
from domain.ports.listener import Listener
from domain.ports.receivers import Receivers
from surfaces.api import problems
from surfaces.api.guard import guard
from surfaces.api.handoff import handoff_router
from surfaces.handoff import DEADLINE_S, Desk
from surfaces.webhooks.router import webhook_router


def build_app(
    home: Home,
    listener: Listener,
    *,
    receivers: Receivers | None = None,
    key: str | None = None,
    deadline_s: float = DEADLINE_S,
) -> FastAPI:
    """The application. With `key` every route but ``/healthz`` wants it as a bearer; `deadline_s` bounds hearing.

    Webhooks are taken where there are `receivers`: they prove themselves by the vendor's scheme, not by the key.
    """
    app = FastAPI(title="Leadgraph", version="1", docs_url=None, redoc_url=None)
    problems.install(app)

    needs = guard(home, key=key)
    desk = Desk(home, listener, deadline_s=deadline_s)
    app.include_router(handoff_router(desk, guards=[Depends(needs(Scope.INGEST))]))

    if receivers is not None:
        app.include_router(webhook_router(home, receivers))

    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
