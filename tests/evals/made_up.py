"""A made-up table with a known truth, stand-ins that learn it, and a trace of each kind."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from domain.instants import DAY
from evals.cases import Case, Step, Trace
from evals.entrants import Entrant, Learn, learned, notebook
from evals.suites.scoring import run
from evals.tables import KEYS, Table
from learning.rows import Column, Question, Rows
from learning.weighted import Floats

QUESTION = Question(24, 30)


def rows_of(n: int, *, seed: int = 0, leads_an_account: int = 3, strength: float = 1.5) -> Rows:
    """Rows of which ``x`` and ``colour`` tell something, over some months, a lead each."""
    dice = np.random.default_rng(seed)
    x = dice.normal(size=n)
    colour = np.array(["red", "blue", "green"])[dice.integers(0, 3, n)]
    p = 1 / (1 + np.exp(1.0 - strength * x - (colour == "red")))
    at = np.arange(n) * DAY // 8
    frame = pl.DataFrame({
        "lead_id": [f"ld_{i:05}" for i in range(n)],
        "account": [f"ac_{i // leads_an_account:05}" for i in range(n)],
        "region": ["eu"] * n,
        "segment": ["small" if i % 2 else "large" for i in range(n)],
        "as_of": at,
        "known_at": at,
        "label": (dice.random(n) < p).astype(np.int8),
        "label_known_at": at + 30 * DAY,
        "x": (x * 1_000).astype(np.int64),
        "colour": colour,
    })  # fmt: skip
    return Rows(frame, (Column("x", "number"), Column("colour", "category")), QUESTION)


def table(n: int = 1_200, *, seed: int = 0, strength: float = 1.5) -> Table:
    """Two thirds to learn from, the rest to judge by; accounts are on one side."""
    rows = rows_of(n, seed=seed, strength=strength)
    cut = n * 2 // 3 // 3 * 3
    keys = rows.frame.select(KEYS)
    months = [f"2026-{1 + i * 3 // n:02}" for i in range(n)]
    return Table(
        name="made_up", source="tests", split="two thirds to the rest",
        folds=((rows.only(rows.frame.head(cut)), rows.only(rows.frame.slice(cut))),),
        raw=keys.hstack(rows.frame.select("x", "colour")),
        slices=keys.with_columns(
            rows.frame["segment"], month=pl.Series(months), channel=pl.lit("web"), reasoner=pl.lit("none")
        ),
    )  # fmt: skip


def stand_in(noise: float = 0.0) -> Learn:
    """Learns by the plain logistic regression of the baselines; `noise` spoils what it says."""
    from evals.baselines import logistic

    def learn(rows: Rows) -> Callable[[pl.DataFrame], Floats]:
        predict = logistic(
            rows.frame.select("x", "colour"), rows.frame["label"].to_numpy().astype(np.float64)
        )

        def say(frame: pl.DataFrame) -> Floats:
            p = predict(frame.select("x", "colour"))
            odds = np.log(p / (1 - p)) + noise * np.random.default_rng(1).normal(size=len(p))
            return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)

        return say

    return learn


def entrants(noise: float = 0.0) -> tuple[Entrant, ...]:
    """The stand-in and two baselines."""
    from evals.baselines import logistic, naive_bayes

    return (learned(stand_in(noise)), notebook("naive_bayes", naive_bayes), notebook("logistic", logistic))


def traces(noise: float = 0.0, *, n: int = 1_200, seed: int = 0) -> tuple[Trace, ...]:
    """Traces of the scoring suite over the made-up table."""
    return run(table(n, seed=seed), entrants(noise))


def walk(*steps: str) -> Trace:
    """A trace of steps written ``step:code`` (code ``ok`` if left out)."""
    made = []
    for step in steps:
        name, _, code = step.partition(":")
        made.append(
            Step(step=name, code=code or "ok", detail={"action": "ac_1", "attempt": 1, "kind": "create_task"})
        )
    return Trace(
        case=Case(id="rn_1", suite="trajectories", dataset="tests"),
        output={"rows": len(made)},
        steps=tuple(made),
    )


def halves(made: Table) -> Table:
    """The table with one account in both parts."""
    train, test = made.folds[0]
    shared = train.frame["account"][0]
    changed = test.frame.with_columns(
        account=pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(shared)).otherwise("account")
    )
    return replace(made, folds=((train, test.only(changed)),))
