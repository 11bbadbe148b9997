"""Who takes part in the scoring suite: the learned score, the rule it replaces, hand rules, and the baselines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import polars as pl

from domain.ports.scorer import Scorer
from evals.baselines import BASELINES, Fit
from evals.hand_rules import HAND_RULES, HandRule
from evals.tables import Table
from learning.families import Family
from learning.rows import INTENT, Rows
from learning.weighted import Floats

Kind = Literal["probability", "points"]
Judge = Callable[[Rows], Floats]
"""One number per row."""
Learn = Callable[[Rows], Callable[[pl.DataFrame], Floats]]
"""Train on rows; what is given back takes frames of such rows to probabilities. Raises: NotEnough below the floor."""
MAIN: Final = "leadgraph"
RULE: Final = "rule_v0"


@dataclass(frozen=True, slots=True)
class Entrant:
    """Learns from one part of a table and judges others. Points only rank: no probability is read into them."""

    name: str
    kind: Kind
    fit: Callable[[Table, Rows], Judge]


def learned(learn: Learn) -> Entrant:
    """The learned score, trained and calibrated on the part to learn from, without what only a rule reads."""

    def fit(table: Table, rows: Rows) -> Judge:
        predict = learn(rows.without(table.only_of_rules))
        return lambda other: predict(other.frame)

    return Entrant(MAIN, "probability", fit)


def trained(families: tuple[Family, ...], notes: list[str]) -> Learn:
    """The product's own training; what was made of each fold is told to `notes`."""

    def learn(rows: Rows) -> Callable[[pl.DataFrame], Floats]:
        from learning.predict import probabilities
        from learning.train import train

        made = train(rows, families=families)
        package = made.package
        notes.append(f"learned: {package.family} from {package.cases:,} leads, {package.won:,} won")
        return lambda frame: probabilities(package, made.files, frame)

    return learn


def rule(scorer: Scorer) -> Entrant:
    """A scorer of the product that learns nothing, on the features it reads."""

    def points(rows: Rows) -> Floats:
        names = [name for name in rows.frame.columns if name in scorer.uses]
        said = [name for name in rows.frame.columns if name.startswith(INTENT)]
        found = [
            scorer.points({n: row[n] for n in names}, {n.removeprefix(INTENT): row[n] or 0 for n in said})
            for row in rows.frame.select(*names, *said).iter_rows(named=True)
        ]
        return np.array(found, dtype=np.float64)

    return Entrant(RULE, "points", lambda _, __: points)


def notebook(name: str, make: Fit) -> Entrant:
    """A baseline on the raw columns."""

    def fit(table: Table, rows: Rows) -> Judge:
        predict = make(table.raw_of(rows), rows.frame["label"].to_numpy().astype(np.float64))
        return lambda other: predict(table.raw_of(other))

    return Entrant(name, "probability", fit)


def by_hand(found: HandRule) -> Entrant:
    """A rule that somebody who knows the columns would write down."""
    return Entrant("hand_rule", "points", lambda table, _: lambda other: found.points(table.raw_of(other)))


def baselines_for(table: str, scorer: Scorer) -> tuple[Entrant, ...]:
    """All that a score of this table is held against: a rule (`scorer` where it can read it), then the notebook's."""
    ruled = by_hand(HAND_RULES[table]()) if table in HAND_RULES else rule(scorer)
    return (ruled, *(notebook(name, make) for name, make in BASELINES.items()))
