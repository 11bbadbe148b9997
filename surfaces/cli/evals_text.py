"""Running the suites that judge the reading of text: handoff, out of scope, intents, slots."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Final

from domain.errors import BadInput
from evals.runs import Run
from evals.suites import handoff, intents, out_of_scope, pitch, slots
from learning.intents import Seen, train, utterances
from surfaces.cli.context import Cli
from surfaces.cli.evals_pitch import pitch_run

READING: Final = (handoff.SUITE, out_of_scope.SUITE, intents.SUITE, slots.SUITE)
ALL: Final = "leadforge"
"""The usual data set of ``evals run``; here it stands for all sets that a suite has."""


def reading_runs(tools: Cli, suite: str, dataset: str, told: Callable[[str], None]) -> Iterator[Run]:
    """The runs of one suite of `READING`. Raises: BadInput for a data set that is not there."""
    if suite == intents.SUITE:
        yield _intents(tools, dataset, told)
        return
    if suite == slots.SUITE:
        yield _slots(tools, dataset, told)
        return
    usual = out_of_scope.DATASETS if suite == out_of_scope.SUITE else handoff.DATASETS[:1]
    if suite == handoff.SUITE and dataset in (ALL, pitch.OWN):
        yield pitch_run(tools, told=told)
        if dataset == pitch.OWN or tools.tools.settings().settings.data is None:
            return
    for name in usual if dataset == ALL else (dataset,):
        if name not in (usual if suite == out_of_scope.SUITE else handoff.DATASETS):
            raise BadInput("--dataset", f"{name} is not one", f"one of: {', '.join(usual)}")
        yield _sentences(tools, suite, name, told)


def _slots(tools: Cli, dataset: str, told: Callable[[str], None]) -> Run:
    if dataset not in (ALL, slots.OWN):
        raise BadInput("--dataset", f"{dataset} is not one", f"one of: {slots.OWN}")
    told("slots: reading messages")
    split = (
        "held: written before the patterns; hard: after them, worded otherwise; apart: before the heads were "
        "trained, worded otherwise again; made: used to make the patterns"
    )
    texts = tools.tools.texts()
    about = {"source": "evals/slots_*.jsonl", "split": split, "reasoner": texts.reader().name}
    return Run(slots.traces(texts.facts), about)


def _sentences(tools: Cli, suite: str, dataset: str, told: Callable[[str], None]) -> Run:
    data = tools.tools.settings().settings.data
    if data is None:
        raise BadInput(
            "data", "no folder of data sets is named", "set LEADGRAPH_DATA to the folder of the sets"
        )
    sentences = handoff.read_sentences(data, dataset)
    reader = tools.tools.texts().reader()
    told(f"{suite}: reading {len(sentences):,} sentences of {dataset}")
    found = asyncio.run(
        handoff.traces(sentences, reader.likely, suite=suite, dataset=dataset, threshold=reader.threshold)
    )
    about = {"source": dataset, "reasoner": reader.name, "threshold": reader.threshold / 1_000}
    return Run(found, about)


def _intents(tools: Cli, dataset: str, told: Callable[[str], None]) -> Run:
    if dataset not in (ALL, intents.OWN):
        raise BadInput("--dataset", f"{dataset} is not one", f"one of: {intents.OWN}")
    rows = utterances()
    told(f"intents: learning from {len(rows):,} utterances, families apart")
    (vectors, cues, tokens), embedder, lexicon = tools.tools.texts().numbers([row.said for row in rows])
    seen = Seen(vectors=vectors, cues=cues, tokens=tokens)
    _, held = train(rows, seen, embedder=embedder, lexicon=lexicon)
    about: dict[str, Any] = {"source": "learning/utterances", "split": "families apart, eight folds"}
    return Run(intents.traces(rows, held), about)
