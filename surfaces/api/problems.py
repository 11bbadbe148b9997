"""Errors as problem documents (RFC 9457): what was wrong with which field, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException

from domain.errors import Backpressure, BadInput, LeadgraphError, Temporary, Throttled

MEDIA: Final = "application/problem+json"
_RETRY_S: Final = 5
KEY_RATE: Final = "key_rate"
"""Code of a `Throttled` that a key's own rate asked for."""
GUESSES: Final = "guesses"
"""Code of a `Throttled` for wrong keys."""
_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "endless": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "key": HTTPStatus.UNAUTHORIZED,
    "scope": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.NOT_FOUND,
    "changed": HTTPStatus.CONFLICT,
    "used": HTTPStatus.CONFLICT,
    "expired": HTTPStatus.CONFLICT,
    "twice": HTTPStatus.CONFLICT,
    "cut_off": HTTPStatus.BAD_REQUEST,
    "not_json": HTTPStatus.BAD_REQUEST,
    "not_utf8": HTTPStatus.BAD_REQUEST,
    "not_finite": HTTPStatus.BAD_REQUEST,
    "duplicate_key": HTTPStatus.BAD_REQUEST,
}
"""By the code of an error in the request; any other is 422."""
_REMEDIES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.METHOD_NOT_ALLOWED: "use one of the methods that Allow names"
}
_TOO_OFTEN: Final[Mapping[str, str]] = {
    KEY_RATE: "this key asks too often",
    GUESSES: "too many wrong keys were shown",
}
_HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "key": {"WWW-Authenticate": "Bearer"},
    "endless": {"Connection": "close"},  # what is still to come is not taken
    "too_slow": {"Connection": "close"},
}


SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "urn:leadgraph: and a code that stays the same."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "What is wrong."},
        "remedy": {"type": "string", "description": "What to do about it."},
    },
}


def problem(
    status: HTTPStatus, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem document. `code` is a stable word; `more` are further members such as ``field`` and ``remedy``."""
    body = {"type": f"urn:leadgraph:{code}", "title": status.phrase, "status": status.value, "detail": detail}
    return JSONResponse({**body, **more}, status.value, headers=dict(headers or {}), media_type=MEDIA)


def of_error(error: LeadgraphError) -> JSONResponse:
    """The problem document of one of our own errors; of one that is our fault no more than its class is told."""
    if isinstance(error, BadInput):
        status = _STATUS.get(error.code, HTTPStatus.UNPROCESSABLE_ENTITY)
        more = {"field": error.field, "remedy": error.remedy}
        return problem(status, error.code, error.problem, headers=_HEADERS.get(error.code), **more)
    if isinstance(error, Throttled) and error.code in _TOO_OFTEN:
        return _too_often(error)
    if isinstance(error, Backpressure | Throttled):
        wait = {"Retry-After": str(max(1, round(error.retry_after_s)))}
        return problem(HTTPStatus.TOO_MANY_REQUESTS, "busy", "come back later", headers=wait)
    if isinstance(error, Temporary):
        wait = {"Retry-After": str(_RETRY_S)}
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "cannot be answered now; try again", headers=wait
        )
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal", f"{type(error).__name__}; the operator's log says more"
    )


def crowded() -> JSONResponse:
    """The answer to one more than there is room for, while all others are being answered."""
    headers = {"Retry-After": "1", "Connection": "close"}
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "crowded",
        "too many are connected",
        headers=headers,
        remedy="come back in 1 s",
    )


def _too_often(error: Throttled) -> JSONResponse:
    wait = max(1, ceil(error.retry_after_s))
    return problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        error.code,
        _TOO_OFTEN[error.code],
        headers={"Retry-After": str(wait)},
        field="authorization",
        remedy=f"come back in {wait} s",
    )


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route says of its problems in the description of the API."""
    content = {MEDIA: {"schema": SCHEMA}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in (*statuses, 401, 403, 503)
    }


def _methods(app: FastAPI, path: str) -> list[str]:
    """What may be done with what lies at `path`: the routes of it differ by their methods."""
    found: set[str] = set()
    for route in iter_route_contexts(app.routes):
        if route.path_regex.match(path):
            found |= route.methods or set()
    return sorted(found)


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem document."""

    @app.exception_handler(LeadgraphError)
    async def _ours(_: Request, error: LeadgraphError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def _parameter(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        name = str(first["loc"][-1])
        wrong = BadInput(name, first["msg"], "see /openapi.json for what it can be", code=first["type"])
        return of_error(wrong)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        status, headers = HTTPStatus(error.status_code), dict(error.headers or {})
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(_methods(app, request.url.path))
        remedy = _REMEDIES.get(status, "see /openapi.json for what there is")
        code = status.phrase.lower().replace(" ", "_")
        return problem(status, code, str(error.detail), headers=headers, field="path", remedy=remedy)

    @app.exception_handler(Exception)
    async def _defect(_: Request, error: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", f"a defect ({type(error).__name__})")
