"""Out of scope: of sentences that have nothing to do with buying here, how many would be handed to sales?"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from evals.cases import Trace
from evals.suites.handoff import latency, worst
from learning.gates import at_most, overall
from learning.intervals import mean

SUITE: Final = "out_of_scope"
DATASETS: Final = ("clinc150", "banking77")
MOST_FALSE: Final = 0.02


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """The false-handoff rate at the default threshold, from the traces alone (`evals.suites.handoff.traces`)."""
    wrong = np.array([bool(trace.output["passes"]) and trace.case.target == 0 for trace in traces])
    none = np.array([trace.case.target == 0 for trace in traces])
    seen = {"false_handoff_rate": mean(wrong[none].astype(np.float64), draws=draws, seed=seed)}
    gates = (at_most(seen["false_handoff_rate"], MOST_FALSE, name="false_handoff_rate"),)
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "n": int(none.sum()), "won": 0,
        "metrics": {name: one.document() for name, one in seen.items()},
        "latency_ms": latency(traces), "wrongly_passed": worst(traces, wrong),
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip
