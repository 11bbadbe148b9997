"""Calibration: from a model's log-odds to those that came true, learnt on cases the model had not seen.

Platt's sigmoid (1999, with his targets for few cases) or beta calibration (Kull, Silva Filho and Flach, AISTATS 2017),
whichever has the lower log-loss out of its own sample. Both are monotone; the result is one integer `Curve`. Where the
cases come from several periods each has a level of its own while the shape is learnt: that one quarter sold better than
the one before is no property of the score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import minimize

from domain.model import LIMIT, MICRO_LOGIT, Curve
from learning.encode import Ints, micro
from learning.weighted import Floats

NAME: Final = "calibration"
REACH: Final = 12
"""Log-odds beyond which the curve is flat."""
FEWEST: Final = 15
"""Won cases, and others, below which only the level is corrected."""
CLOSE: Final = 0.0005
"""Log-loss by which the curve with more freedom must be better."""
_FOLDS: Final = 5
_LEAST_SLOPE: Final = 0.05
_STEEPEST: Final = 5.0

Basis = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The curve, how it was made, and what each method reached in log-loss out of sample."""

    curve: Curve
    method: str
    compared: dict[str, float]


@dataclass(frozen=True, slots=True)
class Seen:
    """Cases with what a model said of them (micro log-odds), what came true (0 or 1), and their period."""

    odds: Ints
    y: Floats
    periods: Ints


def calibrated(unseen: Seen, fitted: Seen) -> Calibrated:
    """The curve for a model.

    The shape comes from `unseen`: what models of the same recipe said of cases, later ones wherever there are times,
    that they were not fitted on. With one period the level comes from there too; with several from `fitted`, what
    the model itself says of all its cases.
    """
    won = float(unseen.y.sum())
    if min(won, len(unseen.y) - won) < FEWEST:
        return Calibrated(level(fitted.odds / MICRO_LOGIT, fitted.y), "level only: too few cases", {})
    compared = {name: _out_of_sample(basis, unseen) for name, basis in BASES.items()}
    best = "beta" if compared["beta"] < compared["platt"] - CLOSE else "platt"
    return Calibrated(_shaped(BASES[best], unseen, fitted), best, compared)


def platt(x: Floats, y: Floats) -> Curve:
    """Platt's sigmoid of any score `x`, in micro-units of it, for one period."""
    seen = Seen(np.rint(x * MICRO_LOGIT).astype(np.int64), y, np.zeros(len(y), dtype=np.int64))
    return _shaped(_line, seen, seen)


def _shaped(basis: Basis, unseen: Seen, fitted: Seen) -> Curve:
    given, offsets = _fitted(basis(unseen.odds / MICRO_LOGIT), unseen.periods, unseen.y)
    at_once = basis(fitted.odds / MICRO_LOGIT) @ given
    offset = float(offsets[0]) if len(offsets) == 1 else _level(at_once, fitted.y)
    knots = 2 if basis is _line else 8 * REACH + 1
    return _curve(lambda at: basis(at) @ given + offset, knots=knots)


def level(x: Floats, y: Floats) -> Curve:
    """``x + b``: as many won as were said."""
    offset = _level(x, y)
    return _curve(lambda at: at + offset, knots=2)


def _line(x: Floats) -> Floats:
    """``a x`` with a > 0."""
    return x[:, None]


def _beta(x: Floats) -> Floats:
    """``a ln p - b ln (1 - p)`` of the probability p, with a, b > 0."""
    return np.column_stack([-np.logaddexp(0, -x), np.logaddexp(0, x)])


BASES: Final[Mapping[str, Basis]] = {"platt": _line, "beta": _beta}


def _fitted(basis: Floats, periods: Ints, y: Floats) -> tuple[Floats, Floats]:
    """Weights of the basis, and an offset per period: the least log-loss against Platt's targets."""
    numbers, place = np.unique(periods, return_inverse=True)
    whole = np.hstack([basis, (place[:, None] == np.arange(len(numbers))).astype(np.float64)])
    won = y.sum()
    target = np.where(y > 0, (won + 1) / (won + 2), 1 / (len(y) - won + 2))

    def loss(at: Floats) -> tuple[float, Floats]:
        margin = whole @ at
        off = 0.5 * (1 + np.tanh(margin / 2)) - target
        return float(np.logaddexp(0, margin).sum() - target @ margin), off @ whole

    width = basis.shape[1]
    bounds = [*[(_LEAST_SLOPE, _STEEPEST)] * width, *[(-10.0, 10.0)] * len(numbers)]
    start = np.concatenate((np.ones(width), np.zeros(len(numbers))))
    found: Floats = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return found[:width], found[width:]


def _level(margin: Floats, y: Floats) -> float:
    """The offset with which as many are said to be won as were, but for half a case."""
    offset = 0.0
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(margin + offset, -30, 30)))
        step = ((y - p).sum() + 0.5 - p.mean()) / ((p * (1 - p)).sum() + 1)
        offset += float(np.clip(step, -1, 1))
    return offset


def _curve(shape: Callable[[Floats], Floats], knots: int) -> Curve:
    """`shape` as whole numbers; where it would leave the bounds it is cut off."""
    at = np.linspace(-REACH, REACH, knots)
    values = tuple(micro(value) for value in shape(at))
    inside = [abs(value) < LIMIT for value in values]
    if not all(inside):
        reach = np.linspace(-REACH / 3, REACH / 3, knots)
        return Curve(name=NAME, knots=_micros(reach), values=tuple(micro(value) for value in shape(reach)))
    return Curve(name=NAME, knots=_micros(at), values=values)


def _micros(at: Floats) -> tuple[int, ...]:
    return tuple(round(float(value) * MICRO_LOGIT) for value in at)


def _out_of_sample(basis: Basis, seen: Seen) -> float:
    """Log-loss in cross-validation, each case at the level of its period."""
    place = np.arange(len(seen.y)) % _FOLDS
    whole = basis(seen.odds / MICRO_LOGIT)
    losses = np.zeros(len(seen.y))
    for fold in range(_FOLDS):
        inside = place == fold
        given, offsets = _fitted(whole[~inside], seen.periods[~inside], seen.y[~inside])
        levels = dict(zip(np.unique(seen.periods[~inside]).tolist(), offsets.tolist(), strict=True))
        margin = whole[inside] @ given + np.array(
            [levels.get(one, 0.0) for one in seen.periods[inside].tolist()]
        )
        losses[inside] = np.logaddexp(0, margin) - seen.y[inside] * margin
    return float(losses.mean())
