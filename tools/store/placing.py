"""Where each signal of a batch belongs, by key lookup alone; what a lookup cannot tell is left to `components`.

Resolving who is who costs several queries, and nearly no signal needs it. A signal is placed at once if it cannot
change the partition of keys (domain/identity.py): its keys are all new, or all of one lead, or new keys beside a strong
key of one lead. Every other signal makes its keys *doubtful*: their component is resolved as a whole after the batch.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, NamedTuple

from domain.identity import LinkKind, home_key
from domain.instants import instant
from domain.kinds import Kind
from domain.signal import KeyKind, LeadKey, Signal

CROWDED = 2
"""`KeyRow.shared` of a key seen with so many leads that it is shared for good and keeps no links."""
StoredKind = Literal["seen", "declared", "undone", "beside"]


@dataclass(slots=True, eq=False)
class KeyRow:
    """A key as stored, and what this batch makes of it. `was` and `was_shared` are how it stood before the batch."""

    key_id: int
    region: str
    key: LeadKey
    lead_id: str | None
    born: str | None
    shared: int
    was: str | None
    was_shared: bool = False
    new: bool = False
    changed: bool = False

    def belong(self, lead_id: str | None, born: str | None, shared: int) -> None:
        """Take new values, noting whether they are new."""
        if (lead_id, born, shared) != (self.lead_id, self.born, self.shared):
            self.lead_id, self.born, self.shared, self.changed = lead_id, born, shared, True


class Spot(NamedTuple):
    """Time of a link: (at, ref, known)."""

    at: int
    ref: str
    known: int


@dataclass(slots=True)
class LinkRow:
    """All links of one kind between two keys, in two: the first known and the last to occur."""

    first: Spot
    last: Spot

    def add(self, spot: Spot) -> None:
        """Take one more link in; the order in which they come does not matter."""
        if (spot.known, spot.at, spot.ref) < (self.first.known, self.first.at, self.first.ref):
            self.first = spot
        self.last = max(self.last, spot)


@dataclass(slots=True)
class Placing:
    """The keys of one tenant that a batch mentions, and where its signals go."""

    new_id: Callable[[], str]
    next_key: int
    rows: dict[tuple[str, LeadKey], KeyRow] = field(default_factory=dict)
    links: dict[tuple[int, int, StoredKind], LinkRow] = field(default_factory=dict)
    doubtful: list[KeyRow] = field(default_factory=list)

    def fresh_lead(self) -> str:
        """An id for a new lead: 8 digits that rise, so new leads lie side by side on the disk, and 12 at random."""
        return f"ld_{self.next_key & 0xFFFFFFFF:08x}{self.new_id()[:12]}"

    def know(self, rows: Iterable[KeyRow]) -> None:
        """Take stored rows in."""
        for row in rows:
            self.rows.setdefault((row.region, row.key), row)

    def place(self, signal: Signal) -> KeyRow | None:
        """Give every key of `signal` its lead, or mark them doubtful; note the links that it states.

        Returns the row of a key that stands alone: it is the home, see `home`.
        """
        keys = signal.keys
        if len(keys) == 1:
            row = self.row(signal.region, keys[0])
            self._place_one(row)
            return row
        rows = [self.row(signal.region, key) for key in dict.fromkeys(keys)]
        kind = link_kind(signal)
        self._note_links(signal, rows, kind)
        free = [row for row in rows if not row.shared and row.key.kind is not KeyKind.ROLE]
        if not free:
            self._place_one(self.home(signal))
        elif not self._place_together(free, kind):
            self.doubtful += free
        return None

    def home(self, signal: Signal) -> KeyRow:
        """The key row to whose lead the signal belongs."""
        if len(signal.keys) == 1:
            return self.rows[signal.region, signal.keys[0]]
        return self.home_of(signal.region, signal.keys)

    def home_of(self, region: str, keys: Sequence[LeadKey]) -> KeyRow:
        """The row of the home key among `keys`, as sharing stands now."""
        shared = frozenset(key for key in keys if self.rows[region, key].shared)
        return self.rows[region, home_key(keys, shared)]

    def row(self, region: str, key: LeadKey) -> KeyRow:
        """The row of a key, made if the key is new."""
        found = self.rows.get((region, key))
        if found is None:
            found = KeyRow(self.next_key, region, key, None, None, 0, None, new=True)
            self.rows[region, key] = found
            self.next_key += 1
        return found

    def _place_one(self, row: KeyRow) -> None:
        """A signal that goes by one key alone. A stored key without a lead may belong to a group: look."""
        if row.lead_id is not None:
            return
        if row.new or row.key.kind is KeyKind.ROLE or row.shared == CROWDED:
            lead = self.fresh_lead()
            row.belong(lead, lead, row.shared)
        else:
            self.doubtful.append(row)

    def _place_together(self, free: Sequence[KeyRow], kind: LinkKind) -> bool:
        """Place keys that one signal names together; False if that takes a look at their whole component."""
        known = [row for row in free if row.lead_id is not None or not row.new]
        leads = {row.lead_id for row in known}
        if kind == "undone" or None in leads or len(leads) > 1:
            return False
        fresh = [row for row in free if row.lead_id is None]
        if known and fresh and not any(row.key.kind.strong for row in known):
            return False
        lead = next(iter(leads)) if leads else self.fresh_lead()
        for row in fresh:
            row.belong(lead, lead, row.shared)
        return True

    def _note_links(self, signal: Signal, rows: Sequence[KeyRow], kind: LinkKind) -> None:
        usable = [row for row in rows if row.key.kind is not KeyKind.ROLE and row.shared < CROWDED]
        usable.sort(key=lambda row: row.key)
        spot = Spot(instant(signal.occurred_at), signal.signal_id, instant(signal.known_at))
        for a, b in combinations(usable, 2):
            self._note(a, b, kind, spot)
        if not any(row.key.kind.strong for row in rows):
            for role in (row for row in rows if row.key.kind is KeyKind.ROLE):
                for weak in usable:
                    self._note(weak, role, "beside", spot)

    def _note(self, a: KeyRow, b: KeyRow, kind: StoredKind, spot: Spot) -> None:
        row = self.links.get((a.key_id, b.key_id, kind))
        if row is None:
            self.links[a.key_id, b.key_id, kind] = LinkRow(spot, spot)
        else:
            row.add(spot)


def link_kind(signal: Signal) -> LinkKind:
    """How the keys of `signal` are brought together: seen on one signal, declared one, or declared apart."""
    if signal.kind not in (Kind.MERGE, Kind.ALIAS):
        return "seen"
    return "undone" if signal.payload.get("undo") is True else "declared"
