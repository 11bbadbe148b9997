"""A lead's state: what is carried from one run to the next, and its account's snapshot."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from domain.ids import AccountId, LeadId, Region, TenantId
from domain.signal import Event

EVENT_CAP: Final = 1_000
"""Events kept per lead. The newest by (at, ref, subject) stay; what falls off is counted in `dropped`."""


class Band(StrEnum):
    """How warm a lead is, with hysteresis."""

    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


@dataclass(frozen=True, slots=True)
class BandState:
    """The fold of the band over event time (`domain.band`): `band` as of the run, the rest as of `folded_to`.

    `folded_to` is an Instant, 0 = never folded. `settled` is None when what lies before is not known any
    more: the fold then starts again from the first event.
    """

    band: Band = Band.COLD
    folded_to: int = 0
    since: int = 0
    """Instant from which the lead has been in this band."""
    settled: Band | None = None
    """The band after the last mark of the fold: what hysteresis remembers."""
    settled_since: int = 0
    seen: int = 0
    """Events up to `folded_to`, those no longer kept included: another number means that one came late."""
    by: str = ""
    """Version of the scorer whose points were folded: another one starts again from the first event."""


@dataclass(frozen=True, slots=True)
class PastAction:
    """An action once proposed for this lead: kind and Instant. Kept to the last of each kind."""

    kind: str
    at: int
    episode: int
    points: int | None = None
    """For ``upsert_score``: the points that were written."""
    band: str | None = None
    """For ``upsert_score``: the band that was written."""


@dataclass(frozen=True, slots=True)
class LeadState:
    """Everything a run needs to remember of a lead. `events` are sorted and unique by (at, ref, subject)."""

    lead_id: LeadId
    tenant: TenantId
    region: Region
    account: AccountId | None = None
    events: tuple[Event, ...] = ()
    dropped: int = 0
    band: BandState = field(default_factory=BandState)
    owner: str | None = None
    episode: int = 1
    suppressed: bool = False
    """A privacy deletion was received: nothing is processed any more."""
    actions: tuple[PastAction, ...] = ()
    reading: Mapping[str, int] = field(default_factory=dict)
    """Intent -> confidence in per mille as of the last run (for the record; recomputed from events)."""


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """Account features as of one Instant, over the events of all its leads; recorded by value in decisions."""

    account: AccountId
    version: int
    as_of: int
    values: Mapping[str, int | str | None]


def without(lead: LeadState, asked: Collection[tuple[str, int]]) -> LeadState:
    """`lead` with the actions of these (kind, episode) forgotten, so that they may be proposed again."""
    kept = tuple(past for past in lead.actions if (past.kind, past.episode) not in asked)
    return lead if len(kept) == len(lead.actions) else replace(lead, actions=kept)


def absorb(
    events: tuple[Event, ...], new: Iterable[Event], cap: int = EVENT_CAP
) -> tuple[tuple[Event, ...], int]:
    """`events` (sorted, unique) with `new` merged in, the newest `cap` kept; and how many fell off.

    The result depends only on the set of events ever absorbed (keeping the newest N of a union is
    associative), so batching, order and duplication do not matter. Of two events with one (at, ref, subject,
    kind) the one known first stays, with the greater of their tags: an event seen again with tags wins over
    one without.
    """
    added = sorted(new)
    if not added:
        return _newest(events, cap)
    untouched = bisect_left(events, (added[0].at,))
    merged: dict[tuple[int, str, str, str], Event] = {}
    for event in (*events[untouched:], *added):
        key = (event.at, event.ref, event.subject, event.kind)
        kept = merged.get(key)
        merged[key] = event if kept is None else _joined(kept, event)
    return _newest((*events[:untouched], *sorted(merged.values())), cap)


def _joined(one: Event, other: Event) -> Event:
    """Two copies of one event as one; which comes first does not matter."""
    first = min(one, other, key=lambda event: (event.known, event.value, event.amount))
    return first._replace(tags=max(one.tags, other.tags))


def _newest(ordered: tuple[Event, ...], cap: int) -> tuple[tuple[Event, ...], int]:
    over = max(0, len(ordered) - cap)
    return (ordered[over:], over) if over else (ordered, 0)
