"""Gates with three answers: passed, failed, or not enough to tell; and how many cases would be enough."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from learning.intervals import DRAWS, Interval, paired
from learning.weighted import HIGHER_IS_BETTER, Floats

Answer = Literal["pass", "fail", "inconclusive"]
_Z: Final = NormalDist().inv_cdf


@dataclass(frozen=True, slots=True)
class Gate:
    """What a gate says, the interval it looked at, the bound it held it against, and the reason in words."""

    name: str
    answer: Answer
    seen: Interval
    bound: float
    words: str

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "name": self.name, "answer": self.answer, **self.seen.document(), "bound": self.bound,
            "words": self.words,
        }  # fmt: skip


def non_inferior(difference: Interval, *, margin: float, metric: str = "auc", name: str = "") -> Gate:
    """Is a new score not worse than the old one by more than `margin`? `difference` is new less old, paired.

    Pass: the whole 95 % interval lies on the good side of the margin. Fail: the whole of it lies on the bad side.
    Else it is inconclusive, which is never a pass. Raises: BadInput for a negative margin.
    """
    if margin < 0:
        raise BadInput("margin", f"is {margin}", "give how much worse is still bearable, at least 0")
    sign = 1 if metric in HIGHER_IS_BETTER else -1
    ends = None if difference.low is None or difference.high is None else (difference.low, difference.high)
    good = None if ends is None else sorted(sign * end for end in ends)
    answer = _answer(good, -margin)
    said = f"{metric} {_signed(difference)} against the reference, margin {margin}"
    return Gate(
        name or f"{metric}_non_inferior", answer, difference, -sign * margin, f"{said}: {WORDS[answer]}"
    )


def at_most(seen: Interval, limit: float, *, name: str) -> Gate:
    """Is a figure at most `limit`? Same three answers, on its interval."""
    ends = None if seen.low is None or seen.high is None else [-seen.high, -seen.low]
    answer = _answer(ends, -limit)
    return Gate(name, answer, seen, limit, f"{name} {seen.words}, at most {limit}: {WORDS[answer]}")


def at_least(seen: Interval, limit: float, *, name: str) -> Gate:
    """Is a figure at least `limit`? Same three answers, on its interval."""
    ends = None if seen.low is None or seen.high is None else [seen.low, seen.high]
    answer = _answer(ends, limit)
    return Gate(name, answer, seen, limit, f"{name} {seen.words}, at least {limit}: {WORDS[answer]}")


def certain(name: str, *, broken: int, of: int) -> Gate:
    """A rule without exception: passes if none of `of` cases broke it, is inconclusive if there was none."""
    answer: Answer = "fail" if broken else "pass" if of else "inconclusive"
    share = Interval(1 - broken / of if of else None)
    words = f"{broken:,} of {of:,} cases break it" if of else "no case to judge by"
    return Gate(name, answer, share, 1.0, f"{name}: {words}")


WORDS: Final = {
    "pass": "holds",
    "fail": "does not hold",
    "inconclusive": "cannot be told from so few cases",
}


def _answer(good: list[float] | None, bound: float) -> Answer:
    """`good`: low and high of what should be large."""
    if good is None:
        return "inconclusive"
    if good[0] >= bound:
        return "pass"
    return "fail" if good[1] < bound else "inconclusive"


def _signed(seen: Interval) -> str:
    if seen.value is None or seen.low is None or seen.high is None:
        return "unknown"
    return f"{seen.value:+.4f} ({seen.low:+.4f} to {seen.high:+.4f})"


def overall(gates: Iterable[Gate]) -> Answer:
    """``fail`` if one fails, else ``inconclusive`` if one is, else ``pass``; without any gate inconclusive."""
    answers = [gate.answer for gate in gates]
    if "fail" in answers:
        return "fail"
    return "inconclusive" if "inconclusive" in answers or not answers else "pass"


def needed(se: float, n: int, difference: float, *, power: float = 0.8) -> int:
    """Cases needed to see a true `difference` (or to pass a margin of that size) with probability `power`.

    `se` is the standard error of the paired difference on `n` cases; it falls with the square root of the cases.
    Raises: BadInput if `difference` is 0, or `power` not between 0 and 1.
    """
    if difference == 0 or not 0 < power < 1 or se < 0:
        raise BadInput(
            "power", "cannot be told", "give a difference other than 0 and a power between 0 and 1"
        )
    return max(1, ceil(n * ((_Z(0.975) + _Z(power)) * se / difference) ** 2))


def smallest_seen(se: float, *, power: float = 0.8) -> float:
    """The smallest true difference that is seen with probability `power` at this standard error."""
    return (_Z(0.975) + _Z(power)) * se


def auc_difference_se(n: int, base_rate: float, auc: float, *, correlation: float = 0.8) -> float:
    """Standard error of the difference of two AUCs on `n` independent cases, if there is no run to take it from.

    Hanley and McNeil (1982, 1983): exponential approximation of the variance, `correlation` between the two AUCs.
    Raises: BadInput outside the ranges.
    """
    if not (0 < base_rate < 1 and 0.5 <= auc < 1 and 0 <= correlation < 1 and n > 1):
        raise BadInput(
            "power", "values out of range", "base rate and AUC (from .5) below 1, correlation 0 to 1"
        )
    won, lost = n * base_rate, n * (1 - base_rate)
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (won - 1) * (q1 - auc**2) + (lost - 1) * (q2 - auc**2)) / (won * lost)
    return sqrt(max(0.0, 2 * variance * (1 - correlation)))


@dataclass(frozen=True, slots=True)
class Selftest:
    """How often a comparison of two equally good scores cries wolf, and how often a score that is worse by exactly
    the margin gets through; both should be near what a 95 % interval promises (5 % and 2.5 %)."""

    pairs: int
    false_alarms: int
    passed_at_the_margin: int

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {
            "pairs": self.pairs,
            "false_alarm_rate": self.false_alarms / self.pairs,
            "passed_at_the_margin": self.passed_at_the_margin / self.pairs,
        }


def selftest(
    pairs: int = 500, *, accounts: int = 300, draws: int = DRAWS, margin: float = 0.05, seed: int = 0
) -> Selftest:
    """Simulate pairs of equally good scores on leads of accounts that sway together, and count false alarms.

    Both scores see the same truth through noise of the same size, so any difference is chance. For the second count
    the reference gets `margin` on top of the measured difference of AUC, which puts the truth at the bound.
    Raises: BadInput without pairs.
    """
    if pairs < 1:
        raise BadInput("pairs", "must be at least 1", "500 tell the rate within two points")
    alarms = through = 0
    for number, (y, one, two, whose) in enumerate(_null_pairs(pairs, accounts, seed)):
        seen = paired("auc", y, one, two, clusters=whose, draws=draws, seed=seed + number)
        if seen.value is None or seen.low is None or seen.high is None:
            continue
        alarms += seen.low > 0 or seen.high < 0
        moved = Interval(seen.value - margin, seen.low - margin, seen.high - margin)
        through += non_inferior(moved, margin=margin).answer == "pass"
    return Selftest(pairs, alarms, through)


def _null_pairs(
    pairs: int, accounts: int, seed: int
) -> Iterator[tuple[Floats, Floats, Floats, npt.NDArray[np.intp]]]:
    dice = np.random.default_rng(seed)
    for _ in range(pairs):
        whose = np.repeat(np.arange(accounts), dice.integers(1, 6, accounts))
        n = len(whose)
        truth = dice.normal(size=accounts)[whose] + dice.normal(size=n)
        y = (dice.random(n) < 1 / (1 + np.exp(1 - truth))).astype(np.float64)
        sway = dice.normal(size=(2, accounts))[:, whose]
        noise = dice.normal(size=(2, n))
        yield y, truth + sway[0] + noise[0], truth + sway[1] + noise[1], whose
