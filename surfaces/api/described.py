"""The description of the API: each operation with its problems, its key, and an example of what it gives."""

from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Response
from fastapi.openapi.utils import get_openapi

from surfaces.api.examples import EXAMPLES, OWN_PROBLEMS, PARAMETERS, PROBLEMS
from surfaces.api.problems import MEDIA, SCHEMA, problem

_EVERY: Final = (404, 405, 500, 503)
"""What any operation may answer."""
_KEYED: Final = (401, 403, 422, 429)
"""What one with a key may answer too."""
_BODY: Final = (400, 408, 413, 415, 422)
"""What one with a body may answer too."""
_LINKS: Final[Mapping[str, Mapping[str, tuple[str, str]]]] = {
    "get_leads": {
        "get_leads_lead": ("lead", "/leads/0/lead"),
        "get_leads_lead_timeline": ("lead", "/leads/0/lead"),
        "get_decisions_decision": ("decision", "/leads/0/decision_id"),
        "get_decisions_decision_audit": ("decision", "/leads/0/decision_id"),
    },
    "get_approvals": {
        "get_approvals_approval": ("approval", "/approvals/0/approval"),
        "post_approvals_approval": ("approval", "/approvals/0/approval"),
        "get_decisions_decision": ("decision", "/approvals/0/decision"),
    },
}
"""Where an answer names what another operation takes: operation, parameter, place in the answer."""
_RATES: Final = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_BY_STATUS: Final[Mapping[int, tuple[str, ...]]] = {
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
"""Headers that an answer of this status has, whatever was asked."""
_NUMBER: Final = {"type": "integer", "minimum": 0}
_HEADERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "X-Request-Id": {
        "description": "The one that was sent, if it was sane, else a new one; it stands in the operator's log.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "9f2c1b7a5d3e4f60",
    },
    "Retry-After": {
        "description": "Seconds after which to ask again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": 5,
    },
    "WWW-Authenticate": {
        "description": "How to show a key.",
        "required": True,
        "schema": {"type": "string"},
        "example": "Bearer",
    },
    "Allow": {
        "description": "Methods that there are.",
        "required": True,
        "schema": {"type": "string"},
        "example": "GET, POST",
    },
    "RateLimit-Limit": {
        "description": "Requests that this key may make at once, where it has a rate.",
        "schema": _NUMBER,
        "example": 600,
    },
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": _NUMBER, "example": 599},
    "RateLimit-Reset": {
        "description": "Seconds until all are there again.",
        "schema": _NUMBER,
        "example": 1,
    },
}
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROOF: Final = "without a key: the vendor's own proof"
_WORDS: Final = """Errors are problem documents (RFC 9457) with `field` and `remedy`. Each answer has an `X-Request-Id`.
With a key that may ask so and so often, answers have `RateLimit-*`, and 429 has `Retry-After`."""


def described(app: FastAPI) -> None:
    """Have `app` describe itself so at ``/openapi.json``; made once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=_WORDS, routes=app.routes)
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's own documentation has it
    written = cache(lambda: orjson.dumps(app.openapi()))

    @app.get("/openapi.json", include_in_schema=False)
    async def document() -> Response:
        return Response(written(), media_type="application/json")


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of all."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = dict(SCHEMA)
    document["components"]["headers"] = {name: dict(header) for name, header in _HEADERS.items()}
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, method, operation in operations(document):
        operation["operationId"] = _name_of(method, path)
        _problems(operation)
        _headers(operation)
        for parameter in operation.get("parameters", ()):
            if parameter["name"] in PARAMETERS:
                parameter["example"] = PARAMETERS[parameter["name"]]
        _example(operation, EXAMPLES.get(operation["operationId"]))
        if links := _LINKS.get(operation["operationId"]):
            operation["responses"]["200"]["links"] = {
                name: {"operationId": name, "parameters": {part: f"$response.body#{place}"}}
                for name, (part, place) in links.items()
            }
    return document


def _name_of(method: str, path: str) -> str:
    words = path.removeprefix("/v1/").replace("{", "").replace("}", "").split("/")
    return "_".join([method, *(word for word in words if word)]).replace(".", "_")


def _problems(operation: dict[str, Any]) -> None:
    keyed, body = bool(operation.get("security")), "requestBody" in operation
    statuses = {*_EVERY, *(_KEYED if keyed else ()), *(_BODY if body else ())}
    answers = operation["responses"]
    for status in sorted(statuses | {int(one) for one in answers if int(one) >= HTTPStatus.BAD_REQUEST}):
        words = answers.get(str(status), {}).get("description", HTTPStatus(status).phrase)
        example = _problem_of(operation["operationId"], status)
        answers[str(status)] = {
            "description": words,
            "content": {MEDIA: {"schema": _PROBLEM, "example": example}},
        }
    if not keyed and operation.get("tags") != ["state"]:
        operation["description"] = f"{operation.get('description', '')}\n\n{_PROOF}".strip()


def _problem_of(operation: str, status: int) -> dict[str, Any]:
    given = dict(OWN_PROBLEMS.get((operation, status), PROBLEMS[status]))
    document = problem(HTTPStatus(status), given.pop("code"), given.pop("detail"), **given)
    return dict(orjson.loads(document.body))


def _headers(operation: dict[str, Any]) -> None:
    keyed = bool(operation.get("security"))
    for status, answer in operation["responses"].items():
        names = ["X-Request-Id", *_BY_STATUS.get(int(status), ())]
        names += ["WWW-Authenticate"] if keyed and int(status) == HTTPStatus.UNAUTHORIZED else []
        names += _RATES if keyed and int(status) < HTTPStatus.BAD_REQUEST else []
        answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example(operation: dict[str, Any], example: Any) -> None:
    if example is None:
        return
    for status, answer in operation["responses"].items():
        if int(status) < HTTPStatus.MULTIPLE_CHOICES:
            contents = answer.setdefault("content", {"application/json": {}})
            for content in contents.values():
                content.setdefault("example", example)
                content["schema"] = content.get("schema") or {"type": "object"}
