"""What is news of what a vendor's record says: a statement that the lead's signals do not make already.

A record says again and again what it holds; a stage that is said twice is not entered twice. What we wrote into the
record ourselves changes nothing of what it says of the lead, so it is no news either. What bears an id is known by it:
a message stands as it was told first, whoever its person has become and whatever was made of it since.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from domain.ids import LeadId, SignalId
from domain.kinds import Kind
from domain.ports.home import Home
from domain.ports.inbox import Refused
from domain.ports.sources import RawItem
from domain.signal import LeadKey, Signal
from surfaces.door import checked, door_of

LOOKED_AT: Final = 500
"""Newest signals of a lead that are looked at."""
REFUSALS: Final = 10_000
"""Refused items that are remembered, by 32 bytes each."""
_BY: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.STAGE_CHANGE: ("object", "pipeline"),
    Kind.OWNER_CHANGE: (),
    Kind.CONSENT: ("purpose",),
    Kind.TICKET_SOLVED: ("ticket_id",),
}
"""Kinds that say how something stands -> the fields that say what; the newest of them holds."""
_EVENTS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.MESSAGE: frozenset(),
    Kind.TICKET_OPENED: frozenset({"severity", "subject"}),
}
"""Kinds of what happened, and is told with how its record stands -> the fields that say how; so do its keys."""


@dataclass(slots=True)
class Refusals:
    """What the door has refused of records that were read: they say it each time. A process remembers so many."""

    _marks: dict[bytes, None] = field(default_factory=dict)

    def add(self, items: Iterable[RawItem]) -> None:
        """They are in quarantine by now."""
        self._marks |= dict.fromkeys(map(_mark, items))
        for oldest in list(self._marks)[:-REFUSALS]:
            del self._marks[oldest]

    def __contains__(self, item: RawItem) -> bool:
        return _mark(item) in self._marks


@dataclass(slots=True)
class News:
    """Judges items against what is stored, and against what was refused before."""

    home: Home
    refusals: Refusals = field(default_factory=Refusals)
    _known: dict[LeadKey, Sequence[Signal]] = field(default_factory=dict)
    _leads: dict[LeadKey, LeadId | None] = field(default_factory=dict)
    _heard: dict[LeadKey, set[LeadKey]] = field(default_factory=dict)
    """Keys that what was news of late names together with a key."""

    async def of(self, items: Sequence[RawItem]) -> list[RawItem]:
        """Those of `items` that are news, in their order; what the door will refuse is news to it, once."""
        read = self._read(items)
        stored = await self._stored(one for one in read if isinstance(one, Signal))
        found: list[RawItem] = []
        for item, signal in zip(items, read, strict=True):
            if not isinstance(signal, Signal):
                found += [item] if item not in self.refusals else []
            elif signal.signal_id not in stored and await self._fresh(signal):
                found.append(item)
                for key in signal.keys:
                    self._heard.setdefault(key, set()).update(signal.keys)
        return found

    async def told(self, items: Sequence[RawItem]) -> frozenset[int]:
        """Positions of messages and tickets that are stored, and are told once more as their record stands now.

        One that contradicts what is stored is not among them: the door says so.
        """
        places = [place for place, item in enumerate(items) if _kind(item) in _EVENTS]
        read = self._read([items[place] for place in places])
        events = {place: one for place, one in zip(places, read, strict=True) if isinstance(one, Signal)}
        stored = await self._stored(events.values())
        return frozenset(
            place
            for place, signal in events.items()
            if signal.signal_id in stored and _event(stored[signal.signal_id]) == _event(signal)
        )

    def _read(self, items: Sequence[RawItem]) -> Sequence[Signal | Refused]:
        return checked(door_of(self.home, self.home.clock.now()), list(enumerate(items))).items

    async def _stored(self, signals: Iterable[Signal]) -> Mapping[SignalId, Signal]:
        ids = sorted({one.signal_id for one in signals})
        return (
            {}
            if not ids
            else {one.signal_id: one for one in await self.home.reads.stored(self.home.tenant, ids)}
        )

    async def _fresh(self, signal: Signal) -> bool:
        if signal.kind is Kind.MERGE:
            leads = {await self._lead(key) for key in signal.keys}
            return len(leads) > 1 or None in leads
        if signal.kind not in _BY and signal.kind is not Kind.IDENTIFY:
            return True
        known = await self._signals(signal.keys[0])
        if signal.kind is Kind.IDENTIFY:
            return not _said(signal, known, self._heard.get(signal.keys[0], ()))
        about = _BY[signal.kind]
        last = next((one for one in known if _same(one, signal, about)), None)
        return last is None or any(last.payload.get(name) != value for name, value in signal.payload.items())

    async def _lead(self, key: LeadKey) -> LeadId | None:
        if key not in self._leads:
            self._leads[key] = await self.home.reads.find_lead(self.home.tenant, key.value)
        return self._leads[key]

    async def _signals(self, key: LeadKey) -> Sequence[Signal]:
        if key not in self._known:
            lead = await self._lead(key)
            reads, tenant = self.home.reads, self.home.tenant
            self._known[key] = await reads.signals(tenant, lead, limit=LOOKED_AT) if lead else ()
        return self._known[key]


def _mark(item: RawItem) -> bytes:
    return sha256(repr(item).encode("utf-8", "backslashreplace")).digest()


def _kind(item: RawItem) -> str | None:
    kind = item.get("kind") if isinstance(item, Mapping) else None
    return kind if isinstance(kind, str) else None


def _event(signal: Signal) -> tuple[object, ...]:
    """What happened, without how its record stands."""
    standing = _EVENTS.get(signal.kind, frozenset())
    payload = {name: value for name, value in signal.payload.items() if name not in standing}
    return signal.kind, signal.region, signal.occurred_at, payload


def _same(one: Signal, other: Signal, about: Sequence[str]) -> bool:
    return one.kind is other.kind and all(one.payload.get(name) == other.payload.get(name) for name in about)


def _said(signal: Signal, known: Sequence[Signal], heard: Iterable[LeadKey]) -> bool:
    """True if earlier statements and `heard` hold all of its keys, and the newest of each fact says the same."""
    facts: dict[str, object] = {}
    keys = set(heard)
    for one in known:
        keys |= set(one.keys)
        if one.kind is Kind.IDENTIFY:
            told = {**one.payload, "account": one.account}
            facts |= {name: value for name, value in told.items() if value is not None and name not in facts}
    wanted = {**signal.payload, "account": signal.account}
    return keys >= set(signal.keys) and all(
        facts.get(name) == value for name, value in wanted.items() if value is not None
    )
