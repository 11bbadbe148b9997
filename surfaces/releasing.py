"""Quarantined items through the door once more: as they are, or mended by a person."""

from dataclasses import dataclass, replace
from typing import Final

from pydantic import ValidationError

from domain.errors import BadInput
from domain.ids import SignalId
from domain.ports.home import Home
from domain.ports.inbox import Refused
from domain.ports.quarantine import Held
from domain.signal import Signal
from surfaces.door import Batch, checked, door_of

ALL: Final = 100_000
"""Items that are released at once at most."""
CONFLICT: Final = "conflict"
LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True)
class Released:
    """What became of one item: ``accepted``, ``duplicate`` (it came in meanwhile), ``refused`` (it stays)."""

    item_id: str
    outcome: str
    signal_id: SignalId | None = None
    field: str | None = None
    reason: str | None = None


async def release(home: Home, item_id: str, *, new_raw: bytes | None = None) -> Released:
    """Let one item in, or say why it still cannot; then it stays in quarantine as it was.

    A conflict that nobody mended comes in under an id of its own: releasing it says it is another signal.
    Raises: BadInput if there is no such open item; Backpressure and Temporary from the inbox.
    """
    held = await home.quarantine.release(home.tenant, item_id, new_raw=new_raw)
    now = home.clock.now()
    if held.code == CONFLICT and new_raw is None:
        batch = _of_its_own(held)
    else:
        batch = checked(door_of(_where(home, held), now), [(held.position, held.raw)])
    item = batch.items[0] if batch.items else None
    if not isinstance(item, Signal):
        field, reason = (item.field, item.reason) if isinstance(item, Refused) else (held.field, held.reason)
        return Released(item_id, "refused", field=field, reason=reason)
    taken = await home.inbox.accept(
        [item], now=now, dropped=batch.dropped, released=[item_id], positions=[held.position]
    )
    if taken.quarantined:
        return Released(item_id, "refused", item.signal_id, CONFLICT, taken.quarantined[0][1])
    return Released(item_id, "accepted" if taken.accepted else "duplicate", item.signal_id)


def _where(home: Home, held: Held) -> Home:
    """The home with the door at which the item came: it must not lie in another region once it is let in."""
    if held.region == home.region:
        return home
    return replace(home, region=held.region, regions=frozenset({held.region}))


def _of_its_own(held: Held) -> Batch:
    """The signal of a conflict, its id ending in that of the quarantined item; empty if it cannot be read."""
    try:
        signal = Signal.model_validate_json(held.raw)
    except ValidationError:
        return Batch()
    ending = f"~{held.item_id}"
    own = signal.id[: LONGEST_ID - len(ending)] + ending
    return Batch([signal.model_copy(update={"id": own, "steps": (*signal.steps, "released:conflict")})])


async def release_all(home: Home) -> list[Released]:
    """Let in every open item that can be let in, oldest first, at most `ALL`."""
    held = await home.quarantine.open_items(home.tenant, limit=ALL)
    return [await _tried(home, one) for one in held]


async def _tried(home: Home, held: Held) -> Released:
    try:
        return await release(home, held.item_id)
    except BadInput as gone:  # somebody else decided on it meanwhile
        return Released(held.item_id, "refused", field=gone.field, reason=str(gone))
