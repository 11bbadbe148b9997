"""The sealed record of a run: everything it read, what it decided and why, as compressed JSON."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter

from domain.asking import Kept
from domain.decision import Decision, RunInput
from domain.errors import Permanent


@dataclass(frozen=True, slots=True)
class Record:
    """What is sealed with a decision. `rationale` are the sentences of the agents in order.

    `answers` of a language model by `place_of` its question; None if there was no model at hand.
    """

    given: RunInput
    decision: Decision
    rationale: tuple[str, ...]
    answers: Mapping[str, Kept] | None = None


_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


def pack(
    given: RunInput, content: bytes, rationale: tuple[str, ...], answers: Mapping[str, Kept] | None = None
) -> bytes:
    """Compressed JSON of a record, with the decision as `content`: its canonical JSON, made once and kept as it is."""
    record = {"given": given, "decision": orjson.Fragment(content), "rationale": rationale}
    if answers is not None:
        record["answers"] = answers
    return zlib.compress(plain(record), level=1)


def unpack(packed: bytes) -> Record:
    """Inverse of `pack`. Raises: Permanent if the bytes are no record of this version."""
    try:
        return _RECORD.validate_json(zlib.decompress(packed))
    except (zlib.error, ValueError) as error:
        raise Permanent("the sealed record cannot be read by this version") from error


def plain(value: object) -> bytes:
    """Canonical JSON of a domain value: sorted keys, named tuples as arrays. Equal values give equal bytes."""
    return orjson.dumps(value, default=_default, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def _default(value: object) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, BaseModel):
        return value.__dict__
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} does not belong in a record")
