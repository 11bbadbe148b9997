"""JSON documents read into their form: what does not fit is named by its field, never by what was sent."""

from collections.abc import Collection
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from domain.errors import BadInput

M = TypeVar("M", bound=BaseModel)


def form_of(model: type[M], document: Any, *, names: Collection[str], remedy: str) -> M:
    """`document` as `model`. Only `names` may stand in an error. Raises: BadInput with the path of the field."""
    try:
        return model.model_validate_json(_again(document, remedy))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(_name(part, names) for part in first["loc"]) or "body"
        raise BadInput(place, first["msg"], remedy, code=first["type"]) from None


def _again(document: Any, remedy: str) -> bytes:
    """As JSON once more: the strict reader has refused what a lenient one would guess at."""
    try:
        return orjson.dumps(document)
    except (TypeError, ValueError):
        raise BadInput("body", "holds what is no text or number", remedy, code="not_json") from None


def _name(part: str | int, names: Collection[str]) -> str:
    """A field's name as it may stand in an answer: one of the contract's, or a question mark."""
    return str(part) if isinstance(part, int) or part in names else "?"
