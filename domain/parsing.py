"""Reading one item's JSON strictly: what a lenient reader would guess at is refused, and the place named."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from domain.errors import BadInput
from domain.kinds import SPECS
from domain.payload import MAX_DEPTH, depth_of, too_deep
from domain.upcast import FIELDS_1

MAX_BYTES: Final = 256 * 1024
"""Size of one item."""
FIELDS: Final = frozenset(
    {
        "schema_version", "id", "source", "kind", "keys", "account", "occurred_at", "payload", "consent",
        "region", "delivery_id",
    }
)  # fmt: skip
"""Fields of the external form, version 2."""
_NAMES: Final = FIELDS | FIELDS_1.keys() | {name for spec in SPECS.values() for name in spec.fields}
"""Names that may stand in a reason."""


def decode(raw: bytes, levels: int = MAX_DEPTH) -> Any:
    """The JSON document in `raw`, which is UTF-8; a byte order mark is passed over.

    No duplicate keys, no NaN or Infinity, and at most `levels` objects and lists within each other.
    Raises: BadInput.
    """
    try:
        document = _DECODER.decode(raw.decode("utf-8-sig").strip())
    except UnicodeDecodeError:
        raise BadInput("item", "is not UTF-8", "send UTF-8", code="not_utf8") from None
    except json.JSONDecodeError as error:
        raise BadInput(
            "item", f"is not JSON (character {error.pos + 1}: {_shape(error.msg)})", "send one JSON object",
            code="not_json",
        ) from None  # fmt: skip
    except RecursionError:
        raise too_deep() from None
    except ValueError:
        raise BadInput(
            "item", "holds a number with too many digits", "send it as text", code="not_json"
        ) from None
    if raw.count(b"{") + raw.count(b"[") > levels and depth_of(document, levels) > levels:
        raise too_deep()
    return document


def parse(raw: bytes) -> Mapping[str, Any]:
    """One item: a JSON object of at most `MAX_BYTES`.

    Raises: BadInput.
    """
    if len(raw) > MAX_BYTES:
        raise BadInput("item", "is too large", f"at most {MAX_BYTES // 1024} KB are taken", code="too_large")
    item = decode(raw)
    if type(item) is not dict:
        raise BadInput("item", "is not a JSON object", "send an object per signal", code="not_object")
    return item


def _shape(message: str) -> str:
    """What the JSON reader says, which never holds text of the document."""
    return message[:60].rstrip(": ").lower()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = next(name for name, n in Counter(name for name, _ in pairs).items() if n > 1)
    shown = twice if twice in _NAMES else "item"
    raise BadInput(shown, "is given twice in one object", "send each field once", code="duplicate_key")


def _no_constant(_name: str) -> float:
    raise BadInput("item", "holds NaN or Infinity", "leave unknown numbers out", code="not_finite")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
