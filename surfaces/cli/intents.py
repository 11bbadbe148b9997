"""``leadgraph intents``: the classifier of texts: train it anew, ask it about a sentence."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.intent_model import IntentModel
from learning.intents import Held, Seen, train, utterances
from surfaces.cli.context import Cli, cli, emit

app = typer.Typer(help="The classifier of texts: train it anew, ask it about a sentence.")


@app.command("train")
def train_anew(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Train on the project's own utterances and write ``intents.json`` into the configuration."""
    tools = cli(ctx)
    rows = utterances()
    tools.err.print(f"{len(rows)} utterances, {len({row.family for row in rows})} families")
    texts = tools.tools.texts()
    (vectors, cues, tokens), embedder, lexicon = texts.numbers([row.said for row in rows])
    seen = Seen(vectors=vectors, cues=cues, tokens=tokens)
    model, held = train(rows, seen, embedder=embedder, lexicon=lexicon)
    tell_trained(tools, model, held, texts.save(model), as_json=as_json)


@app.command("ask")
def ask(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What a customer says.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """How likely each intent is in one sentence, in per mille; ``sale`` is a buying interest of any kind."""
    reader = cli(ctx).tools.texts().reader()
    found = asyncio.run(reader.likely(text))
    if as_json:
        emit({"likely": found, "threshold": reader.threshold, "reasoner": reader.name})
        return
    for name, likely in sorted(found.items(), key=lambda item: -item[1]):
        cli(ctx).out.print(f"{name:<12} {likely:>4}")
    cli(ctx).out.print(f"reasoner {reader.name}, threshold {reader.threshold}", highlight=False)


def tell_trained(tools: Cli, model: IntentModel, held: Sequence[Held], file: Path, *, as_json: bool) -> None:
    """What training came to, how well each head does on families it had not seen, and where it was written."""
    result: dict[str, Any] = {
        "file": str(file),
        "threshold": model.threshold / 1_000,
        "held_out": [_figures(one) for one in held],
    }
    if as_json:
        emit(result)
        return
    for one in result["held_out"]:
        tools.out.print(
            f"{one['head']:<12} n {one['n']:>4}  average precision {one['average_precision']:.3f}"
        )
    tools.out.print(f"threshold {model.threshold / 1_000}, written to {file}", highlight=False)


def _figures(held: Held) -> dict[str, Any]:
    """How well one head does on families it had not seen."""
    from learning.metrics import brier, ece_equal_mass, pr_auc

    truth = held.truth.astype(float)
    return {
        "head": held.head,
        "n": int(truth.sum()),
        "average_precision": round(pr_auc(truth, held.probability), 3),
        "brier": round(brier(truth, held.probability), 4),
        "calibration_error": round(ece_equal_mass(truth, held.probability), 4),
    }
