"""``leadgraph moods``: the heads for mood and objections: train them anew, ask what is read in a sentence."""

from typing import Annotated

import typer

from learning.intents import Seen
from learning.moods import learnt, train_moods
from surfaces.cli.context import cli, emit
from surfaces.cli.intents import tell_trained

app = typer.Typer(help="Mood and objections: train the heads anew, ask what is read in a sentence.")


@app.command("train")
def train_anew(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Train on the project's own utterances and write ``moods.json`` into the configuration."""
    tools = cli(ctx)
    rows = learnt()
    tools.err.print(f"{len(rows)} utterances, {len({row.family for row in rows})} families")
    texts = tools.tools.texts()
    (vectors, cues, tokens), embedder, _ = texts.numbers([row.text for row in rows])
    seen = Seen(vectors=vectors, cues=cues[:, :0], tokens=tokens)
    model, held = train_moods(rows, seen, embedder=embedder, lexicon="")
    tell_trained(tools, model, held, texts.save_moods(model), as_json=as_json)


@app.command("ask")
def ask(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="What a customer says.")],
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Sentiment, urgency and facts of one sentence, each fact with the words that say it; times count from today."""
    tools = cli(ctx)
    slots, mood = tools.tools.texts().facts(text)
    found = [{"name": slot.name, "value": slot.value, "words": text[slot.start : slot.end]} for slot in slots]
    result = {
        "sentiment": mood.sentiment.value,
        "confidence": mood.confidence / 1_000,
        "urgency": mood.urgency.value,
        "why": mood.why,
        "facts": found,
    }
    if as_json:
        emit(result)
        return
    tools.out.print(
        f"{mood.sentiment.value} ({mood.confidence / 10:.0f} %), urgency {mood.urgency.value} ({mood.why})",
        highlight=False,
    )
    for one in found:
        tools.out.print(f"{one['name']:<12} {one['value']:<12} “{one['words']}”", highlight=False)
