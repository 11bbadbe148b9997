"""``leadgraph handoff``: talks from a file, one answer each."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import BadInput
from domain.handoff import Handoff, as_document
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.handoff import Desk, talk_of, warm

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSONL, one talk a line.", exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per talk on stdout.")] = False,
) -> None:
    """Which support talks go to a person, to whom, and why. Each is recorded; a worker sends what it asks for."""
    lines = file.read_bytes().splitlines()
    with cli(ctx).open() as home:
        listener = cli(ctx).tools.texts().listener()
        asyncio.run(warm(listener))
        refused = asyncio.run(_decide(cli(ctx), Desk(home, listener), lines, as_json=as_json))
    if refused:
        raise typer.Exit(int(Exit.ERROR))


async def _decide(tools: Cli, desk: Desk, lines: list[bytes], *, as_json: bool) -> int:
    """Lines that were no talks; the others are decided all the same."""
    refused = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            talk = talk_of(line, f"line {number}")
        except BadInput as problem:
            tools.err.print(str(problem), highlight=False, markup=False)
            refused += 1
            continue
        answer = await desk.decide(talk)
        if as_json:
            emit({"conversation_id": talk.conversation_id, **as_document(answer)})
        else:
            where = f"{answer.route.team} {answer.route.path}" if answer.route else "-"
            tools.out.print(
                f"{answer.decision.value:<10} {answer.probability / 10:>5.1f} %  {answer.why:<12} {where:<16} "
                f"{talk.conversation_id}  {_heard(answer)}".rstrip(),
                highlight=False, markup=False, soft_wrap=True,
            )  # fmt: skip
    return refused


def _heard(answer: Handoff) -> str:
    """Facts and a mood that is not plain, on one line."""
    known = answer.brief.known if answer.brief else ()
    felt = () if answer.mood.plain else (answer.mood.sentiment.value, f"urgency {answer.mood.urgency.value}")
    return ", ".join((*(f"{one.name} {one.value}" for one in known), *felt))
