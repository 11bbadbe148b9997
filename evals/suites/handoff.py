"""Handing a support talk to sales: does the local reader tell a buying interest from everything else?

The sets are real customers' sentences that the reader was never trained on. Which of their labels count as a
sale, and which are unclear and left out, stands in ``handoff_labels.json`` beside them. A trace names the label of a
sentence, never its words.
"""

import csv
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.errors import BadInput
from domain.intent_model import SALE
from evals.cases import Case, Trace
from evals.suites import pitch
from learning.gates import at_least, overall
from learning.intervals import interval, mean

SUITE: Final = "handoff"
DATASETS: Final = ("support-intents-insurance", "clinc150", "banking77")
LEAST_PRECISION: Final = 0.92
"""What a logistic regression on the vectors of a few dozen sentences reaches; less is not worth a reader."""
BUDGETS: Final = ("recall_at_10", "recall_at_20")
"""Share of the sales among the tenth, and the fifth, of the chats that sales has time for."""
_PERCENTILES: Final = (50, 95, 99)
_WORST: Final = 8
"""Labels with the most mistakes that a report names."""

Likely = Callable[[str], Awaitable[Mapping[str, int]]]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One customer's sentence; `sale` is the truth, `label` the set's own name for it."""

    text: str
    label: str
    sale: bool


def read_sentences(data: Path, dataset: str) -> list[Sentence]:
    """The clear sentences of `dataset`, the sets' test parts where they have one. Raises: BadInput."""
    readers = dict(zip(DATASETS, (_insurance, _clinc, _banking), strict=True))
    if dataset not in readers:
        raise BadInput("--dataset", f"{dataset} is no set of sentences", f"one of: {', '.join(DATASETS)}")
    try:
        labels = json.loads((data / "handoff_labels.json").read_text(encoding="utf-8"))[dataset]
        rows = readers[dataset](data / dataset)
    except OSError as error:
        raise BadInput("data", f"{error.filename} cannot be read", "name the folder of the sets") from None
    sales, unclear = frozenset(labels["sales"]), frozenset(labels["unclear"])
    return [Sentence(text, label, label in sales) for text, label in rows if label not in unclear]


async def traces(
    sentences: Sequence[Sentence], likely: Likely, *, suite: str, dataset: str, threshold: int
) -> tuple[Trace, ...]:
    """What the reader says of each sentence, and how long it took; `threshold` (per mille) is what passes."""
    found = []
    for number, one in enumerate(sentences):
        start = time.perf_counter()
        sale = (await likely(one.text))[SALE]
        seconds = time.perf_counter() - start
        found.append(
            Trace(
                case=Case(
                    id=f"{dataset}-{number}",
                    suite=suite,
                    dataset=dataset,
                    target=int(one.sale),
                    slices={"label": one.label},
                ),
                output={"sale": sale, "passes": sale >= threshold},
                seconds=seconds,
            )
        )
    return tuple(found)


def score(
    traces: Sequence[Trace], about: Mapping[str, Any], *, draws: int = 1_000, seed: int = 0
) -> dict[str, Any]:
    """Ranking, recall at a budget of chats, what passes, and the time it took; of the project's talks see `pitch`."""
    if traces[0].case.dataset == pitch.OWN:
        return pitch.score(traces, about, draws=draws, seed=seed) | {"latency_ms": latency(traces)}
    truth = np.array([trace.case.target == 1 for trace in traces])
    said = np.array([trace.output["sale"] for trace in traces]) / 1_000
    passes = np.array([bool(trace.output["passes"]) for trace in traces])
    numbers = truth.astype(np.float64)
    seen = {
        "average_precision": interval("pr_auc", numbers, said, draws=draws, seed=seed),
        **{name: interval(name, numbers, said, draws=draws, seed=seed) for name in BUDGETS},
        "recall": mean(passes[truth].astype(np.float64), draws=draws, seed=seed),
        "false_handoff_rate": mean(passes[~truth].astype(np.float64), draws=draws, seed=seed),
    }
    gates = (at_least(seen["average_precision"], LEAST_PRECISION, name="average_precision"),)
    return {
        "suite": SUITE, "dataset": traces[0].case.dataset, "n": len(traces), "won": int(truth.sum()),
        "base_rate": round(float(truth.mean()), 6),
        "metrics": {name: one.document() for name, one in seen.items()},
        "latency_ms": latency(traces), "wrongly_passed": worst(traces, passes & ~truth),
        "missed": worst(traces, ~passes & truth),
        "gates": [gate.document() for gate in gates], "answer": overall(gates),
    } | dict(about)  # fmt: skip


def latency(traces: Sequence[Trace]) -> dict[str, float]:
    """Milliseconds by percentile; of this machine as busy as it was, so nothing is gated on it."""
    taken = [trace.seconds for trace in traces if trace.seconds is not None]
    if not taken:
        return {}
    return {f"p{at}": round(1_000 * float(np.percentile(taken, at)), 2) for at in _PERCENTILES}


def worst(traces: Sequence[Trace], wrong: Flags) -> dict[str, int]:
    """Labels with the most mistakes, and how many; no sentence is shown."""
    counts = Counter(
        one.case.slices.get("label", "") for one, is_wrong in zip(traces, wrong, strict=True) if is_wrong
    )
    return dict(counts.most_common(_WORST))


def _insurance(folder: Path) -> list[tuple[str, str]]:
    lines = (folder / "utterances.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["utterance"], row["intent"]) for row in map(json.loads, lines)]


def _clinc(folder: Path) -> list[tuple[str, str]]:
    document = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    return [(text, label) for part in ("test", "oos_test") for text, label in document[part]]


def _banking(folder: Path) -> list[tuple[str, str]]:
    with (folder / "test.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]
