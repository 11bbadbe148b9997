"""The candidates: for each family the settings that did best in cross-validation in time, on log-loss."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import polars as pl

from domain.model import MICRO_LOGIT, Additive, Trees
from learning import boosting_machine, logistic, trees
from learning.calibrate import platt
from learning.encode import Ints
from learning.predict import additive, curve_at, raw_log_odds
from learning.rows import Rows, lead_hash
from learning.weighted import Floats

Family = Literal["logistic", "lightgbm", "ebm"]
Folds = Sequence[tuple[Rows, Rows]]
Rule = Callable[[pl.DataFrame], Ints]
"""A scoring rule by hand: points of each row of a frame with the columns of `Rows`."""
CLOSE: Final = 0.001
"""Log-loss by which settings, or a heavier family, must beat what is plainer."""
SEARCHED: Final = 20_000
"""Rows that a search for settings learns from, at most; the model itself learns from all."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model and its files."""

    model: Additive | Trees
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One family with its best settings: its log-loss on cases it had not seen, and what it said of them."""

    family: Family
    settings: str
    loss: float
    unseen: pl.DataFrame
    odds: Ints
    """Micro log-odds of each row of `unseen`."""
    periods: Ints
    """Number of the fold of each row, where folds follow each other in time; else 0."""
    fit: Callable[[Rows], Fitted]


def candidate(family: Family, folds: Folds, *, seed: int) -> Candidate:
    """The best of a family on `folds`. Raises: ConfigError if what the family needs is not installed."""
    thin = [(_thinned(before), after) for before, after in folds]
    return {"logistic": _logistic, "lightgbm": _trees, "ebm": _machine}[family](thin, seed)


def rule_loss(rule: Rule, folds: Folds) -> float:
    """Log-loss of a rule by hand, its points turned into probabilities by Platt's sigmoid on the earlier cases."""
    losses = []
    for before, after in folds:
        points = [rule(part.frame) / 10 for part in (before, after)]
        curve = platt(points[0], _labels(before.frame))
        odds = curve_at(curve, np.rint(points[1] * MICRO_LOGIT).astype(np.int64))
        losses.append(_losses(odds, _labels(after.frame)))
    return float(np.concatenate(losses).mean())


def _logistic(folds: Folds, _: int) -> Candidate:
    tried: dict[logistic.Settings, tuple[float, Ints]] = {}

    def judge(settings: logistic.Settings) -> float:
        if settings not in tried:
            odds = np.concatenate([additive(logistic.fit(a, settings), b.frame) for a, b in folds])
            tried[settings] = (float(_losses(odds, _labels(_unseen(folds))).mean()), odds)
        return tried[settings][0]

    best = _plainest(logistic.GRID, judge)
    few, many = logistic.KNOTS
    best = _plainest([replace(best, knots=few), best, replace(best, knots=many)], judge)
    loss, odds = tried[best]
    return Candidate(
        "logistic", best.words, loss, _unseen(folds), odds, _periods(folds),
        lambda rows: Fitted(logistic.fit(rows, best), {}),
    )  # fmt: skip


def _plainest(
    ordered: Sequence[logistic.Settings], judge: Callable[[logistic.Settings], float]
) -> logistic.Settings:
    """The first, from the plainest, that comes within `CLOSE` of the best: less to go wrong on what comes later."""
    limit = min(map(judge, ordered)) + CLOSE
    return next(settings for settings in ordered if judge(settings) <= limit)


def _trees(folds: Folds, seed: int) -> Candidate:
    best: tuple[float, trees.Settings, Ints] | None = None
    sizes = np.array([after.frame.height for _, after in folds], dtype=np.float64)
    for settings in trees.GRID:
        curves, asked = zip(*[trees.judged(a, b, settings, seed=seed) for a, b in folds], strict=True)
        length = min(map(len, curves))
        losses: Floats = sizes @ np.array([curve[:length] for curve in curves]) / sizes.sum()
        rounds = int(np.argmin(losses))
        if best is None or losses[rounds] < best[0]:
            told = np.concatenate([ask(rounds + 1) for ask in asked])
            odds = np.rint(told * MICRO_LOGIT).astype(np.int64)
            best = float(losses[rounds]), replace(settings, rounds=rounds + 1), odds
    if best is None:
        raise ValueError("no settings to try")
    loss, chosen, odds = best

    def fit(rows: Rows) -> Fitted:
        model, text = trees.fit(rows, chosen, seed=seed)
        return Fitted(model, {trees.FILE: text})

    return Candidate("lightgbm", chosen.words, loss, _unseen(folds), odds, _periods(folds), fit)


def _machine(folds: Folds, seed: int) -> Candidate:
    odds = [raw_log_odds(boosting_machine.fit(a, seed=seed), {}, b.frame) for a, b in folds]
    told = np.concatenate(odds)
    loss = float(_losses(told, _labels(_unseen(folds))).mean())
    return Candidate(
        "ebm", "interpret-core's defaults, no interactions", loss, _unseen(folds), told, _periods(folds),
        lambda rows: Fitted(boosting_machine.fit(rows, seed=seed), {}),
    )  # fmt: skip


def _unseen(folds: Folds) -> pl.DataFrame:
    return pl.concat([after.frame for _, after in folds])


def _periods(folds: Folds) -> Ints:
    follow = all(a.frame["as_of"].to_numpy().max() <= b.frame["as_of"].to_numpy().min() for a, b in folds)
    numbers = [np.full(after.frame.height, n if follow else 0) for n, (_, after) in enumerate(folds)]
    return np.concatenate(numbers).astype(np.int64)


def _labels(frame: pl.DataFrame) -> Floats:
    return frame["label"].to_numpy().astype(np.float64)


def _losses(odds: Ints, y: Floats) -> Floats:
    margin = odds / MICRO_LOGIT
    found: Floats = np.logaddexp(0.0, margin) - y * margin
    return found


def _thinned(rows: Rows) -> Rows:
    """`rows`, or about `SEARCHED` of them by the hash of their lead."""
    if rows.frame.height <= SEARCHED:
        return rows
    limit = 2**60 * SEARCHED // rows.frame.height
    kept = pl.Series([lead_hash(lead) < limit for lead in rows.frame["lead_id"]], dtype=pl.Boolean)
    return rows.only(rows.frame.filter(kept))
