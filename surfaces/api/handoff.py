"""``POST /v1/handoff``: a desk sends a talk as it stands after a customer's turn, and is told what to do."""

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request

from domain.access import Caller, Scope
from domain.errors import Temporary
from domain.handoff import Talk, as_document
from domain.ports.home import Home
from surfaces.api.body import json_of
from surfaces.api.forms import form_of
from surfaces.api.guard import Needs
from surfaces.handoff import Desk
from surfaces.narrowed import doors

MOST_BYTES: Final = 2 * 1024 * 1024
ANSWER_S: Final = 10.0
"""Seconds in which the whole answer must be there; the hearing has a much shorter deadline of its own."""
AT_ONCE: Final = 64
"""Talks that are decided at a time; more are told to come back."""
_FORM: Final = "see docs/handoff.md for its form"


def handoff_router(
    home: Home, needs: Needs, desk: Desk, *, answer_s: float = ANSWER_S, at_once: int = AT_ONCE
) -> APIRouter:
    """The route over `desk`, which is that of `home`."""
    router = APIRouter(prefix="/v1", tags=["handoff"])
    free, door = asyncio.Semaphore(at_once), doors(home)

    @router.post("/handoff", summary="Whether a talk goes to a person, and to whom", openapi_extra=_openapi())
    async def handoff(
        request: Request, caller: Annotated[Caller, Depends(needs(Scope.INGEST))]
    ) -> dict[str, Any]:
        """Send the talk as it stands after each message of the customer. It reads what is there and waits for nothing.

        What is decided is kept and carried out; the same talk again is told so and doubles nothing. A lead or a talk
        of another region than the key's is none here.
        """
        if free.locked():
            raise Temporary(f"{at_once} talks are being decided")
        async with free:
            talk = talk_from(await json_of(request, most=MOST_BYTES))
            try:
                # What is committed stays committed: a desk that asks again is told that a person has the talk.
                deciding = desk.over(door(caller)).decide(talk)
                return as_document(await asyncio.wait_for(deciding, answer_s))
            except TimeoutError:
                raise Temporary("the talk could not be decided in time") from None

    return router


def talk_from(document: Any) -> Talk:
    """The talk in a request. Raises: BadInput with the path of the field, never its text."""
    return form_of(Talk, document, names=_NAMES, remedy=_FORM)


_NAMES: Final = frozenset({*Talk.model_fields, "id", "role", "text", "at"})


_EXAMPLE: Final = {
    "conversation_id": "c-17",
    "messages": [
        {
            "id": "m1",
            "role": "customer",
            "text": "We would like to buy 50 seats, can you send a quote?",
            "at": "2026-03-10T15:00:00Z",
        }
    ],
}


def _openapi() -> dict[str, Any]:
    schema = Talk.model_json_schema(ref_template="#/components/schemas/{model}")
    message = schema.pop("$defs")["Message"]
    schema["properties"]["messages"]["items"] = message
    content = {"schema": schema, "examples": {"one message": {"value": _EXAMPLE}}}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}
