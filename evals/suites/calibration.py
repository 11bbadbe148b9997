"""The calibration suite: do the probabilities hold, all in all, at both ends, and month by month?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from evals.cases import Trace
from evals.figures import Costs, main_figures
from evals.suites.scoring import judged
from learning.gates import Gate, at_least, at_most, overall

SUITE: Final = "calibration"
LIMIT: Final = 0.03
"""Calibration error that is bearable where a data set names none."""
SLOPES: Final = (0.8, 1.25)
"""Between these the probabilities are neither too loud nor too timid."""
KEPT: Final = ("ece", "calibration_slope", "brier", "log_loss")


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """Calibration error, slope, the parts of the Brier score, bins and months, from the traces alone."""
    found = judged(traces)
    figures = main_figures(found, costs=Costs(), draws=draws, seed=seed)
    seen = {name: figures["intervals"][name] for name in KEPT}
    limit = float(about.get("gates", {}).get("ece", LIMIT))
    gates: tuple[Gate, ...] = (
        at_most(seen["ece"], limit, name="ece"),
        at_least(seen["calibration_slope"], SLOPES[0], name="slope_not_too_loud"),
        at_most(seen["calibration_slope"], SLOPES[1], name="slope_not_too_timid"),
    )
    more = {name: figures["more"][name] for name in ("brier_parts", "reliability", "by_month")}
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "split": about.get("split", ""), "n": len(found.y),
        "won": int(found.y.sum()), "base_rate": round(float(found.y.mean()), 6), "entrant": found.main,
        "metrics": {name: one.document() for name, one in seen.items()},
        "gates": [gate.document() for gate in gates], "answer": overall(gates), **more,
    }  # fmt: skip
