"""Events as streams: for each selection of kinds and subjects their times, ready for bisecting."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.instants import HOUR
from domain.signal import Event

Groups = Mapping[str, Sequence[Event]]
"""Events by kind."""


class Selection(NamedTuple):
    """Which events a feature looks at: of one of `kinds` and, if any, one of `subjects`; both sorted."""

    kinds: tuple[str, ...]
    subjects: tuple[str, ...]


class Stream:
    """The events of one selection. `ats` are their Instants, ascending; the rest is made when asked for."""

    __slots__ = ("_events", "_hours", "_ordered", "ats")

    def __init__(self, events: Sequence[Event], *, ordered: bool) -> None:
        """Take `events`, which are sorted if `ordered`."""
        self.ats = [event[0] for event in events]
        if not ordered:
            self.ats.sort()
        self._events, self._ordered = events, ordered
        self._hours: list[int] | None = None

    def events(self) -> Sequence[Event]:
        """The events, oldest first, ties by (ref, subject, kind)."""
        if not self._ordered:
            self._events, self._ordered = sorted(self._events), True
        return self._events

    def hours(self) -> list[int]:
        """The hour cell of each event, ascending."""
        if self._hours is None:
            self._hours = [at // HOUR for at in self.ats]
        return self._hours


def grouped(events: Iterable[Event]) -> dict[str, list[Event]]:
    """`events` by kind, in the order given."""
    groups: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        groups[event[3]].append(event)
    return dict(groups)


class Picker:
    """Makes the streams of one set of events. `ordered` says whether each group is sorted."""

    __slots__ = ("_groups", "_ordered", "_split")

    def __init__(self, groups: Groups, *, ordered: bool = True) -> None:
        """Over `groups`, which are not copied."""
        self._groups, self._ordered = groups, ordered
        self._split: dict[str, dict[str, list[Event]]] = {}

    def pick(self, selection: Selection) -> Stream | None:
        """The stream of `selection`; None if it has no events."""
        kinds, subjects = selection
        groups = self._groups
        if not subjects:
            parts = [groups[kind] for kind in kinds if kind in groups]
        else:
            split = [self._by_subject(kind) for kind in kinds if kind in groups]
            parts = [index[subject] for index in split for subject in subjects if subject in index]
        if not parts:
            return None
        if len(parts) == 1:
            return Stream(parts[0], ordered=self._ordered)
        return Stream([event for part in parts for event in part], ordered=False)

    def _by_subject(self, kind: str) -> dict[str, list[Event]]:
        index = self._split.get(kind)
        if index is None:
            index = self._split[kind] = {}
            for event in self._groups[kind]:
                index.setdefault(event[2], []).append(event)
        return index
