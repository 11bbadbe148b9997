"""The sealed record of a talk's decision, and making the decision anew from it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter

from agents.handoff import decide, fallback, silent, still_with_person
from domain.errors import Permanent
from domain.handoff import Handoff, Heard, Situation, Talk
from domain.ports.policy import Policy
from graph.record import plain


@dataclass(frozen=True, slots=True)
class TalkRecord:
    """All that a decision rests on: the talk, the situation, what was heard or why nothing was, and the versions."""

    talk: Talk
    seen: Situation
    heard: Heard | None
    missing: str | None
    """Code of what kept the talk from being heard; it is an input like the rest."""
    answer: Handoff
    versions: Mapping[str, str] = field(default_factory=dict)


_RECORD: TypeAdapter[TalkRecord] = TypeAdapter(TalkRecord)


def pack(record: TalkRecord) -> bytes:
    """Compressed JSON."""
    return zlib.compress(plain(record), level=1)


def unpack(packed: bytes) -> TalkRecord:
    """Inverse of `pack`. Raises: Permanent if the bytes are no record of this version."""
    try:
        return _RECORD.validate_json(zlib.decompress(packed))
    except (zlib.error, ValueError) as error:
        raise Permanent("the sealed record of a talk cannot be read by this version") from error


def answer_to(
    talk: Talk, seen: Situation, heard: Heard | None, missing: str | None, policy: Policy | None
) -> Handoff:
    """The answer; a pure function, so a replay gives it again."""
    if still_with_person(talk, seen):
        return silent(heard.reasoner if heard else "none")
    if seen.forgotten:
        return fallback(seen, why="not_read", degraded="privacy")
    if missing == CONFLICT:
        return fallback(seen, why="conflict", degraded=CONFLICT)
    if heard is None:
        return fallback(seen, why="unread", degraded=missing or "reader:down")
    answer = decide(talk, heard, seen, policy)
    return answer if missing is None else replace(answer, degraded=missing)


CONFLICT = "conflict"
"""The talk changed twice while it was being decided."""
