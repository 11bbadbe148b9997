"""Rules for signals without words: what a page, a form, a session or a CRM entry says by being there."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.kinds import SPECS, Kind
from domain.signal import Scalar, Signal
from tools.reasoner.phrases import Cue

_WORD: Final = re.compile(r"[^\W_]+")
_KEPT: Final = 4_096


@dataclass(frozen=True, slots=True)
class Rule:
    """When `cue` holds: subject, values and numbers must all fit.

    The signal's subject has one of `subjects` among its words (any subject if empty), each field in `where`
    has one of the listed values, and each number in `at_least` is reached.
    """

    cue: Cue
    subjects: tuple[str, ...]
    """Words in small letters; ``word*`` also longer ones."""
    where: Mapping[str, frozenset[str]]
    at_least: Mapping[str, float]

    def about(self, words: Sequence[str]) -> bool:
        """True if the rule's subjects fit a subject of these `words`."""
        if not self.subjects:
            return True
        exact = {one for one in self.subjects if not one.endswith("*")}
        begins = tuple(one[:-1] for one in self.subjects if one.endswith("*"))
        return any(word in exact or (begins and word.startswith(begins)) for word in words)

    def holds(self, payload: Mapping[str, Scalar]) -> bool:
        """True if the payload fits."""
        for name, values in self.where.items():
            if str(payload.get(name, "")).casefold() not in values:
                return False
        for name, least in self.at_least.items():
            value = payload.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
                return False
        return True


class RuleBook:
    """All rules by kind. Which of them fit a subject is worked out once and remembered, within bounds."""

    def __init__(self, rules: Mapping[Kind, Sequence[Rule]]) -> None:
        """Take `rules`."""
        self._rules = {kind: tuple(found) for kind, found in rules.items()}
        self._fitting: dict[tuple[Kind, str], tuple[Rule, ...]] = {}

    def cues(self, signal: Signal) -> list[Cue]:
        """What `signal` says by being there."""
        rules = self._rules.get(signal.kind)
        if rules is None:
            return []
        name = SPECS[signal.kind].subject
        subject = str(signal.payload.get(name, "")) if name else ""
        fitting = self._fitting.get((signal.kind, subject))
        if fitting is None:
            words = _WORD.findall(subject.casefold())
            fitting = tuple(rule for rule in rules if rule.about(words))
            if len(self._fitting) >= _KEPT:
                self._fitting.clear()
            self._fitting[signal.kind, subject] = fitting
        return [rule.cue for rule in fitting if rule.holds(signal.payload)]
