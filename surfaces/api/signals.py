"""``POST /v1/signals``: one signal or a list of them; what is answered is on disk."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from domain.access import Caller, Scope
from domain.errors import BadInput
from domain.ports.home import Home
from surfaces.api.body import bytes_of, document_in, json_type
from surfaces.api.guard import BEARER, Needs
from surfaces.api.problems import answers
from surfaces.api.straight import Way
from surfaces.door import LIMIT, take
from surfaces.narrowed import doors

PATH: Final = "/v1/signals"
MOST_BYTES: Final = 4 * 1024 * 1024
LARGE: Final = 32 * 1024
"""Bytes from which a body is parsed beside the loop."""


class Refused(BaseModel):
    """A signal that was not let in."""

    index: int = Field(ge=0, description="Its place in the list that was sent.")
    reason: str = Field(description="Which field, what is wrong with it, and what to do.")


class Taken(BaseModel):
    """What became of what was sent; the counts add up to it."""

    accepted: int = Field(ge=0, description="New, and on disk.")
    duplicates: int = Field(ge=0, description="Known by source and id, with the same content.")
    quarantined: list[Refused] = Field(description="Kept aside until somebody releases or discards them.")


def signals_router(home: Home, needs: Needs) -> APIRouter:
    """The route over `home`."""
    door = doors(home)
    router = APIRouter(tags=["signals"])

    @router.post(
        PATH,
        status_code=202,
        response_model=None,
        summary="Take signals in",
        responses={202: {"model": Taken, "description": "On disk."}, **answers(400, 408, 413, 415, 422, 429)},
        openapi_extra=_BODY,
    )
    async def signals(request: Request, caller: Annotated[Caller, Depends(needs(Scope.INGEST))]) -> Response:
        """One signal, or a list of 1 to 1,000; a signal that cannot be used is put aside and named by its index.

        Sending again is safe: a signal is known by its `source` and `id`.
        """
        return await _taken(door(caller), request)

    return router


def straight(home: Home, needs: Needs) -> Mapping[tuple[str, str], Way]:
    """The same, see `surfaces.api.straight`."""
    allowed, door = needs(Scope.INGEST), doors(home)

    async def signals(request: Request) -> Response:
        return await _taken(door(await allowed(request, await BEARER(request))), request)

    return {("POST", PATH): Way(PATH, signals)}


async def _taken(door: Home, request: Request) -> Response:
    json_type(request)
    raw = await bytes_of(request, most=MOST_BYTES)
    items = _items(document_in(raw) if len(raw) < LARGE else await asyncio.to_thread(document_in, raw))
    taken = await take(door, enumerate(items))
    shown = [{"index": index, "reason": reason} for index, reason in taken.quarantined]
    document = {"accepted": taken.accepted, "duplicates": taken.duplicates, "quarantined": shown}
    return Response(orjson.dumps(document), HTTPStatus.ACCEPTED, media_type="application/json")


def _items(document: Any) -> list[Any]:
    """What was sent, one by one. Raises: BadInput if it is neither a signal nor a list of 1 to `LIMIT`."""
    if isinstance(document, dict):
        return [document]
    remedy = f"send one signal, or a list of 1 to {LIMIT:,}"
    if not isinstance(document, list):
        raise BadInput("body", "is no signal and no list of signals", remedy, code="wrong_type")
    if not 1 <= len(document) <= LIMIT:
        raise BadInput("body", f"holds {len(document):,} signals", remedy, code="too_many")
    return document


_EXAMPLE: Final = {
    "id": "evt-1",
    "source": "web",
    "kind": "web.form",
    "keys": {"email": "ada@example.com"},
    "occurred_at": "2026-03-10T15:00:00Z",
    "payload": {"form": "pricing"},
    "consent": "granted",
}
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "title": "Signal",
                            "description": "See docs/signals.md. One that does not keep to its form is put aside.",
                        },
                        {
                            "type": "array",
                            "title": "Signals",
                            "minItems": 1,
                            "maxItems": LIMIT,
                            "items": {"description": "A signal."},
                        },
                    ]
                },
                "examples": {
                    "one": {"summary": "One signal", "value": _EXAMPLE},
                    "several": {
                        "summary": "Several",
                        "value": [_EXAMPLE, {**_EXAMPLE, "id": "evt-2", "payload": {"form": "demo"}}],
                    },
                },
            }
        },
    }
}
