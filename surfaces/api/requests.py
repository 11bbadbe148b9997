"""What every request gets, whatever becomes of it: an id, safe headers, a line in the log, a place in the figures."""

import re
import secrets
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from surfaces.api.problems import problem
from surfaces.log import Told, defect_of

ID: Final = b"x-request-id"
_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NOWHERE: Final = "(none)"
"""The route of a request that no route takes."""
_SAFE: Final = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))


class Requests:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp, told: Told) -> None:
        """`told` gets a line for each request, with nothing in it that anybody sent but a sane request id.

        It has ``method route status ms key request_id``, of a defect also ``error`` and ``at``.
        """
        self._app, self._told = app, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        state = scope.setdefault("state", {})
        request_id = state["request_id"] = _id_of(scope)
        defect: dict[str, str] = {}

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(message, request_id, state)
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - where every defect of a request ends: said in the log, answered as ours
            defect = defect_of(error)
            if not status:
                await _sorry(scope, receive, answer)
        finally:
            self._told(
                {
                    "method": scope["method"] if scope["method"] in _METHODS else "other",
                    "route": route_of(scope),
                    "status": status or 499,
                    "ms": round((time.perf_counter() - began) * 1_000, 1),
                    "key": state.get("key_id"),
                    "request_id": request_id,
                    **defect,
                }
            )


def route_of(scope: Scope) -> str:
    """The template of the route that a request took; never its path, which may hold a lead or a secret."""
    return str(getattr(scope.get("route"), "path", NOWHERE))


def _id_of(scope: Scope) -> str:
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == ID]
    return given[0] if len(given) == 1 and _SANE.fullmatch(given[0]) else secrets.token_hex(8)


def _dress(message: Message, request_id: str, state: Mapping[str, Any]) -> None:
    given = [pair for pair in message.get("headers", ()) if pair[0] != ID]
    names = {name for name, _ in given}
    rate = state.get("rate")
    ours = () if rate is None else ((n.lower().encode(), v.encode()) for n, v in rate.headers().items())
    safe = (pair for pair in _SAFE if pair[0] not in names)
    message["headers"] = [*given, (ID, request_id.encode()), *safe, *ours]


async def _sorry(scope: Scope, receive: Receive, send: Send) -> None:
    answer = problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal",
        "a defect of ours",
        remedy="tell the operator the X-Request-Id: the log says more",
    )
    await answer(scope, receive, send)
