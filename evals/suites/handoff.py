"""Handing a support talk to sales: does the local reader tell a buying interest from everything else?

The sets are real customers' sentences that the reader was never trained on. Which of their labels count as a
sale, and which are unclear and left out, stands in ``handoff_labels.json`` beside them.
"""

import csv
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from domain.errors import BadInput
from domain.intent_model import SALE
from learning.intervals import interval

DATASETS: Final = ("support-intents-insurance", "clinc150", "banking77")
_WORST: Final = 8
"""Labels with the most mistakes that a report names."""

Likely = Callable[[str], Awaitable[Mapping[str, int]]]


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
        raise BadInput("dataset", f"{dataset} is not one", f"there are: {', '.join(DATASETS)}")
    try:
        labels = json.loads((data / "handoff_labels.json").read_text(encoding="utf-8"))[dataset]
        rows = readers[dataset](data / dataset)
    except OSError as error:
        raise BadInput("data", f"{error.filename} cannot be read", "name the folder of the sets") from None
    sales, unclear = frozenset(labels["sales"]), frozenset(labels["unclear"])
    return [Sentence(text, label, label in sales) for text, label in rows if label not in unclear]


async def judge(sentences: Sequence[Sentence], likely: Likely, *, threshold: int) -> dict[str, Any]:
    """The figures of one set: ranking where it has sales, and what passes the default `threshold` (per mille)."""
    found = np.array([(await likely(one.text))[SALE] for one in sentences]) / 1_000
    truth = np.array([one.sale for one in sentences])
    passes = found >= threshold / 1_000
    precision = interval("pr_auc", truth.astype(float), found).document() if truth.any() else None
    return {
        "sentences": len(sentences),
        "sales": int(truth.sum()),
        "threshold": threshold / 1_000,
        "average_precision": precision,
        "recall": float(passes[truth].mean()) if truth.any() else None,
        "false_handoff_rate": float(passes[~truth].mean()),
        "wrongly_passed": _worst(sentences, passes & ~truth),
        "missed": _worst(sentences, ~passes & truth),
    }


def _worst(sentences: Sequence[Sentence], wrong: np.typing.NDArray[np.bool_]) -> dict[str, int]:
    """Labels with the most mistakes, and how many; no sentence is shown."""
    counts = Counter(one.label for one, is_wrong in zip(sentences, wrong, strict=True) if is_wrong)
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
