"""Two runs on the same cases: which is better, by how much, and how sure that is."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from domain.errors import BadInput
from evals.cases import Trace
from evals.suites.scoring import judged
from learning.gates import Gate, needed, non_inferior, overall
from learning.intervals import Interval, paired
from learning.weighted import HIGHER_IS_BETTER

FIGURES: Final = ("auc", "log_loss", "brier", "ece", "lift_at_10")
MARGINS: Final[Mapping[str, float]] = {"auc": 0.005, "log_loss": 0.005}
"""How much worse is still bearable, if nobody says otherwise."""


def compare(
    new: Sequence[Trace],
    old: Sequence[Trace],
    *,
    margins: Mapping[str, float] = MARGINS,
    draws: int = 1_000,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures of `new` less those of `old`, case by case and account by account, and a gate per margin.

    Both must hold the same cases with the same outcomes; their order does not matter. Raises: BadInput.
    """
    mine = {trace.case.id: trace for trace in new}
    theirs = {trace.case.id: trace for trace in old}
    if len(mine) != len(new) or len(theirs) != len(old) or mine.keys() != theirs.keys():
        both = len(mine.keys() & theirs.keys())
        raise BadInput("runs", f"share {both:,} of {len(mine):,} and {len(theirs):,} cases",
                       "compare runs over the same cases", code="cases")  # fmt: skip
    ids = sorted(mine)
    one, two = judged([mine[i] for i in ids]), judged([theirs[i] for i in ids])
    if not np.array_equal(one.y, two.y):
        raise BadInput("runs", "have other outcomes for the same cases", "make both from one data set")
    ranks_only = one.main in one.points or two.main in two.points
    wanted = [name for name in FIGURES if not ranks_only or name in HIGHER_IS_BETTER]
    seen = {
        name: paired(
            name, one.y, one.said[one.main], two.said[two.main], clusters=one.accounts, draws=draws, seed=seed
        )
        for name in wanted
    }
    gates = tuple(
        non_inferior(seen[name], margin=margin, metric=name)
        for name, margin in margins.items()
        if name in seen
    )
    return {
        "suite": "compare", "dataset": new[0].case.dataset, "n": len(ids),
        "base_rate": round(float(one.y.mean()), 6), "paired": True, "clusters": len(set(one.accounts)),
        "differences": {name: verdict(one_seen, name) for name, one_seen in seen.items()},
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
        "enough": _enough(gates, len(ids)),
    }  # fmt: skip


def verdict(seen: Interval, figure: str) -> dict[str, Any]:
    """The difference and a word: better, worse, or no difference that these cases could show."""
    if seen.low is None or seen.high is None:
        return {**seen.document(), "words": "insufficient data"}
    if seen.low <= 0 <= seen.high:
        return {**seen.document(), "words": "no difference to be seen"}
    better = (seen.low > 0) == (figure in HIGHER_IS_BETTER)
    return {**seen.document(), "words": "better" if better else "worse"}


def _enough(gates: Sequence[Gate], n: int) -> dict[str, int]:
    """For each gate about how many cases would let an equally good score pass four times in five."""
    return {gate.name: needed(gate.seen.se, n, gate.bound) for gate in gates if gate.seen.se and gate.bound}
