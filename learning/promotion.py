"""May a package become champion? Gates on leads that neither it nor the present champion was made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import polars as pl

from domain.errors import BadInput
from domain.model import Package
from domain.model_shelf import Evidence
from learning.gates import Gate, at_most, certain, non_inferior, overall
from learning.intervals import Interval, interval, intervals, paired
from learning.leak_check import Leak
from learning.predict import probabilities
from learning.rows import ASIDE, Rows, split_by_account
from learning.weighted import Floats

HELD_OUT: Final = 0.2
"""Share of the newest leads that a training by `models train` leaves alone."""
AUC_MARGIN: Final = 0.01
LOSS_MARGIN: Final = 0.01
ECE_MOST: Final = 0.05
LEAST: Final = {"leads": 100, "won": 20, "not won": 20}
Split = Literal["time", "account"]


@dataclass(frozen=True, slots=True)
class Judge:
    """A scorer to be judged: its probabilities (or points, where it knows none), and the package behind it."""

    name: str
    score: Callable[[pl.DataFrame], Floats]
    package: Package | None = None
    split: Split = "time"
    """How the leads it was not made of are told from the others."""


def judge_of(name: str, package: Package, files: Mapping[str, bytes], split: Split) -> Judge:
    """A package as a judge."""
    return Judge(name, lambda frame: probabilities(package, files, frame), package, split)


def unseen(rows: Rows, judges: Sequence[Judge]) -> Rows:
    """The rows that none of the packages was made of.

    Made in time: leads decided after the last outcome that was learnt from. By account (where times do not tell
    leads apart): the accounts that the training left alone; which those are never changes.
    """
    for judge in judges:
        if judge.package is None:
            continue
        if judge.split == "account":
            rows = split_by_account(rows, 1 - HELD_OUT, ASIDE)[1]
        else:
            rows = rows.only(rows.frame.filter(pl.col("as_of") >= judge.package.trained_at))
    return rows


@dataclass(frozen=True, slots=True)
class Compared:
    """Two scorers on the same rows: figures of each, paired differences (first less second), and the gates."""

    names: tuple[str, str]
    n: int
    won: int
    figures: Mapping[str, Mapping[str, Interval]]
    differences: Mapping[str, Interval]
    gates: tuple[Gate, ...]

    @property
    def evidence(self) -> Evidence:
        """What goes on record."""
        return Evidence(overall(self.gates), tuple(gate.document() for gate in self.gates))

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "compared": list(self.names), "n": self.n, "won": self.won, **self.evidence.document(),
            "figures": {
                name: {what: one.document() for what, one in found.items()} for name, found in self.figures.items()
            },
            "differences": {what: one.document() for what, one in self.differences.items()},
        }  # fmt: skip


def compared(rows: Rows, challenger: Judge, champion: Judge, leaks: Sequence[Leak]) -> Compared:
    """Judge both on the rows that neither was made of, paired and clustered by account; the champion may be a rule.

    A rule knows no probability: it is compared by rank, and the challenger's log-loss with that of the base rate it
    was trained on. Raises: BadInput if the challenger is no package.
    """
    if challenger.package is None:
        raise BadInput("version", "is no package", "name a model package")
    fresh = unseen(rows, (challenger, champion))
    y = fresh.frame["label"].to_numpy().astype(np.float64)
    p, other = challenger.score(fresh.frame), champion.score(fresh.frame)
    clusters = fresh.frame["account"].to_list()
    loss = (
        other
        if champion.package
        else np.full(len(y), challenger.package.won / max(1, challenger.package.cases))
    )
    differences = {
        "auc": paired("auc", y, p, other, clusters=clusters, seed=0),
        "log_loss": paired("log_loss", y, p, loss, clusters=clusters, seed=0),
    }
    figures = {challenger.name: intervals(y, p, clusters=clusters, seed=0)}
    auc = interval("auc", y, other, clusters=clusters, seed=0)
    figures[champion.name] = (
        intervals(y, other, clusters=clusters, seed=0) if champion.package else {"auc": auc}
    )
    gates = (
        _enough(y),
        certain("no_leaks", broken=sum(leak.hard for leak in leaks), of=max(1, len(rows.columns))),
        non_inferior(differences["auc"], margin=AUC_MARGIN),
        non_inferior(differences["log_loss"], margin=LOSS_MARGIN, metric="log_loss"),
        at_most(figures[challenger.name]["ece"], ECE_MOST, name="ece"),
    )
    return Compared((challenger.name, champion.name), len(y), int(y.sum()), figures, differences, gates)


def _enough(y: Floats) -> Gate:
    have = {"leads": len(y), "won": int(y.sum()), "not won": int(len(y) - y.sum())}
    short = [f"{have[name]:,} {name}, needs {least:,}" for name, least in LEAST.items() if have[name] < least]
    words = (
        f"enough_data: insufficient data: {'; '.join(short)}"
        if short
        else f"enough_data: {have['leads']:,} leads, {have['won']:,} won"
    )
    return Gate(
        "enough_data", "inconclusive" if short else "pass", Interval(float(len(y))), LEAST["leads"], words
    )
