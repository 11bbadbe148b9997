"""The HTTP application over one home."""

import hmac
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Header

from domain.errors import BadInput
from domain.ports.home import Home
from domain.ports.listener import Listener
from domain.ports.receivers import Receivers
from surfaces.api import problems
from surfaces.api.handoff import handoff_router
from surfaces.handoff import DEADLINE_S, Desk
from surfaces.webhooks.router import webhook_router

_BEARER: Final = "bearer "


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

    async def known(authorization: Annotated[str, Header()] = "") -> None:
        shown = authorization[len(_BEARER) :] if authorization.lower().startswith(_BEARER) else ""
        if key is not None and not hmac.compare_digest(shown.encode(), key.encode()):
            raise BadInput(
                "authorization", "does not name a key of this server", "send Bearer and the key", code="key"
            )

    app.include_router(handoff_router(Desk(home, listener, deadline_s=deadline_s), guards=[Depends(known)]))

    if receivers is not None:
        app.include_router(webhook_router(home, receivers))

    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
