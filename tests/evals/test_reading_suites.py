"""The suites that judge reading: what is counted, what is left out, and when a gate fails."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.errors import BadInput
from domain.intent import Intent
from domain.intent_model import SALE
from evals.cases import Trace
from evals.runs import Run
from evals.suites import handoff, intents, out_of_scope
from learning.intents import INTENTS, Held, Utterance

DATASET = "support-intents-insurance"


async def likely(text: str) -> Mapping[str, int]:
    """A reader that goes by one word."""
    return {SALE: 900 if "buy" in text else 100}


def sentences(sales: int, others: int, *, wrong: int = 0) -> list[handoff.Sentence]:
    """Of the others `wrong` are read as a sale."""
    return [
        *(handoff.Sentence(f"buy {n}", "quote", sale=True) for n in range(sales)),
        *(handoff.Sentence("buy" if n < wrong else "help", "card", sale=False) for n in range(others)),
    ]


async def traces(said: list[handoff.Sentence], suite: str = handoff.SUITE) -> tuple[Trace, ...]:
    """Read by `likely`."""
    return await handoff.traces(said, likely, suite=suite, dataset=DATASET, threshold=800)


def answer(found: tuple[Trace, ...]) -> dict[str, Any]:
    """The document."""
    return Run(found, {"source": "made up"}).document(draws=200)


async def test_a_set_with_sales_is_judged_by_its_ranking_and_names_labels_never_words() -> None:
    found = answer(await traces(sentences(200, 200, wrong=4)))
    assert found["answer"] == "pass"
    assert found["metrics"]["recall"]["value"] == 1.0
    assert found["metrics"]["false_handoff_rate"]["value"] == 0.02
    assert found["wrongly_passed"] == {"card": 4}
    assert set(found["latency_ms"]) == {"p50", "p95", "p99"}
    assert "buy" not in json.dumps(found)
    assert answer(await traces(sentences(60, 200, wrong=150)))["answer"] == "fail"


async def test_what_is_out_of_scope_is_counted_among_itself_alone() -> None:
    quiet = answer(await traces(sentences(0, 600, wrong=1), out_of_scope.SUITE))
    assert quiet["answer"] == "pass"
    loud = answer(await traces(sentences(600, 200, wrong=20), out_of_scope.SUITE))
    assert loud["metrics"]["false_handoff_rate"]["value"] == 0.1
    assert (loud["n"], loud["answer"]) == (200, "fail")


def test_unclear_labels_are_left_out_and_a_missing_set_is_named(tmp_path: Path) -> None:
    labels = {DATASET: {"sales": ["quote"], "unclear": ["maybe"]}}
    (tmp_path / "handoff_labels.json").write_text(json.dumps(labels), encoding="utf-8")
    with pytest.raises(BadInput, match="cannot be read"):
        handoff.read_sentences(tmp_path, DATASET)
    folder = tmp_path / DATASET
    folder.mkdir()
    rows = [{"utterance": name, "intent": name} for name in ("quote", "maybe", "card")]
    (folder / "utterances.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = handoff.read_sentences(tmp_path, DATASET)
    assert [(one.label, one.sale) for one in found] == [("quote", True), ("card", False)]
    with pytest.raises(BadInput, match="no set of sentences"):
        handoff.read_sentences(tmp_path, "elsewhere")


def held(rows: list[Utterance], sure: float) -> list[Held]:
    """Every head is `sure` of what is right, and of nothing else."""
    found = []
    for intent in INTENTS:
        truth = np.array([intent in row.intents for row in rows])
        found.append(Held(intent.value, np.where(truth, sure, 0.02), truth))
    truth = np.array([row.sale for row in rows])
    return [*found, Held(SALE, np.where(truth, sure, 0.02), truth)]


def test_intents_are_judged_by_class_and_by_what_abstaining_brings() -> None:
    every = sorted(INTENTS)
    rows = [Utterance(f"{n}", frozenset({every[n % len(every)]}), f"family {n % 40}") for n in range(420)]
    found = answer(intents.traces(rows, held(rows, 0.97)))
    assert found["answer"] == "pass"
    assert found["metrics"]["macro_f1"]["value"] == 1.0
    assert found["confusion"] == []
    assert found["abstention"][0]["answered"] == 1.0
    timid = answer(intents.traces(rows, held(rows, 0.4)))
    assert timid["answer"] == "fail"
    assert timid["metrics"]["macro_f1"]["value"] == 0.0
    assert [one["answered"] for one in timid["abstention"] if one["from"] == 0.5] == [0.0]


def test_what_was_taken_for_something_else_is_named() -> None:
    rows = [Utterance(f"{n}", frozenset({Intent.BILLING}), f"family {n}") for n in range(60)]
    wrong = [
        Held(one.head, np.where(one.truth, 0.1, 0.9 if one.head == "churn" else 0.0), one.truth)
        for one in held(rows, 0.9)
    ]
    assert answer(intents.traces(rows, wrong))["confusion"] == [
        {"right": "billing", "said": "churn", "n": 60}
    ]
