"""From a model's text to its form: JSON, in which nothing is taken that the form does not name."""

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from domain.errors import Permanent

_FENCE: Final = re.compile(r"```[a-zA-Z]*[ \t]*\r?\n(.*?)\r?\n?```", re.DOTALL)
_DEEPEST: Final = 64
ROOT: Final = "the whole"


class Unfit(Permanent):
    """An answer that is not in its form. `place` and `code` are ours, never the answer's own words."""

    def __init__(self, place: str, code: str) -> None:
        """`place` is a dotted path of field names and numbers, `code` what is wrong there."""
        super().__init__(f"{place}: {code}")
        self.place, self.code = place, code


def read(text: str, form: type[BaseModel]) -> str:
    """The answer's JSON in its form: a JSON value, alone or in the only fenced block. Raises: Unfit.

    >>> class Size(BaseModel):
    ...     seats: int
    >>> read('```json\\n{"seats": 5}\\n```', Size)
    '{"seats":5}'
    """
    value = _loaded(_bare(text))
    try:
        plain = json.dumps(value, allow_nan=False).encode()
        return form.model_validate_json(plain, strict=True, extra="forbid").model_dump_json()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise Unfit(_place(first["loc"], form), first["type"]) from None
    except (ValueError, RecursionError):
        raise Unfit(ROOT, "json_invalid") from None


def _bare(text: str) -> str:
    found = _FENCE.findall(text) if not text.lstrip().startswith(("{", "[")) else []
    return found[0] if len(found) == 1 else text


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        code = "json_too_deep" if isinstance(error, RecursionError) else "json_invalid"
        raise Unfit(ROOT, code) from None


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Unfit(ROOT, "duplicate_key")
    return found


def _no_number(_: str) -> None:
    raise Unfit(ROOT, "not_a_finite_number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Unfit(ROOT, "not_a_finite_number")
    return value


def _place(path: Sequence[int | str], form: type[BaseModel]) -> str:
    """A path without names that the form does not have: those are the answer's own words."""
    known = _names(form.model_json_schema())
    parts = [str(part) if isinstance(part, int) or part in known else "?" for part in path[:_DEEPEST]]
    return ".".join(parts) or ROOT


def _names(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*map(_names, schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*map(_names, schema.values()))
