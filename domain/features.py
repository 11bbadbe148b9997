"""The online interpreter of features: definitions compiled once, evaluated over events as of any time.

Events of later than `as_of`, or learnt later than `known_at`, never reach a value (I12). Events of a lead are
sorted and unique, as `domain.lead.absorb` leaves them, so a value depends only on the set of signals (I4).
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from domain.aggregates import EMPTY, Calculation, Value, calculation, selection_of
from domain.consent import Lawful
from domain.feature import Aggregate, FeatureDef
from domain.instants import HOUR
from domain.lead import EVENT_CAP, LeadState
from domain.lineage import contributors
from domain.signal import Event
from domain.streams import Picker, Selection, Stream, grouped

Scope = Literal["lead", "account"]
Values = dict[str, Value]
INTERPRETER: Final = 1
"""Raised when the meaning of an aggregate changes, so that the catalogue's version changes with it."""
_PLANS_KEPT: Final = 64
_WORDS: Final = {"unit", "description", "deprecated"}


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The calculations that read one stream."""

    selection: Selection
    calculations: tuple[tuple[str, Calculation], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The calculations asked for. `empty` holds each value as it is without events, in catalogue order."""

    empty: Values
    by_kind: Mapping[str, tuple[Step, ...]]
    """For each kind the steps whose stream it can be in."""
    per_member: tuple[Step, ...] = ()
    """Steps that are taken for each lead of an account and summed."""


class Prepared:
    """One set of events, grouped once, to be evaluated as of several times. Made by `Catalogue.prepare`."""

    __slots__ = ("_catalogue", "_ready", "_streams", "groups", "last", "picker")

    def __init__(
        self, catalogue: "Catalogue", groups: Mapping[str, list[Event]], last: int, *, ordered: bool = True
    ) -> None:
        """Over `groups` by kind; the newest event is at `last`; each group is sorted if `ordered`."""
        self._catalogue, self.last, self.groups = catalogue, last, groups
        self.picker = Picker(groups, ordered=ordered)
        self._ready: dict[Plan, list[tuple[Stream, tuple[tuple[str, Calculation], ...]]]] = {}
        self._streams: dict[str, Stream | None] = {}

    def at(self, as_of: int, names: frozenset[str] | None = None) -> Values:
        """Lead features as of `as_of`; equal to `Catalogue.evaluate` of the same events. Raises: KeyError."""
        return self.run(self._catalogue.plan("lead", names), as_of)

    def run(self, plan: Plan, as_of: int) -> Values:
        """Values of the features in `plan` as of `as_of`."""
        ready = self._ready.get(plan)
        if ready is None:
            ready = self._ready[plan] = self._make_ready(plan)
        values = plan.empty.copy()
        hour, everything = as_of // HOUR, as_of >= self.last
        for stream, calculations in ready:
            n = len(stream.ats) if everything else bisect_right(stream.ats, as_of)
            if n:
                for name, calculate in calculations:
                    values[name] = calculate(stream, n, hour)
        return values

    def member(self, step: Step, as_of: int) -> int:
        """1 if this lead counts for `step` as of `as_of`, else 0."""
        stream = self.picker.pick(step.selection)
        n = bisect_right(stream.ats, as_of) if stream else 0
        return int(bool(stream and n and step.calculations[0][1](stream, n, as_of // HOUR)))

    def lineage(self, name: str, as_of: int, *, limit: int = 8) -> tuple[tuple[str, ...], int]:
        """See `Catalogue.lineage`."""
        definition = self._catalogue.get(name)
        if name not in self._streams:
            self._streams[name] = self.picker.pick(selection_of(definition))
        stream = self._streams[name]
        n = bisect_right(stream.ats, as_of) if stream else 0
        if stream is None or not n:
            return (), 0
        behind = contributors(definition, stream, n, as_of // HOUR)
        refs = tuple(dict.fromkeys([event.ref for event in behind]))
        return refs[:limit], len(refs)

    def _make_ready(self, plan: Plan) -> list[tuple[Stream, tuple[tuple[str, Calculation], ...]]]:
        steps = {step: None for kind in self.groups if kind in plan.by_kind for step in plan.by_kind[kind]}
        found = [(self.picker.pick(step.selection), step.calculations) for step in steps]
        return [(stream, calculations) for stream, calculations in found if stream is not None]


class Catalogue:
    """All feature definitions, compiled. Pure: equal events and times give equal values, in any process."""

    def __init__(self, definitions: Sequence[FeatureDef], *, cap: int = EVENT_CAP) -> None:
        """Compile `definitions`; of the events known, the newest `cap` count.

        Raises: ValueError if two definitions share a name.
        """
        self.definitions, self.cap = tuple(definitions), cap
        self._by_name = {definition.name: definition for definition in self.definitions}
        if len(self._by_name) != len(self.definitions):
            names = [definition.name for definition in self.definitions]
            raise ValueError(f"two features are called {next(n for n in names if names.count(n) > 1)!r}")
        self._compiled = {definition.name: calculation(definition) for definition in self.definitions}
        self._plans: dict[tuple[Scope, frozenset[str] | None], Plan] = {}
        self._recent: tuple[tuple[Event, ...], Prepared] = ((), Prepared(self, {}, 0))
        self.version = _digest(self.definitions, cap)
        """Content hash, 12 hex digits, of everything that can change a value; wording does not count."""

    def get(self, name: str) -> FeatureDef:
        """The definition called `name`. Raises: KeyError."""
        return self._by_name[name]

    def prepare(self, events: tuple[Event, ...], *, known_at: int | None = None) -> Prepared:
        """Group one lead's `events` (sorted, unique) for several evaluations; only those known by `known_at`.

        The newest `cap` of the known events count, whatever time is asked for later, as in a lead's kept
        state. The last tuple prepared is remembered, so asking again for the very same one costs nothing.
        """
        recent, prepared = self._recent
        if recent is events and known_at is None:
            return prepared
        prepared = self._group(self.known(events, known_at))
        if known_at is None:
            self._recent = (events, prepared)
        return prepared

    def known(self, events: tuple[Event, ...], known_at: int | None) -> tuple[Event, ...]:
        """Of one lead's `events` the newest `cap` of those known by `known_at` (of all when None)."""
        if known_at is not None:
            events = tuple([event for event in events if event.known <= known_at])
        return events if len(events) <= self.cap else events[len(events) - self.cap :]

    def evaluate(
        self,
        events: tuple[Event, ...],
        as_of: int,
        *,
        known_at: int | None = None,
        names: frozenset[str] | None = None,
        scope: Scope = "lead",
    ) -> Values:
        """Values of all features of `scope` (or of `names`) as of the Instant `as_of`, in catalogue order.

        `events` are one lead's, sorted and unique; for the scope account, those of its only lead.
        Only events with ``at <= as_of`` count, and only those known by `known_at` if it is given.

        Raises: KeyError naming what is in `names` but not in the catalogue's `scope`.
        """
        if scope == "account":
            return self._of_members(
                self.plan(scope, names), [self._group(self.known(events, known_at))], as_of
            )
        return self.prepare(events, known_at=known_at).run(self.plan(scope, names), as_of)

    def lineage(
        self, name: str, events: tuple[Event, ...], as_of: int, *, limit: int = 8
    ) -> tuple[tuple[str, ...], int]:
        """Refs of the signals behind a value, at most `limit`, and how many there are.

        The largest contribution comes first, of equal ones the newest. For an account feature `events` may be
        those of all its leads, sorted.

        Raises: KeyError (unknown name).
        """
        if self.get(name).scope == "account":
            last = events[-1].at if events else 0
            return Prepared(self, grouped(events), last).lineage(name, as_of, limit=limit)
        return self.prepare(events).lineage(name, as_of, limit=limit)

    def account_values(
        self, states: Iterable[LeadState], as_of: int, *, known_at: int | None = None
    ) -> Values:
        """Account features over the events of the member leads: a pure function of those, in any order.

        Of each lead only what its consent allows to be used as of `as_of`. A signal belongs to one lead. A
        suppressed lead counts as if it were not there.
        """
        members = []
        for state in states:
            if not state.suppressed:
                kept = self.known(state.events, known_at)
                members.append(self._group(Lawful(kept).of(as_of)))
        return self._of_members(self.plan("account"), members, as_of)

    def plan(self, scope: Scope = "lead", names: frozenset[str] | None = None) -> Plan:
        """The compiled plan for `names` of `scope` (all when None), remembered. Raises: KeyError."""
        found = self._plans.get((scope, names))
        if found is None:
            if len(self._plans) >= _PLANS_KEPT:
                self._plans.clear()
            found = self._plans[scope, names] = self._make_plan(scope, names)
        return found

    def _group(self, events: tuple[Event, ...]) -> Prepared:
        return Prepared(self, grouped(events), events[-1].at if events else 0)

    def _of_members(self, plan: Plan, members: Sequence[Prepared], as_of: int) -> Values:
        union: dict[str, list[Event]] = {}
        for member in members:
            for kind, events in member.groups.items():
                union.setdefault(kind, []).extend(events)
        last = max((member.last for member in members), default=0)
        values = Prepared(self, union, last, ordered=len(members) == 1).run(plan, as_of)
        for step in plan.per_member:
            values[step.calculations[0][0]] = sum(member.member(step, as_of) for member in members)
        return values

    def _make_plan(self, scope: Scope, names: frozenset[str] | None) -> Plan:
        wanted = [d for d in self.definitions if d.scope == scope and (names is None or d.name in names)]
        if names is not None and len(wanted) < len(names):
            unknown = sorted(names - {definition.name for definition in wanted})
            raise KeyError(f"no {scope} feature is called {', '.join(unknown)}")
        shared: dict[Selection, list[tuple[str, Calculation]]] = {}
        per_member = []
        for definition in wanted:
            compiled = (definition.name, self._compiled[definition.name])
            if definition.aggregate in (Aggregate.MEMBERS, Aggregate.MEMBERS_LAST):
                per_member.append(Step(selection_of(definition), (compiled,)))
            else:
                shared.setdefault(selection_of(definition), []).append(compiled)
        by_kind: dict[str, tuple[Step, ...]] = {}
        for selection, calculations in shared.items():
            step = Step(selection, tuple(calculations))
            for kind in selection.kinds:
                by_kind[kind] = (*by_kind.get(kind, ()), step)
        empty: Values = {definition.name: EMPTY[definition.aggregate] for definition in wanted}
        return Plan(empty, by_kind, tuple(per_member))


def _digest(definitions: Sequence[FeatureDef], cap: int) -> str:
    said = [d.model_dump(mode="json", exclude=_WORDS) for d in sorted(definitions, key=lambda d: d.name)]
    text = json.dumps({"interpreter": INTERPRETER, "cap": cap, "features": said}, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:12]
