"""An explainable boosting machine without interactions (Nori et al., arXiv 1909.09223), turned into an `Additive`.

Needs the extra ``ebm`` (the package interpret-core). Each of its step functions becomes a curve with two knots side by
side at each step, so the package says what the machine says, rounded to thousandths of log-odds.
"""

from typing import Any

import numpy as np

from domain.errors import ConfigError
from domain.model import WIDEST, Additive, Curve, Levels
from learning.encode import Ints, Number, Term, level_places, micro, terms_of
from learning.rows import Rows
from learning.weighted import Floats

PIECES = 8
_NOTHING = -(10**12)
"""Stands for a missing number: below any value that is met, so it gets a step of its own."""


def fit(rows: Rows, *, seed: int) -> Additive:
    """The machine of `rows`. Raises: ConfigError if interpret-core is not installed."""
    terms, machine = terms_of(rows, PIECES), fitted(rows, seed=seed)
    curves: list[Curve] = []
    levels: list[Levels] = []
    intercept = float(np.ravel(machine.intercept_)[0])
    for n, term in enumerate(terms):
        scores: Floats = np.asarray(machine.term_scores_[n], dtype=np.float64)
        if isinstance(term, Number):
            curves.append(_steps(term, np.asarray(machine.bins_[n][0], dtype=np.float64), scores))
        else:
            levels.append(_levels(term.name, term.levels, machine.bins_[n][0], scores))
    return Additive(intercept=micro(intercept), curves=tuple(curves), levels=tuple(levels))


def fitted(rows: Rows, *, seed: int) -> Any:
    """The machine itself, on the matrix of `plain`. Raises: ConfigError if interpret-core is not installed."""
    machine = _machine(terms_of(rows, PIECES), seed)
    machine.fit(plain(rows), rows.frame["label"].to_numpy())
    return machine


def _machine(terms: tuple[Term, ...], seed: int) -> Any:
    try:
        from interpret.glassbox import ExplainableBoostingClassifier
    except ImportError as missing:
        raise ConfigError(
            "the family ebm needs interpret-core: install leadgraph with the extra `ebm`, or leave it out"
        ) from missing
    kinds = ["continuous" if isinstance(term, Number) else "nominal" for term in terms]
    names = [term.name for term in terms]
    return ExplainableBoostingClassifier(
        feature_names=names, feature_types=kinds, interactions=0, random_state=seed, n_jobs=1, outer_bags=8
    )


def plain(rows: Rows) -> Any:
    """One object column a term: scaled numbers, or the number of the level (-1 any other, -2 none) as text."""
    columns: list[Any] = []
    for term in terms_of(rows, PIECES):
        series = rows.frame[term.name]
        if isinstance(term, Number):
            x: Ints = series.fill_null(0).to_numpy() // term.scale
            columns.append(np.where(series.is_null().to_numpy(), _NOTHING, x).astype(object))
        else:
            columns.append(level_places(series, term.levels).astype(str).astype(object))
    return np.column_stack(columns)


def _steps(term: Number, cuts: Floats, scores: Floats) -> Curve:
    """`scores` hold the missing bin, one value between cuts, and the unknown bin; a cut belongs to what is above it."""
    inner = [micro(score) for score in scores[1:-1]]
    edges = [int(np.ceil(cut)) for cut in cuts]
    missing = inner[0] if edges and edges[0] < -WIDEST else 0
    points: dict[int, int] = {}
    for edge, below, above in zip(edges, inner, inner[1:], strict=False):
        if edge >= -WIDEST:
            points.setdefault(edge - 1, below)
            points[edge] = above
    if not points:
        return Curve(name=term.name, scale=term.scale, knots=(0,), values=(inner[-1],), missing=missing)
    knots = tuple(sorted(points))
    return Curve(
        name=term.name,
        scale=term.scale,
        knots=knots,
        values=tuple(points[at] for at in knots),
        missing=missing,
    )


def _levels(name: str, levels: tuple[str, ...], bins: dict[str, int], scores: Floats) -> Levels:
    told = {place: micro(scores[number]) for place, number in bins.items()}
    values = {level: told.get(str(place), 0) for place, level in enumerate(levels)}
    return Levels(name=name, values=values, other=told.get("-1", 0), missing=told.get("-2", 0))
