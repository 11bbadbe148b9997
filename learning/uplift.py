"""What the learned score brings: the win rate where it is at work less that of the hold-out, and nothing else.

The hold-out is drawn by chance, so the difference is caused by what the score changed. Comparing hot with cold leads,
or now with last year, would credit the score with what sales and season did; where there is no hold-out the answer
is "not identified". A unit is an account (or a lead without one) and counts under the arm that it was first decided in,
whatever happened later: a change of heart is no selection.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np

from domain.rollout import Arm
from learning.outcomes import NOT_STATED, Case

FEWEST_UNITS: Final = 50
"""Closed accounts in each arm below which nothing is said."""
FEWEST_WON: Final = 5
"""Won ones in both arms together."""
_Z: Final = 1.959964
NOT_IDENTIFIED: Final = "not identified"


@dataclass(frozen=True, slots=True)
class Side:
    """One arm: closed accounts, their leads, and how many of the leads were won."""

    units: int
    leads: int
    won: int

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        rate = round(self.won / self.leads, 4) if self.leads else None
        return {"accounts": self.units, "leads": self.leads, "won": self.won, "win_rate": rate}


@dataclass(frozen=True, slots=True)
class Uplift:
    """Difference of win rates with its 95 % interval, or why there is none."""

    value: float | None
    low: float | None
    high: float | None
    treated: Side
    held_out: Side
    words: str

    @property
    def identified(self) -> bool:
        """Whether there is a figure."""
        return self.value is not None

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        figure: Any = NOT_IDENTIFIED
        if self.value is not None and self.low is not None and self.high is not None:
            figure = {"value": round(self.value, 5), "low": round(self.low, 5), "high": round(self.high, 5)}
        return {
            "uplift": figure, "treated": self.treated.document(), "held_out": self.held_out.document(),
            "words": self.words,
        }  # fmt: skip


def uplift_of(cases: Iterable[Case]) -> Uplift:
    """From closed cases of leads that a package or the hold-out decided; one case a lead, its first.

    The interval is that of a difference of two ratios of totals over accounts (linearised, as for cluster samples:
    Cochran 1977, 6.3 and 9A), normal quantiles.
    """
    by_unit: dict[str, list[Case]] = {}
    for case in sorted(cases, key=lambda one: (one.at, one.lead_id)):
        by_unit.setdefault(case.unit, []).append(case)
    arms: dict[bool, list[tuple[int, int]]] = {True: [], False: []}
    for theirs in by_unit.values():
        closed = [case for case in theirs if case.closed]
        if closed:
            held_out = theirs[0].arm == Arm.HOLDOUT.value
            arms[held_out].append((len(closed), sum(case.won_at is not None for case in closed)))
    treated, held = _side(arms[False]), _side(arms[True])
    why = _why_not(treated, held)
    if why is not None:
        return Uplift(None, None, None, treated, held, f"{NOT_IDENTIFIED}: {why}")
    one, spread_one = _rate(arms[False])
    other, spread_other = _rate(arms[True])
    half = _Z * sqrt(spread_one + spread_other)
    value = one - other
    low, high = value - half, value + half
    sure = "more" if low > 0 else "less" if high < 0 else "no telling whether more or less"
    words = f"{sure}: {value:+.2%} of leads won ({low:+.2%} to {high:+.2%}) than in the hold-out"
    return Uplift(value, low, high, treated, held, words)


def roi_of(uplift: Uplift, *, value_of_a_win: float | None, spend: float | None) -> dict[str, Any] | str:
    """Extra wins times their value less the spend, over the spend; with the uplift's interval.

    `spend` is what scoring and what it set off cost for the treated leads. Without uplift: not identified.
    """
    if uplift.value is None or uplift.low is None or uplift.high is None:
        return uplift.words
    if value_of_a_win is None or not spend:
        return NOT_STATED
    worth = uplift.treated.leads * value_of_a_win
    found = {"value": uplift.value, "low": uplift.low, "high": uplift.high}
    return {name: round((worth * share - spend) / spend, 3) for name, share in found.items()}


def _why_not(treated: Side, held: Side) -> str | None:
    if not held.units:
        return "there is no hold-out (policy: holdout.toml), or none of its windows is over"
    if min(treated.units, held.units) < FEWEST_UNITS:
        return (
            f"{held.units:,} closed accounts are held out and {treated.units:,} are treated, "
            f"{FEWEST_UNITS} each are needed"
        )
    if treated.won + held.won < FEWEST_WON:
        return f"{treated.won + held.won} leads were won in both together, {FEWEST_WON} are needed"
    return None


def _side(units: Sequence[tuple[int, int]]) -> Side:
    return Side(len(units), sum(leads for leads, _ in units), sum(won for _, won in units))


def _rate(units: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Won over leads, and the variance of that ratio with accounts as the sample."""
    leads, won = np.array(units, dtype=np.float64).T
    rate = float(won.sum() / leads.sum())
    residual = won - rate * leads
    n = len(units)
    return rate, float(n / (n - 1) * (residual**2).sum() / leads.sum() ** 2)
