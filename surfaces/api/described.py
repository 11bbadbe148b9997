"""The description of the API: each operation with its problems, its key, and an example of what it gives."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from surfaces.api.examples import EXAMPLES
from surfaces.api.problems import MEDIA, SCHEMA

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
_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
_PROOF: Final = "without a key: the vendor's own proof"
_WORDS: Final = """Errors are problem documents (RFC 9457) with `field` and `remedy`. Each answer has an `X-Request-Id`.
With a key that may ask so and so often, answers have `RateLimit-*`, and 429 has `Retry-After`."""


def described(app: FastAPI) -> None:
    """Have `app` describe itself so; made once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=_WORDS, routes=app.routes)
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's own documentation has it


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of all."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def _completed(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = dict(SCHEMA)
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path, method, operation in operations(document):
        operation["operationId"] = _name_of(method, path)
        _problems(operation)
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
        answers[str(status)] = {"description": words, "content": {MEDIA: {"schema": _PROBLEM}}}
    if not keyed and operation.get("tags") != ["state"]:
        operation["description"] = f"{operation.get('description', '')}\n\n{_PROOF}".strip()


def _example(operation: dict[str, Any], example: Any) -> None:
    if example is None:
        return
    for status, answer in operation["responses"].items():
        if int(status) < HTTPStatus.MULTIPLE_CHOICES:
            contents = answer.setdefault("content", {"application/json": {}})
            for content in contents.values():
                content["example"] = example
