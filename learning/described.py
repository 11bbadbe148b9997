"""What a package says of itself beside its model: bins of past leads, bands, the features it reads, its data's hash."""

from hashlib import sha256
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl

from domain.model import (
    INTENT,
    INTENT_DIGEST,
    LIMIT,
    Additive,
    Bands,
    Bin,
    FeatureUse,
    Trees,
    digest_of,
    points_of,
)
from learning.encode import Ints
from learning.rows import Column, Rows
from learning.weighted import Floats

_HOT, _WARM = 0.10, 0.30
_BIN, _MOST_BINS = 60, 12
_SEEN: Final = 12


def reliability_of(odds: Ints, y: Floats) -> tuple[Bin, ...]:
    """Bins of about equal size by calibrated micro log-odds; equal ones are never parted."""
    order = np.argsort(odds, kind="stable")
    ordered, won = odds[order], y[order]
    bins = max(1, min(_MOST_BINS, len(odds) // _BIN))
    cuts = np.searchsorted(ordered, np.quantile(ordered, np.linspace(0, 1, bins + 1)[1:-1]).astype(np.int64))
    edges = [0, *sorted({int(cut) for cut in cuts if 0 < cut < len(odds)}), len(odds)]
    return tuple(
        Bin(low=int(ordered[start]) if start else -LIMIT, cases=end - start, won=int(won[start:end].sum()))
        for start, end in pairwise(edges)
    )


def bands_of(odds: Ints, base: float) -> Bands:
    """Hot: at most the best tenth of later leads, at twice the base rate or more; warm: the best three tenths.

    A tenth is what a sales team can call at once; where the score is no better than the base rate nobody is hot. A
    band is left where the points have fallen by a seventh of what it takes to enter it, and by one at least.
    """
    points = np.array([points_of(int(one)) for one in odds])
    hot = _entered(points, _HOT, least=2 * 100 * base)
    warm = min(_entered(points, _WARM, least=100 * base), hot)
    leave_hot = max(warm, hot - max(1, hot // 7), 1)
    leave_warm = max(1, min(warm, warm - max(1, warm // 7)))
    return Bands(enter_hot=hot, leave_hot=leave_hot, enter_warm=warm, leave_warm=leave_warm)


def _entered(points: Ints, share: float, *, least: float) -> int:
    """The least points that at most `share` of the leads have, and no less than `least`."""
    for limit in range(1, 99):
        if limit >= least and float((points >= limit).mean()) <= share:
            return limit
    return 99


def digest_of_rows(rows: Rows) -> str:
    """sha256 of the rows, their columns and their question: rows in other order are the same rows."""
    said = repr([(c.name, c.kind, c.sign, c.scale) for c in rows.columns]) + repr(rows.question) + rows.order
    table = rows.frame.sort("lead_id", "as_of").write_csv()
    return sha256(said.encode() + table.encode()).hexdigest()


def features_of(model: Additive | Trees, rows: Rows) -> tuple[FeatureUse, ...]:
    if isinstance(model, Additive):
        names = [*(curve.name for curve in model.curves), *(code.name for code in model.levels)]
    else:
        names = [column.name for column in model.columns]
    columns = {column.name: column for column in rows.columns}
    return tuple(_use(columns[name], rows.frame[name]) for name in names)


def _use(column: Column, series: pl.Series) -> FeatureUse:
    seen: tuple[int, ...] = ()
    if column.kind == "number" and series.null_count() < len(series):
        cuts = np.quantile(series.drop_nulls().to_numpy(), np.linspace(0, 1, _SEEN))
        seen = tuple(sorted({int(np.floor(cut)) for cut in cuts}))
    definition = column.definition
    if definition is not None:
        return FeatureUse(
            name=column.name,
            version=definition.version,
            digest=digest_of(definition),
            sign=column.sign,
            seen=seen,
        )
    digest = INTENT_DIGEST if column.name.startswith(INTENT) else "none"
    return FeatureUse(name=column.name, version=1, digest=digest, sign=column.sign, seen=seen)
