"""The intents of the project's own utterances, each read by a classifier that had not seen its family.

Several intents may be right at once. A head says yes from a calibrated one in two; the surest head of an utterance is
held against its intents for the confusion and for what abstaining brings. The calibration was made on the same
held-out answers (two numbers a head), so the calibration error is a little too kind.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from domain.intent_model import SALE
from evals.cases import Case, Trace
from learning.gates import at_least, at_most, overall
from learning.intents import Held, Utterance
from learning.intervals import Interval, draws_of, interval, mean
from learning.weighted import Floats

SUITE: Final = "intents"
OWN: Final = "own"
LEAST_F1: Final = 0.45
MOST_ERROR: Final = 0.05
YES: Final = 500
"""Per mille from which a head says yes."""
ABSTAINING: Final = (0, 200, 300, 400, 500, 600, 700, 800, 900)
"""Per mille of the surest head below which the reader would rather say nothing."""
_MOST_PAIRS: Final = 20


def traces(rows: Sequence[Utterance], held: Sequence[Held]) -> tuple[Trace, ...]:
    """One for each utterance: what each head said of it, per mille, and what is right."""
    return tuple(
        Trace(
            case=Case(
                id=f"{row.family}-{number}",
                suite=SUITE,
                dataset=OWN,
                account=row.family,
                target=int(row.sale),
            ),
            output={
                "said": {one.head: round(1_000 * float(one.probability[number])) for one in held},
                "right": sorted(intent.value for intent in row.intents),
            },
        )
        for number, row in enumerate(rows)
    )


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """Macro-F1, F1 of each head, confusion, calibration of the buying interest, and what abstaining brings."""
    heads = [name for name in traces[0].output["said"] if name != SALE]
    families = [trace.case.account for trace in traces]
    said = np.array([[trace.output["said"][name] for name in heads] for trace in traces])
    right = np.array([[name in trace.output["right"] for name in heads] for trace in traces])
    sale = np.array([trace.output["said"][SALE] for trace in traces]) / 1_000
    truth = np.array([trace.case.target == 1 for trace in traces], dtype=np.float64)
    each = _f1(np.ones((1, len(traces))), said >= YES, right)[0]
    seen = {
        "macro_f1": _macro(families, said >= YES, right, draws=draws, seed=seed),
        "sale_average_precision": interval("pr_auc", truth, sale, clusters=families, draws=draws, seed=seed),
        "sale_ece": interval("ece", truth, sale, clusters=families, draws=draws, seed=seed),
    }
    gates = (
        at_least(seen["macro_f1"], LEAST_F1, name="macro_f1"),
        at_most(seen["sale_ece"], MOST_ERROR, name="sale_ece"),
    )
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "n": len(traces), "won": int(truth.sum()),
        "base_rate": round(float(truth.mean()), 6),
        "metrics": {name: one.document() for name, one in seen.items()},
        "f1": {name: {"n": int(right[:, at].sum()), "f1": round(float(each[at]), 4)} for at, name in enumerate(heads)},
        "confusion": _confusion(heads, said, right),
        "abstention": _abstention(families, said, right, draws=draws, seed=seed),
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip


def _f1(weights: Floats, yes: Any, right: Any) -> Floats:
    """F1 by draw and head; 0 where a head says yes to nothing that is right."""
    hit, all_yes, all_right = (weights @ part.astype(np.float64) for part in (yes & right, yes, right))
    return np.asarray(2 * hit / np.maximum(all_yes + all_right, 1e-9), dtype=np.float64)


def _macro(families: Sequence[str | None], yes: Any, right: Any, *, draws: int, seed: int) -> Interval:
    drawn = [
        _f1(weights, yes, right).mean(1)
        for weights in draws_of(families, len(families), draws=draws, seed=seed)
    ]
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975))
    value = float(_f1(np.ones((1, len(families))), yes, right).mean())
    return Interval(value, float(low), float(high), float(np.concatenate(drawn).std()))


def _confusion(heads: Sequence[str], said: Any, right: Any) -> list[dict[str, Any]]:
    """Pairs of what was right and what was surest instead, the most frequent first; one right intent is enough."""
    top = said.argmax(1)
    counts: Counter[tuple[str, str]] = Counter()
    for row, surest in enumerate(top):
        if not right[row, surest]:
            counts.update((heads[at], heads[int(surest)]) for at in np.flatnonzero(right[row]).tolist())
    return [{"right": one, "said": other, "n": n} for (one, other), n in counts.most_common(_MOST_PAIRS)]


def _abstention(
    families: Sequence[str | None], said: Any, right: Any, *, draws: int, seed: int
) -> list[dict[str, Any]]:
    """How much is still answered, and how much of that is right, if the unsure is left out."""
    top = said.argmax(1)
    sure, hit = said.max(1), right[np.arange(len(said)), top].astype(np.float64)
    names = np.asarray(families)
    return [
        {
            "from": line / 1_000,
            "answered": round(float((sure >= line).mean()), 4),
            "right": mean(hit[sure >= line], clusters=names[sure >= line], draws=draws, seed=seed).document(),
        }
        for line in ABSTAINING
    ]
