"""Gradient-boosted trees by LightGBM: deterministic, with monotone constraints where a sign is known."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import numpy as np

from domain.model import TreeColumn, Trees
from learning.encode import Code, terms_of
from learning.predict import tree_matrix
from learning.rows import Rows
from learning.weighted import Floats

Ask = Callable[[int], Floats]
FILE: Final = "trees.txt"
MOST_ROUNDS: Final = 400
PATIENCE: Final = 30
PULL: Final = 20.0
"""Rows at the base rate that each level's rate is mixed with when levels are put in order."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Size of a tree, rows a leaf needs, and how many trees there are."""

    leaves: int
    leaf_rows: int
    rounds: int = MOST_ROUNDS

    @property
    def words(self) -> str:
        """For the model card."""
        return f"{self.rounds} trees of {self.leaves} leaves with {self.leaf_rows} rows or more"


GRID: Final = (Settings(4, 30), Settings(8, 30), Settings(16, 60))
"""From the plainest."""


def fit(rows: Rows, settings: Settings, *, seed: int) -> tuple[Trees, bytes]:
    """The trees of `rows` and their file."""
    columns, signs = _columns(rows)
    booster = _train(rows, columns, signs, settings=settings, seed=seed)
    text = booster.model_to_string().encode()
    return Trees(sha256=sha256(text).hexdigest(), columns=columns), text


def judged(rows: Rows, others: Rows, settings: Settings, *, seed: int) -> tuple[list[float], Ask]:
    """Log-loss on `others` after each tree, up to `PATIENCE` past the best; and their log-odds after so many trees."""
    import lightgbm

    columns, signs = _columns(rows)
    x, y = _matrix(columns, others), others.frame["label"].to_numpy()
    told: dict[str, Any] = {}
    stops = [lightgbm.early_stopping(PATIENCE, verbose=False), lightgbm.record_evaluation(told)]
    booster = _train(rows, columns, signs, settings=settings, seed=seed, judge=(x, y), callbacks=stops)
    losses = [float(loss) for loss in told["others"]["binary_logloss"]]

    def ask(rounds: int) -> Floats:
        found: Floats = np.asarray(booster.predict(x, raw_score=True, num_iteration=rounds))
        return found

    return losses, ask


def _columns(rows: Rows) -> tuple[tuple[TreeColumn, ...], list[int]]:
    """The columns that vary, and their signs. Levels stand in the order of their rates: one cut parts them well."""
    base = float(rows.frame["label"].to_numpy().mean())
    columns, signs = [], []
    varying = {term.name: term for term in terms_of(rows, 4)}
    for column in rows.columns:
        term = varying.get(column.name)
        if isinstance(term, Code):
            told = (
                rows.frame.select(column.name, "label")
                .drop_nulls()
                .group_by(column.name)
                .agg(n="label", won="label")
            )
            rates = {
                level: (sum(won) + PULL * base) / (len(won) + PULL)
                for level, won in zip(told[column.name], told["won"], strict=True)
            }
            levels = tuple(sorted(term.levels, key=lambda level: (rates[level], level)))
            columns.append(TreeColumn(name=column.name, levels=levels))
            signs.append(0)
        elif term is not None:
            columns.append(TreeColumn(name=column.name))
            signs.append(column.sign)
    return tuple(columns), signs


def _matrix(columns: tuple[TreeColumn, ...], rows: Rows) -> Floats:
    return tree_matrix(Trees(sha256="0" * 64, columns=columns), rows.frame)


def _train(
    rows: Rows,
    columns: tuple[TreeColumn, ...],
    signs: list[int],
    *,
    settings: Settings,
    seed: int,
    judge: tuple[Floats, Any] | None = None,
    callbacks: list[Any] | None = None,
) -> Any:
    import lightgbm

    data = lightgbm.Dataset(
        _matrix(columns, rows),
        label=rows.frame["label"].to_numpy(),
        params={"verbose": -1},
        free_raw_data=False,
    )
    given: dict[str, Any] = {
        "objective": "binary", "learning_rate": 0.08, "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.leaf_rows, "lambda_l2": 5.0, "feature_fraction": 0.7,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "seed": seed, "verbose": -1,
    }  # fmt: skip
    if any(signs):
        given |= {"monotone_constraints": signs, "monotone_constraints_method": "intermediate"}
    others = [] if judge is None else [data.create_valid(judge[0], label=judge[1])]
    return lightgbm.train(
        given,
        data,
        settings.rounds,
        valid_sets=others,
        valid_names=["others"] * len(others),
        callbacks=callbacks,
    )
