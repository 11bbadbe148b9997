"""Is a challenger fit to go on? Guards over what a canary has seen, each a bound that evidence may break at any time.

Accounts are drawn into the canary by chance, and that is what the guards rest on: if the challenger calls as many leads
hot as the champion, a hot account lies in the canary with the canary's share as probability. An account counts
once, at its first event of a kind, so that many leads of one company are one piece of evidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any, Final, Literal, TypeVar

import numpy as np

from domain.instants import DAY
from domain.rollout import Rollout
from learning.evidence import NEVER, Floats, Stake, in_arm, moved, stake

TOLERANCE: Final = 1.5
"""A guard breaks when frequencies (for the calibration: odds) differ by more than this factor."""
ALPHA: Final = 0.05
"""Probability, at most, that a challenger within the tolerance on all guards is ever stopped."""
GUARDS: Final = ("calibration", "hot", "rejected", "errors", "slow")
LIMIT: Final = len(GUARDS) / ALPHA
"""The stake at which one guard breaks: the error is shared out evenly."""
_RATIOS: Final = (2.0, 3.0, 5.0, 10.0)
_SHIFTS: Final = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0)
_SLOPES: Final = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
_EDGE: Final = 1e-4
T = TypeVar("T", "Drawn", "Told")


@dataclass(frozen=True, slots=True)
class Drawn:
    """An event of one account (or lead without one): did it fall on the challenger, and what share did that have?"""

    unit: str
    at: int
    challenger: bool
    share: float
    """0..1, exclusive: of the accounts, when it happened."""


@dataclass(frozen=True, slots=True)
class Told:
    """A probability that the challenger gave, and what came of it once its window had closed."""

    unit: str
    at: int
    probability: float
    won: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a canary has seen since it began; each list in order of time or not."""

    units: frozenset[str] = frozenset()
    """Accounts that the challenger decided."""
    hot: Sequence[Drawn] = ()
    """Accounts whose first decision in the canary found them hot; likewise below."""
    rejected: Sequence[Drawn] = ()
    """A person rejected what was proposed."""
    errors: Sequence[Drawn] = ()
    """A run failed."""
    slow: Sequence[Drawn] = ()
    """Scoring took longer than it may."""
    outcomes: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard: how high the stake against it rose; it is broken at `LIMIT`."""

    name: str
    broken: bool
    stake: float
    events: int
    words: str

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "name": self.name, "answer": "fail" if self.broken else "pass", "stake": round(self.stake, 3),
            "limit": LIMIT, "events": self.events, "words": self.words,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """What a step of a rollout is to do, and why."""

    move: Literal["stop", "advance", "wait"]
    guards: tuple[Guard, ...]
    words: str

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {"move": self.move, "words": self.words, "guards": [guard.document() for guard in self.guards]}


def judge(running: Rollout, seen: Seen, *, now: int) -> Judged:
    """Stop at once if a guard is broken, go on if the stage has seen what it asks for, else wait."""
    guards = guards_of(seen)
    broken = [guard for guard in guards if guard.broken]
    if broken:
        return Judged("stop", guards, "; ".join(guard.words for guard in broken))
    stage, days = running.now, (now - running.stage_at) // DAY
    outcomes = len(_first(seen.outcomes))
    missing = [
        f"{have:,} of {need:,} {name}"
        for name, have, need in (
            ("days", days, stage.days), ("accounts", len(seen.units), stage.units),
            ("known outcomes", outcomes, stage.outcomes),
        )
        if have < need
    ]  # fmt: skip
    if missing:
        return Judged("wait", guards, f"no guard is broken; seen so far: {', '.join(missing)}")
    return Judged("advance", guards, "no guard is broken, and the stage has seen what it asks for")


def guards_of(seen: Seen) -> tuple[Guard, ...]:
    """Every guard on what was seen."""
    return (
        _calibration(seen.outcomes),
        _frequency("hot", seen.hot, "leads are called hot", both=True),
        _frequency("rejected", seen.rejected, "proposals are rejected"),
        _frequency("errors", seen.errors, "runs fail"),
        _frequency("slow", seen.slow, "scores are slow"),
    )


def _frequency(name: str, events: Sequence[Drawn], what: str, *, both: bool = False) -> Guard:
    """Do events fall on the challenger more often (with `both`: or more seldom) than its share makes them?"""
    first = _first(events)
    share = np.clip(np.array([one.share for one in first], dtype=np.float64), _EDGE, 1 - _EDGE)
    hits = np.array([one.challenger for one in first], dtype=np.float64)
    ratios = (*_RATIOS, *(1 / ratio for ratio in _RATIOS)) if both else _RATIOS
    low = in_arm(share, 1 / TOLERANCE) if both else np.zeros_like(share)
    bets = np.array([in_arm(share, ratio) for ratio in ratios]).reshape(len(ratios), len(first))
    found = stake(hits, low, in_arm(share, TOLERANCE), bets, limit=LIMIT)
    expected = float(share.sum())
    words = f"{what}: {int(hits.sum()):,} of {len(first):,} in the canary, {expected:.1f} expected"
    return _guard(name, found, words)


def _calibration(outcomes: Sequence[Told]) -> Guard:
    """Do the challenger's leads win as often as it says?"""
    first = _first(outcomes)
    p: Floats = np.clip(np.array([one.probability for one in first], dtype=np.float64), 0.005, 0.995)
    y = np.array([one.won for one in first], dtype=np.float64)
    bets = [np.clip(moved(p, shift, slope), _EDGE, 1 - _EDGE) for shift in _SHIFTS for slope in _SLOPES]
    room = log(TOLERANCE)
    found = stake(
        y, moved(p, -room), moved(p, room), np.array(bets).reshape(len(bets), len(first)), limit=LIMIT
    )
    words = f"calibration: {int(y.sum()):,} of {len(first):,} won, {float(p.sum()):.1f} were to be expected"
    return _guard("calibration", found, words)


def _guard(name: str, found: Stake, words: str) -> Guard:
    return Guard(name, found.passed_at != NEVER, found.e, found.events, words)


def _first(events: Sequence[T]) -> list[T]:
    """The first event of each account, in order of time."""
    kept: dict[str, T] = {}
    for event in sorted(events, key=lambda one: (one.at, one.unit)):
        kept.setdefault(event.unit, event)
    return list(kept.values())
