"""Rescoring leads in bulk, beside the same model's bare prediction on the same matrix.

``python -m benchmarks.bulk --json`` prints what `measure` returns; ``--leads N`` sets the size. ``rows`` starts from
prepared feature rows; ``events`` from a frame of stored events, so it includes computing the features; reading and
decoding the store is not included. The packages are trained first, outside the clock.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from benchmarks.features import EVENTS_PER_LEAD, NOW, SHIPPED, frame_of_events
from domain.features import Catalogue
from domain.instants import DAY
from domain.model import Additive
from learning.bulk import points_of_events, points_of_rows
from learning.encode import matrix, terms_of
from learning.families import Family
from learning.predict import booster, contributions, tree_matrix
from learning.rows import FIXED, Question, Rows, features_at, trainable
from learning.train import Trained, train
from tools.catalogue import load_catalogue

LEADS = 100_000
TAUGHT = 3_000
"""Leads that the models are trained on."""


def measure(leads: int = LEADS) -> dict[str, Any]:
    """Leads a second of each family: on rows, with contributions, from events, and bare."""
    catalogue = load_catalogue(SHIPPED)
    events = frame_of_events(leads * EVENTS_PER_LEAD)
    named = (
        events.select("lead_id")
        .unique(maintain_order=True)
        .with_columns(account=pl.lit(None, dtype=pl.String), region=pl.lit("eu"))
    )
    cases = named.with_columns(as_of=pl.lit(NOW, dtype=pl.Int64), known_at=pl.lit(None, dtype=pl.Int64))
    frame, columns = features_at(catalogue, events, cases, names=frozenset(catalogue.plan("lead").empty))
    kept = {d.name for d in trainable(catalogue)}
    rows = Rows(_labelled(frame), tuple(c for c in columns if c.name in kept), Question(24, 10), "assumed")
    families: tuple[Family, ...] = ("logistic", "lightgbm")
    return {
        "leads": named.height,
        "events": events.height,
        **{family: _of(family, rows, catalogue, events=events, named=named) for family in families},
    }


def _labelled(frame: pl.DataFrame) -> pl.DataFrame:
    """A sale the likelier the more a lead did, drawn the same on every machine."""
    dice = np.random.default_rng(0)
    done = frame["decayed.web.page_view"].to_numpy() / 1e6 + frame["decayed.web.form"].to_numpy() / 5e5
    won = dice.random(frame.height) < 1 / (1 + np.exp(1.5 - 0.5 * done))
    return frame.with_columns(
        label=pl.Series(won.astype(np.int8)), label_known_at=pl.col("as_of") + 10 * DAY
    ).with_columns(
        [
            pl.lit(None, dtype=pl.String).alias(n)
            for n in FIXED
            if n not in (*frame.columns, "label", "label_known_at")
        ]
    )


def _of(
    family: Family, rows: Rows, catalogue: Catalogue, *, events: pl.DataFrame, named: pl.DataFrame
) -> dict[str, Any]:
    made = train(rows.only(rows.frame.head(TAUGHT)), families=(family,))
    package, files, frame = made.package, made.files, rows.frame
    count = frame.height
    figures = {
        "rows": _rate(count, lambda: points_of_rows(package, files, frame)),
        "rows_with_contributions": _rate(count, lambda: contributions(package, files, frame)),
        "events": _rate(count, lambda: points_of_events(package, files, catalogue, events, named, as_of=NOW)),
        "bare_predict": _rate(count, _bare(made, rows)),
    }
    return {
        "leads_per_second": {name: round(rate) for name, rate in figures.items()},
        "features": len(package.features),
        "ratio_rows_to_bare": round(figures["bare_predict"] / figures["rows"], 2),
        "seconds_for_all_from_events": round(count / figures["events"], 2),
    }


def _bare(made: Trained, rows: Rows) -> Callable[[], object]:
    """The model alone on a matrix of floats that is ready: what a notebook would time."""
    model = made.package.model
    if isinstance(model, Additive):
        names = [curve.name for curve in model.curves] + [code.name for code in model.levels]
        kept = rows.without([c.name for c in rows.columns if c.name not in names])
        x = matrix(terms_of(kept, 8), kept.frame)
        weights = np.linspace(-1, 1, x.shape[1])
        return lambda: 1 / (1 + np.exp(-(x @ weights)))
    trees, x = booster(made.files[model.file], model.sha256), tree_matrix(model, rows.frame)
    return lambda: trees.predict(x)


def _rate(count: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=LEADS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(given.leads)
    print(json.dumps(found) if given.json else json.dumps(found, indent=2))
