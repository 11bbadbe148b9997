"""``GET /v1/events``: what happened, read from a position on, and the schemas of what it is told in."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from domain.access import Caller, Scope
from domain.errors import BadInput
from domain.happening import EventType, schema_of, types_from
from domain.ids import Region
from domain.ports.home import Home
from surfaces.announcing import page
from surfaces.api.guard import Needs
from surfaces.api.problems import answers

MOST: Final = 500
FURTHEST: Final = 2**60
SCHEMA_MEDIA: Final = "application/schema+json"


class CloudEvent(BaseModel):
    """CloudEvents 1.0 in the structured form; `data` by the schema of its type."""

    specversion: str
    id: str = Field(description="The same event always has the same id.")
    source: str
    type: EventType
    subject: str = Field(description="The lead.")
    time: str
    datacontenttype: str
    dataschema: str
    sequence: str = Field(description="Its position, as digits that sort.")
    data: dict[str, Any]


class Found(BaseModel):
    """Events after a position, in the order of commit."""

    events: list[CloudEvent]
    next: int = Field(description="Send it as `after` for what follows; it stands still at the end.")
    more: bool = Field(description="There is more by now. A page may be empty and more still follow.")


_NAME: Final = "(" + "|".join(name.replace(".", r"\.") for name in EventType) + ")"
_TYPES: Final = rf"^({_NAME}(,{_NAME})*)?$"


def events_router(home: Home, needs: Needs) -> APIRouter:
    """The routes over `home`."""
    router = APIRouter(prefix="/v1/events", tags=["events"])

    @router.get(
        "",
        summary="What happened after a position",
        response_model=None,
        responses={200: {"model": Found}, **answers(422)},
    )
    async def after_position(
        caller: Annotated[Caller, Depends(needs(Scope.READ))],
        after: Annotated[int, Query(ge=0, le=FURTHEST, description="`next` of the page before.")] = 0,
        types: Annotated[
            str,
            Query(
                pattern=_TYPES,
                max_length=500,
                description="Such as `lead.scored,decision.made`; left out: all.",
            ),
        ] = "",
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    ) -> dict[str, Any]:
        """Of the region of the key. Read again from a position gives the same events with the same ids."""
        found = await page(home, Region(caller.region), after, types=types_from(types), limit=limit)
        told = [event.document(home.tenant, caller.region) for event in found.events]
        return {"events": told, "next": found.after, "more": found.more}

    @router.get(
        "/schemas/{type}",
        summary="The JSON Schema of a type of event",
        response_class=JSONResponse,
        responses={200: {"content": {SCHEMA_MEDIA: {"schema": {"type": "object"}}}}, **answers(404)},
    )
    async def schema(type: str, _: Annotated[Caller, Depends(needs(Scope.READ))]) -> JSONResponse:
        """Of the member `data`; the rest is CloudEvents 1.0."""
        return JSONResponse(schema_of(_known(type)), media_type=SCHEMA_MEDIA)

    return router


def _known(name: str) -> EventType:
    try:
        return EventType(name)
    except ValueError:
        words = f"take one of {', '.join(EventType)}"
        raise BadInput("type", "is no type of event", words, code="unknown") from None
