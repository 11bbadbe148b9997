"""``/healthz``, ``/readyz``, ``/metrics``: how the server stands, for whoever watches it."""

from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from domain.access import Scope
from surfaces.api.guard import Needs
from surfaces.api.health import Health
from surfaces.api.metrics import MEDIA, Figures
from surfaces.api.problems import answers, problem

AGAIN_S: Final = 5


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["ok"])


class Less(BaseModel):
    """What the server goes on without."""

    name: str = Field(description="`model`, `target:NAME`, `inbox`, or a part: `worker`, `events`, `desk`, …")
    code: str = Field(
        description="Of a breaker `open` or `half_open`; `filling`; of a part `ended`, `begun_again`, `hangs`."
    )


class Ready(BaseModel):
    """It can do its work."""

    status: str = Field(description="`ok`, or `degraded` if it goes on without something.")
    degraded: list[Less]


def state_router(health: Health, figures: Figures, needs: Needs) -> APIRouter:
    """The routes. All but ``/healthz`` ask for the scope ``read``."""
    router = APIRouter(tags=["state"])
    guarded = [Depends(needs(Scope.READ))]

    @router.get("/healthz", summary="Whether the process answers", response_model=Alive)
    async def healthz() -> dict[str, str]:
        """Asks nothing of anything behind it."""
        return {"status": "ok"}

    @router.get(
        "/readyz",
        summary="Whether it can do its work",
        response_model=None,
        dependencies=guarded,
        responses={200: {"model": Ready}, **answers(503)},
    )
    async def readyz() -> Response:
        """503 names in `missing` what it cannot do without: `database`, `audit`, `inbox`, `worker`, `deliveries`."""
        standing = await health.standing()
        if not standing.missing:
            return JSONResponse(standing.document())
        missing = [{"name": name, "code": code} for name, code in sorted(standing.missing.items())]
        names = ", ".join(sorted(standing.missing))
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_ready",
            f"missing: {names}",
            headers={"Retry-After": str(AGAIN_S)},
            missing=missing,
            degraded=standing.document()["degraded"],
            remedy="see leadgraph doctor on the machine of the server",
        )

    @router.get(
        "/metrics",
        summary="Figures for Prometheus",
        response_class=Response,
        dependencies=guarded,
        responses={200: {"content": {"text/plain": _TEXT}, "description": "Prometheus text."}, **answers()},
    )
    async def metrics() -> Response:
        """Requests, signals, runs, actions, questions to people, parts, breakers, the language model."""
        return Response(await figures.text(), media_type=MEDIA)

    return router


_TEXT: Final[dict[str, Any]] = {
    "schema": {"type": "string"},
    "example": 'leadgraph_signals{state="applied"} 12.0\n',
}
