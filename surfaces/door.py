"""The way in: raw items become signals or refused items, and one batch goes to the inbox in one transaction.

Every surface that takes signals comes through here: API, webhooks, command line, replay, released quarantine.
"""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.attributes import declared_fields
from domain.contract import SOURCE, Door, admit, history_door
from domain.errors import BadInput
from domain.instants import Instant
from domain.parsing import MAX_BYTES, parse
from domain.ports.home import Home
from domain.ports.inbox import Accepted, Refused
from domain.ports.sources import Bad, RawItem
from domain.signal import Signal

Item = tuple[int, RawItem]
"""A position (index in the batch, or line number) and what was read there."""
LIMIT: Final = 1_000
"""Items in one batch."""
MANY: Final = 50
"""Items from which a batch is checked beside the loop: an e-mail address not seen before takes 0.1 ms."""
KEPT_RAW: Final = 64 * 1024
"""Bytes that are kept of an item that is too large ever to be let in; smaller ones are kept whole."""
UNKNOWN_SOURCE: Final = "unknown"


@dataclass(slots=True)
class Batch:
    """What the contract made of a batch: `items` in order, and fields left out by (source, kind, field)."""

    items: list[Signal | Refused] = field(default_factory=list)
    dropped: dict[tuple[str, str, str], int] = field(default_factory=dict)


def door_of(home: Home, now: Instant, *, imported: bool = False, known_delay_us: int = 0) -> Door:
    """The door of `home` at `now`. History may be older than what arrives fresh."""
    door = Door(
        tenant=home.tenant,
        region=home.region,
        regions=home.regions | {home.region},
        now=now,
        hash_email=home.hasher.email,
        hash_phone=home.hasher.phone,
        declared=declared_fields(home.attributes),
    )
    return history_door(door, known_delay_us=known_delay_us) if imported else door


def checked(door: Door, lines: Iterable[Item]) -> Batch:
    """Parse and admit each item; one that fails is refused with its bytes, and the others go on."""
    batch = Batch()
    for position, raw in lines:
        if isinstance(raw, Bad):
            problem = BadInput(raw.field, raw.problem, raw.remedy, code=raw.code)
            batch.items.append(_refused(door, position, problem, source=raw.source, raw=raw.raw))
            continue
        item: Any = None
        try:
            item = parse(raw) if isinstance(raw, bytes) else raw
            signal, dropped = admit(item, door)
        except BadInput as problem:
            kept = raw if isinstance(raw, bytes) else _as_json(raw)
            source = item.get("source") if isinstance(item, Mapping) else None
            batch.items.append(_refused(door, position, problem, source=source, raw=kept))
            continue
        batch.items.append(signal)
        for kind, name in dropped:
            key = (signal.source, kind, name)
            batch.dropped[key] = batch.dropped.get(key, 0) + 1
    return batch


async def take(
    home: Home, lines: Iterable[Item], *, imported: bool = False, known_delay_us: int = 0
) -> Accepted:
    """Take a batch in: durable when this returns (I1). `quarantined` names the positions as given, and why.

    Raises: BadInput for more than `LIMIT` items; Backpressure, Temporary from the inbox: nothing was taken.
    """
    given = list(lines)
    if len(given) > LIMIT:
        raise BadInput("items", f"are more than {LIMIT:,}", "send them in several batches", code="too_many")
    now = home.clock.now()
    door = door_of(home, now, imported=imported, known_delay_us=known_delay_us)
    batch = await asyncio.to_thread(checked, door, given) if len(given) >= MANY else checked(door, given)
    positions = [position for position, _ in given]
    return await home.inbox.accept(batch.items, now=now, dropped=batch.dropped, positions=positions)


def _refused(door: Door, position: int, problem: BadInput, *, source: object, raw: bytes) -> Refused:
    """What goes to quarantine: bytes whole, unless there are too many ever to be let in."""
    reason = str(problem)
    if len(raw) > MAX_BYTES:
        raw, reason = raw[:KEPT_RAW], f"{reason} (only its first {KEPT_RAW // 1024} KB are kept here)"
    return Refused(
        tenant=door.tenant,
        region=door.region,
        source=source if isinstance(source, str) and SOURCE.fullmatch(source) else UNKNOWN_SOURCE,
        raw=raw,
        field=problem.field,
        code=problem.code,
        reason=reason,
        position=position,
    )


def _as_json(item: Mapping[str, Any]) -> bytes:
    """An item that came parsed, as JSON; what JSON has no room for is left as an empty text."""
    try:
        return json.dumps(item, sort_keys=True, skipkeys=True, default=lambda _: "").encode()
    except (TypeError, ValueError, RecursionError):
        return b""
