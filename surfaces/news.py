"""What is news of what a vendor's record says: a statement that the lead's signals do not make already.

A record says again and again what it holds; a stage that is said twice is not entered twice. What we wrote into the
record ourselves changes nothing of what it says of the lead, so it is no news either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.ids import LeadId
from domain.kinds import Kind
from domain.ports.home import Home
from domain.ports.sources import RawItem
from domain.signal import LeadKey, Signal
from surfaces.door import checked, door_of

LOOKED_AT: Final = 500
"""Newest signals of a lead that are looked at."""
_BY: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.STAGE_CHANGE: ("object", "pipeline"),
    Kind.OWNER_CHANGE: (),
    Kind.CONSENT: ("purpose",),
    Kind.TICKET_SOLVED: ("ticket_id",),
}
"""Kinds that say how something stands -> the fields that say what; the newest of them holds."""


@dataclass(slots=True)
class News:
    """Judges items against what is stored."""

    home: Home
    _known: dict[LeadKey, Sequence[Signal]] = field(default_factory=dict)
    _leads: dict[LeadKey, LeadId | None] = field(default_factory=dict)

    async def of(self, items: Sequence[RawItem]) -> list[RawItem]:
        """Those of `items` that are news, in their order; what the door will refuse is news to it."""
        read = checked(door_of(self.home, self.home.clock.now()), list(enumerate(items))).items
        return [
            item
            for item, signal in zip(items, read, strict=True)
            if not isinstance(signal, Signal) or await self._fresh(signal)
        ]

    async def _fresh(self, signal: Signal) -> bool:
        if signal.kind is Kind.MERGE:
            leads = {await self._lead(key) for key in signal.keys}
            return len(leads) > 1 or None in leads
        if signal.kind not in _BY and signal.kind is not Kind.IDENTIFY:
            return True
        known = await self._signals(signal.keys[0])
        if signal.kind is Kind.IDENTIFY:
            return not _said(signal, known)
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


def _same(one: Signal, other: Signal, about: Sequence[str]) -> bool:
    return one.kind is other.kind and all(one.payload.get(name) == other.payload.get(name) for name in about)


def _said(signal: Signal, known: Sequence[Signal]) -> bool:
    """True if earlier statements hold all of its keys, and the newest of each fact says the same."""
    facts: dict[str, object] = {}
    keys: set[LeadKey] = set()
    for one in known:
        keys |= set(one.keys)
        if one.kind is Kind.IDENTIFY:
            told = {**one.payload, "account": one.account}
            facts |= {name: value for name, value in told.items() if value is not None and name not in facts}
    wanted = {**signal.payload, "account": signal.account}
    return keys >= set(signal.keys) and all(
        facts.get(name) == value for name, value in wanted.items() if value is not None
    )
