"""``leadgraph prompts``: what language models are told, and what differs between two versions of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import BadInput
from prompts.load import Prompt, differences, load_prompts, read_prompt
from surfaces.cli.context import Cli, cli, emit

app = typer.Typer(help="What language models are told: list, show, compare.")

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


@app.command("list")
def listed(ctx: typer.Context, as_json: AsJson = False) -> None:
    """The agents with their prompts, and the fingerprints that audit rows name."""
    found = list(load_prompts().values())
    if as_json:
        emit([_document(one) for one in found])
        return
    for one in found:
        cli(ctx).out.print(
            f"{one.name:<10} {one.fingerprint}  {len(one.text.split())} words", highlight=False
        )


@app.command("show")
def show(
    ctx: typer.Context,
    which: Annotated[str, typer.Argument(help="An agent, a fingerprint, or a file.")],
    as_json: AsJson = False,
) -> None:
    """One prompt, word for word."""
    prompt = _found(which)
    if as_json:
        emit({**_document(prompt), "text": prompt.text})
        return
    cli(ctx).out.print(prompt.text, markup=False, highlight=False, soft_wrap=True)


@app.command("diff")
def diff(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(help="An agent, a fingerprint, or a file.")],
    second: Annotated[
        str | None, typer.Argument(help="Another one; left out = the shipped prompt named like the first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What differs, line by line: of a file against the shipped prompt of its name, or of two prompts."""
    new = _found(first)
    old = _found(second) if second is not None else _shipped(new.name)
    if second is not None:
        old, new = new, old
    lines = differences(old, new)
    if as_json:
        emit({"old": _document(old), "new": _document(new), "same": not lines, "lines": list(lines)})
        return
    _tell(cli(ctx), lines)


def _tell(tools: Cli, lines: tuple[str, ...]) -> None:
    if not lines:
        tools.out.print("the same")
    for line in lines:
        tools.out.print(line, markup=False, highlight=False, soft_wrap=True)


def _found(which: str) -> Prompt:
    for prompt in load_prompts().values():
        if which in (prompt.name, prompt.fingerprint):
            return prompt
    if Path(which).is_file():
        return read_prompt(Path(which))
    raise BadInput(which, "is no agent, no fingerprint of a shipped prompt and no file", _there_are())


def _shipped(name: str) -> Prompt:
    prompt = load_prompts().get(name)
    if prompt is None:
        raise BadInput(name, "no prompt is shipped under this name", _there_are())
    return prompt


def _there_are() -> str:
    return f"agents are {', '.join(load_prompts())}"


def _document(prompt: Prompt) -> dict[str, Any]:
    return {"name": prompt.name, "fingerprint": prompt.fingerprint, "words": len(prompt.text.split())}
