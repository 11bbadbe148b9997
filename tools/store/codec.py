"""Values as bytes, and back: signals, lead states, decisions."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import orjson
import ormsgpack
from pydantic import BaseModel

from domain.decision import Decision
from domain.instants import instant
from domain.lead import Band, BandState, LeadState, PastAction
from domain.signal import ONLY_FACTS, Event, Signal, facts_of
from tools.store.marked import marked, unmarked

NOT_CONTENT: Final = ("received_at", "known_at", "delivery_id", "steps")
"""What may differ between two deliveries of one signal."""
_BANDS: Final = {band.value: band for band in Band}


def signal_bytes(signal: Signal) -> bytes:
    """The whole signal as JSON."""
    return orjson.dumps(signal.__dict__, default=_plain)


def signal_from(body: bytes) -> Signal:
    """Inverse of `signal_bytes`, with or without the store's checksum. Raises: ValueError if it was damaged."""
    return Signal.model_validate_json(unmarked(body))


def digest(signal: Signal, at: int | None = None) -> bytes:
    """SHA-256 of the signal's content: equal for every delivery of the same signal, whatever the order of its keys.

    `at` is the Instant at which it occurred, where that is known already.
    """
    return sha256(orjson.dumps(_content(signal, at), option=orjson.OPT_SORT_KEYS)).digest()


def differing(stored: Signal, given: Signal) -> str:
    """Names of the content fields in which two signals differ, payload fields as ``payload.name``, by comma."""
    names = []
    before, after = _content(stored), _content(given)
    for name in before:
        if before[name] == after[name]:
            continue
        if name == "payload":
            old, new = stored.payload, given.payload
            names += [f"payload.{key}" for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
        else:
            names.append(name)
    return ",".join(names) or "payload"


def event_count(signal: Signal) -> int:
    """How many compact events the signal makes: ``len(compact(signal))``."""
    return len(facts_of(signal)) + (signal.kind not in ONLY_FACTS)


def state_bytes(state: LeadState) -> bytes:
    """What a run carries on, without what the lead's own row holds (ids, account, suppression)."""
    return marked(
        ormsgpack.packb(
            (
                [tuple(event) for event in state.events],
                state.dropped,
                _band_values(state.band),
                state.owner,
                state.episode,
                [(a.kind, a.at, a.episode, a.points, a.band) for a in state.actions],
                dict(state.reading),
            )
        )
    )


def state_from(body: bytes | None, **row: Any) -> LeadState:
    """A lead's state from its bytes (None: nothing was processed yet) and the fields of its row."""
    if body is None:
        return LeadState(**row)
    events, dropped, band, owner, episode, actions, reading = ormsgpack.unpackb(unmarked(body))
    return LeadState(
        events=tuple([Event(a, r, s, k, v, n, w, tuple(tags)) for a, r, s, k, v, n, w, tags in events]),
        dropped=dropped,
        band=_band_from(*band),
        owner=owner,
        episode=episode,
        actions=tuple(PastAction(*action) for action in actions),
        reading=reading,
        **row,
    )


def _band_values(state: BandState) -> tuple[Any, ...]:
    return state.band, state.folded_to, state.since, state.settled, state.settled_since, state.seen, state.by


def _band_from(band: str, folded_to: int, since: int, *settled: Any) -> BandState:
    """A band with its memory; without it (an older row) the fold starts anew."""
    if not settled:
        return BandState(_BANDS[band], folded_to, since)
    kept, kept_since, seen, *by = settled
    return BandState(_BANDS[band], folded_to, since, _BANDS[kept] if kept else None, kept_since, seen, *by)


def decision_bytes(decision: Decision) -> bytes:
    """Canonical JSON of a decision; equal decisions give equal bytes. The same form as in its sealed record."""
    return orjson.dumps(decision, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def values_text(values: Mapping[str, Any] | Sequence[Any]) -> str:
    """Plain JSON text, keys sorted."""
    return orjson.dumps(values, default=_plain, option=orjson.OPT_SORT_KEYS).decode()


def _content(signal: Signal, at: int | None = None) -> dict[str, Any]:
    content = signal.__dict__.copy()
    for name in NOT_CONTENT:
        del content[name]
    content["keys"] = [[str(kind), value] for kind, value in sorted(signal.keys)]
    content["occurred_at"] = instant(signal.occurred_at) if at is None else at
    return content


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, BaseModel):
        return value.__dict__
    raise TypeError(f"{type(value).__name__} does not belong in the store")
