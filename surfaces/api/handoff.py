"""``POST /v1/handoff``: a desk sends a talk as it stands after a customer's turn, and is told what to do."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.params import Depends
from pydantic import ValidationError

from domain.errors import BadInput, Temporary
from domain.handoff import Talk, as_document
from surfaces.api.body import json_of
from surfaces.handoff import Desk

MOST_BYTES: Final = 2 * 1024 * 1024
ANSWER_S: Final = 10.0
"""Seconds in which the whole answer must be there; the hearing has a much shorter deadline of its own."""
AT_ONCE: Final = 64
"""Talks that are decided at a time; more are told to come back."""
_FORM: Final = "see docs/handoff.md for its form"


def handoff_router(
    desk: Desk, *, guards: Sequence[Depends] = (), answer_s: float = ANSWER_S, at_once: int = AT_ONCE
) -> APIRouter:
    """The route over `desk`; `guards` run before it."""
    router = APIRouter(prefix="/v1", dependencies=list(guards), tags=["handoff"])
    free = asyncio.Semaphore(at_once)

    @router.post("/handoff", summary="Whether a talk goes to a person, and to whom", openapi_extra=_openapi())
    async def handoff(request: Request) -> dict[str, Any]:
        if free.locked():
            raise Temporary(f"{at_once} talks are being decided")
        async with free:
            talk = talk_from(await json_of(request, most=MOST_BYTES))
            try:
                # What is committed stays committed: a desk that asks again is told that a person has the talk.
                return as_document(await asyncio.wait_for(desk.decide(talk), answer_s))
            except TimeoutError:
                raise Temporary("the talk could not be decided in time") from None

    return router


def talk_from(document: Any) -> Talk:
    """The talk in a request. Raises: BadInput with the path of the field, never its text."""
    try:
        return Talk.model_validate_json(_again(document))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(_name(part) for part in first["loc"]) or "body"
        raise BadInput(place, first["msg"], _FORM, code=first["type"]) from None


def _again(document: Any) -> bytes:
    """As JSON once more: the strict reader has refused what a lenient one would guess at."""
    import orjson

    try:
        return orjson.dumps(document)
    except (TypeError, ValueError):
        raise BadInput("body", "holds what is no text or number", _FORM, code="not_json") from None


def _name(part: str | int) -> str:
    """A field's name as it may stand in an answer: one of the contract's, or a question mark."""
    return str(part) if isinstance(part, int) or part in _NAMES else "?"


_NAMES: Final = frozenset({*Talk.model_fields, "id", "role", "text", "at"})


def _openapi() -> dict[str, Any]:
    schema = Talk.model_json_schema(ref_template="#/components/schemas/{model}")
    message = schema.pop("$defs")["Message"]
    schema["properties"]["messages"]["items"] = message
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
