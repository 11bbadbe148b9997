"""Logistic regression on linear splines, with L2 penalty: smooth, quick, and exactly a `domain.model.Additive`.

The penalty lies on the rise of each ramp, so that little evidence means a flat curve (first-difference penalty;
Eilers and Marx, Statistical Science 1996). A known sign bounds the rises, which makes the curve monotone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from domain.model import Additive, Curve, Levels
from learning.encode import Ints, Number, Term, matrix, micro, shape_of, signs_of, terms_of
from learning.rows import Rows
from learning.weighted import Floats

IDLE: Final = 0.01
"""A term whose contribution spreads less than this, in log-odds, is left out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`softness` is the inverse of the penalty; `knots` how many pieces a curve has at most."""

    softness: float
    knots: int

    @property
    def words(self) -> str:
        """For the model card."""
        return f"C = {self.softness:g}, {self.knots} pieces a curve"


STEPS: Final = 60
ENOUGH: Final = 1e-8
"""Gain in log-loss a row below which the search ends."""
GRID: Final = tuple(Settings(c, 8) for c in (0.01, 0.05, 0.2, 1.0))
KNOTS: Final = (4, 16)
"""Tried with the best penalty."""


def fit(rows: Rows, settings: Settings) -> Additive:
    """The model of `rows`; contributions are centred, so that the intercept is that of the average case."""
    terms = terms_of(rows, settings.knots)
    x, y = matrix(terms, rows.frame), rows.frame["label"].to_numpy().astype(np.float64)
    weights = _minimum(x, y, 1 / settings.softness, signs_of(terms))
    return _package(terms, x, weights)


def _minimum(x: Floats, y: Floats, penalty: float, signs: Ints) -> Floats:
    """Intercept and weights: minimum of the log-loss plus ``penalty / 2`` times the sum of squares.

    Newton's method; weights that stand at the bound of their sign and would leave it are held there meanwhile
    (two-metric projection; Bertsekas, SIAM J. Control 1982).
    """
    whole = np.hstack([np.ones((len(x), 1)), x])
    ridge = np.concatenate(([0.0], np.full(x.shape[1], penalty)))
    sign = np.concatenate(([0], signs))
    base = np.clip(y.mean(), 1e-6, 1 - 1e-6)
    at = np.concatenate(([np.log(base / (1 - base))], np.zeros(x.shape[1])))
    value = _loss(whole @ at, y, at, ridge)
    for _ in range(STEPS):
        p = 0.5 * (1 + np.tanh(whole @ at / 2))
        slope = (p - y) @ whole + ridge * at
        free = (sign == 0) | (at != 0) | (slope * sign < 0)
        mine = whole[:, free]
        curve = (mine * (p * (1 - p))[:, None]).T @ mine
        curve[np.diag_indices_from(curve)] += ridge[free] + 1e-9
        step = np.zeros_like(at)
        step[free] = np.linalg.solve(curve, slope[free])
        at, lower = _walked(at, step, sign, value=value, judge=lambda w: _loss(whole @ w, y, w, ridge))
        if value - lower < ENOUGH * len(y):
            return at
        value = lower
    return at


def _walked(
    at: Floats, step: Floats, sign: Ints, *, value: float, judge: Callable[[Floats], float]
) -> tuple[Floats, float]:
    """The point along `step`, kept within the signs, that is better than `value`; `at` itself if none is."""
    for halving in range(20):
        moved = at - step / 2**halving
        moved = np.where(moved * sign < 0, 0.0, moved)
        lower = judge(moved)
        if lower < value:
            return moved, lower
    return at, value


def _loss(margin: Floats, y: Floats, at: Floats, ridge: Floats) -> float:
    return float(np.logaddexp(0.0, margin).sum() - y @ margin + ridge @ at**2 / 2)


def _package(terms: tuple[Term, ...], x: Floats, weights: Floats) -> Additive:
    intercept, at = float(weights[0]), 0
    curves: list[Curve] = []
    levels: list[Levels] = []
    for term in terms:
        mine = slice(at, at + term.width)
        given = x[:, mine] @ weights[1:][mine]
        at += term.width
        intercept += float(given.mean())
        if given.std() < IDLE:
            continue
        shape = shape_of(term, weights[1:][mine], float(given.mean()))
        if isinstance(shape, Curve) and isinstance(term, Number):
            curves.append(shape)
        elif isinstance(shape, Levels):
            levels.append(shape)
    return Additive(intercept=micro(intercept), curves=tuple(curves), levels=tuple(levels))
