"""``POST /v1/slack/interactions``: a button that was pressed in a chat, proven by its signature, becomes a vote.

Slack wants an answer within three seconds and asks once: the vote is given before the answer, and told afterwards.
"""

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from domain.errors import BadInput
from domain.ports.chat import Challenge, Pressed
from domain.ports.receivers import JSON, Delivery, NotSetUp, Unproven
from surfaces.api.body import bytes_of
from surfaces.asking import Asking
from surfaces.webhooks.counted import count
from surfaces.webhooks.described import SLACK_BODY, SLACK_RESPONSES
from surfaces.webhooks.router import headers_of, not_set_up, unproven

LIMIT: Final = 256 * 1024
"""Bytes of a request: Slack sends the whole message back."""
READ_S: Final = 2.0
"""Seconds in which a body must have arrived."""
ANSWER_S: Final = 2.0
"""Seconds after which Slack is answered, whether the vote is on disk by then or not; it goes on."""
_KINDS: Final = frozenset({JSON, "application/x-www-form-urlencoded"})


def slack_router(asking: Asking, *, answer_s: float = ANSWER_S) -> APIRouter:
    """The route over one chat's questions."""
    router = APIRouter(prefix="/v1/slack", tags=["slack"])
    running: set[asyncio.Task[Any]] = set()

    @router.post(
        "/interactions",
        summary="What is pressed in Slack",
        responses=SLACK_RESPONSES,
        openapi_extra={"requestBody": SLACK_BODY},
    )
    async def interactions(request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _KINDS:
            raise BadInput(
                "content-type",
                "is not what Slack sends",
                f"send {', '.join(sorted(_KINDS))}",
                code="unsupported",
            )
        body = await bytes_of(request, most=LIMIT, within_s=READ_S)
        delivery = Delivery(headers_of(request), body)
        try:
            asking.chat.verify(delivery, now=asking.home.clock.now())
        except Unproven as error:
            count("slack", f"unproven:{error.code}")
            return unproven()
        except NotSetUp as error:
            count("slack", "not_set_up")
            return not_set_up(error)
        said = asking.chat.read(delivery)
        if isinstance(said, Challenge):
            return JSONResponse({"challenge": said.text})
        if said is None:
            count("slack", "ignored:kind")
            return JSONResponse({})
        voting = _kept(running, asyncio.create_task(_voted(asking, said)))
        await asyncio.wait({voting}, timeout=answer_s)
        voting.add_done_callback(
            lambda done: (
                done.cancelled() or _kept(running, asyncio.create_task(asking.after(said, done.result())))
            )
        )
        return JSONResponse({})

    return router


async def _voted(asking: Asking, said: Pressed) -> str | None:
    words = await asking.answer(said)
    count("slack", "accepted" if words is None else "refused")
    return words


def _kept(running: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> asyncio.Task[Any]:
    """The task, held until it is over: the loop itself holds none."""
    running.add(task)
    task.add_done_callback(running.discard)
    return task
