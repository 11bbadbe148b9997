"""From a resolved component to a plan: which lead each group of keys is, and which stored signals move."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from domain.signal import KeyKind, LeadKey, Signal
from tools.store.components import Component, as_json, learn
from tools.store.engine import Tx
from tools.store.marked import unmarked
from tools.store.placing import CROWDED, KeyRow, Placing

FirstSeen = Callable[[Iterable[str]], Mapping[str, int]]


@dataclass(slots=True)
class Plan:
    """What changes among stored leads. Leads are named by id."""

    region: str
    whole: list[tuple[str, str]] = field(default_factory=list)
    """(to, from): every stored signal of a lead moves."""
    moves: list[tuple[str, int]] = field(default_factory=list)
    """(to, seq): one stored signal moves."""
    went: dict[str, set[str]] = field(default_factory=dict)
    """Lead -> where its stored signals are now."""
    targets: set[str] = field(default_factory=set)

    @property
    def merges(self) -> list[tuple[str, str]]:
        """(winner, loser): the loser went wholly into the winner."""
        return [
            (next(iter(to)), lead)
            for lead, to in sorted(self.went.items())
            if len(to) == 1 and lead not in to
        ]

    @property
    def splits(self) -> list[tuple[str, str]]:
        """(from, to): a part of the first is now, or went to, the second."""
        return [
            (lead, part)
            for lead, to in sorted(self.went.items())
            if len(to) > 1
            for part in sorted(to - {lead})
        ]

    @property
    def changed(self) -> set[str]:
        """Leads that have other signals than before, and still have some."""
        moved = {lead for lead, to in self.went.items() if to != {lead}}
        return {part for lead in moved for part in self.went[lead]} | (moved & self.targets)

    @property
    def emptied(self) -> set[str]:
        """Leads that have no signals any more."""
        return {lead for lead, to in self.went.items() if lead not in to and lead not in self.targets}


@dataclass(slots=True)
class Mover:
    """Makes the plan of one component."""

    tx: Tx
    placing: Placing
    tenant: str
    component: Component
    groups: list[list[KeyRow]] = field(default_factory=list)
    group_of: dict[LeadKey, int] = field(default_factory=dict)

    def plan(self, batch: Sequence[Signal], first_seen: FirstSeen) -> Plan:
        """Decide targets, give them to the key rows, and list what has to move."""
        rows = self.component.rows
        region = next(iter(rows.values())).region
        for group in self.component.partition.groups:
            self._add_group([rows[key] for key in group])
        whole, mixed = self._old_leads(region)
        settled = self._settled(region, mixed)
        inhabited = {number for _, _, number in settled} | set(whole.values())
        inhabited |= self._homes_of(batch, region)
        targets = self._targets(inhabited, first_seen)
        plan = Plan(region, targets=set(targets.values()))
        for lead, number in whole.items():
            plan.went[lead] = {targets[number]}
            if targets[number] != lead:
                plan.whole.append((targets[number], lead))
        for lead, seq, number in settled:
            plan.went.setdefault(lead, set()).add(targets[number])
            if targets[number] != lead:
                plan.moves.append((targets[number], seq))
        return plan

    def _add_group(self, rows: list[KeyRow]) -> int:
        number = len(self.groups)
        self.groups.append(rows)
        self.group_of.update({row.key: number for row in rows})
        return number

    def _old_leads(self, region: str) -> tuple[dict[str, int], set[str]]:
        """Leads whose keys all lie in one group, with that group; and those whose signals must be looked at singly."""
        groups = dict[str, set[int]]()
        for key, row in self.component.rows.items():
            if row.was is not None:
                groups.setdefault(row.was, set()).add(self.group_of[key])
        if self.component.shifted:
            return {}, groups.keys() | self._leads_beside(region)
        mixed = {lead for lead, numbers in groups.items() if len(numbers) > 1}
        return {lead: next(iter(numbers)) for lead, numbers in groups.items() if lead not in mixed}, mixed

    def _leads_beside(self, region: str) -> set[str]:
        """Leads of role keys that stand on a signal beside a weak key whose sharing changed."""
        ids = [row.key_id for row in self.component.shifted]
        beside = [
            row.b for row in self.tx.rows("roles_beside", {"tenant": self.tenant, "keys": as_json(ids)})
        ]
        learn(self.tx, self.placing, self.tenant, ids=beside)
        rows = self.placing.rows.values()
        return {row.was for row in rows if row.region == region and row.key_id in set(beside) and row.was}

    def _settled(self, region: str, leads: Iterable[str]) -> list[tuple[str, int, int]]:
        """(lead, seq, group of its home) of every stored signal of `leads`."""
        stored = self.tx.rows("signals_of_leads", {"tenant": self.tenant, "leads": as_json(leads)})
        keys_of = {row.seq: _keys(row.body) for row in stored}
        missing = {
            key.value for keys in keys_of.values() for key in keys if (region, key) not in self.placing.rows
        }
        learn(self.tx, self.placing, self.tenant, values=missing)
        return [
            (row.lead_id, row.seq, self._group(self.placing.home_of(region, keys_of[row.seq])))
            for row in stored
        ]

    def _homes_of(self, batch: Sequence[Signal], region: str) -> set[int]:
        """Groups that are home to a signal of this batch."""
        rows = self.component.rows
        here = (
            signal for signal in batch if signal.region == region and any(key in rows for key in signal.keys)
        )
        return {self._group(self.placing.home(signal)) for signal in here}

    def _group(self, row: KeyRow) -> int:
        """The group of a key; a role key or a crowded one from outside the component is one by itself."""
        number = self.group_of.get(row.key)
        return self._add_group([row]) if number is None else number

    def _targets(self, inhabited: set[int], first_seen: FirstSeen) -> dict[int, str]:
        """The lead that each inhabited group is: the first seen of those born with its keys. Persons choose first."""
        born = first_seen({row.born for number in inhabited for row in self.groups[number] if row.born})
        targets, taken = dict[int, str](), set[str]()
        for number in sorted(inhabited, key=self._rank):
            free = {row.born for row in self.groups[number] if row.born} - taken
            chosen = min(free, key=lambda lead: (born[lead], lead)) if free else self.placing.fresh_lead()
            targets[number] = chosen
            taken.add(chosen)
        for number, group in enumerate(self.groups):
            target = targets.get(number)
            for row in group:
                row.belong(target, self._born(row, target, taken), row.shared)
        return targets

    @staticmethod
    def _born(row: KeyRow, target: str | None, taken: set[str]) -> str | None:
        """What a later split goes back to: never a lead that another group took; nothing for an idle crowded key."""
        if target is None:
            return None if row.shared == CROWDED else row.born
        return target if row.born is None or row.born in taken - {target} else row.born

    def _rank(self, number: int) -> tuple[bool, LeadKey]:
        keys = [row.key for row in self.groups[number]]
        return not any(key.kind.strong for key in keys), min(keys)


def _keys(body: bytes) -> list[LeadKey]:
    return [LeadKey(KeyKind(kind), value) for kind, value in orjson.loads(unmarked(body))["keys"]]
