"""Errors as problem documents (RFC 9457): what was wrong with which field, and what to do about it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from domain.errors import Backpressure, BadInput, LeadgraphError, Temporary, Throttled

MEDIA: Final = "application/problem+json"
_RETRY_S: Final = 5
_STATUS: Final[Mapping[str, HTTPStatus]] = {
    "too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "endless": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "key": HTTPStatus.UNAUTHORIZED,
    "scope": HTTPStatus.FORBIDDEN,
    "unknown": HTTPStatus.NOT_FOUND,
    "not_json": HTTPStatus.BAD_REQUEST,
    "not_utf8": HTTPStatus.BAD_REQUEST,
    "not_finite": HTTPStatus.BAD_REQUEST,
    "duplicate_key": HTTPStatus.BAD_REQUEST,
}
"""By the code of an error in the request; any other is 422."""
_HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "key": {"WWW-Authenticate": "Bearer"},
    "endless": {"Connection": "close"},  # what is still to come is not taken
    "too_slow": {"Connection": "close"},
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


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem document."""

    @app.exception_handler(LeadgraphError)
    async def _ours(_: Request, error: LeadgraphError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        return problem(
            status, status.phrase.lower().replace(" ", "_"), str(error.detail), headers=error.headers
        )

    @app.exception_handler(Exception)
    async def _defect(_: Request, error: Exception) -> JSONResponse:
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", f"a defect ({type(error).__name__})")
