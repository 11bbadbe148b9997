"""``leadgraph connect``: set up a CRM, a desk or a sender, from the token to a trial event."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import BadInput
from domain.ports.setup import Ask, Setup
from surfaces.cli.context import Cli, Exit, cli, emit
from surfaces.connecting import Connected, connect

app = typer.Typer()


class Keyboard:
    """A person at the terminal; answers of the command line come first. Satisfies `surfaces.connecting.Person`."""

    def __init__(self, tools: Cli, given: Mapping[str, str], *, yes: bool, quiet: bool) -> None:
        """With `quiet` nobody is asked: what is not `given` stays as it is known, and only `yes` agrees."""
        self._tools, self._given, self._yes, self._quiet = tools, given, yes, quiet

    def ask(self, ask: Ask, known: str) -> str:
        if ask.setting in self._given:
            return self._given[ask.setting]
        if self._quiet or self._yes or ask.rare:
            return ""
        shown = " [as it is]" if known else "" if ask.needed else " [none]"
        answer: str = typer.prompt(
            f"{ask.words}{shown}", default="", hide_input=ask.secret, show_default=False, err=True
        )
        return _value(answer) if ask.secret else answer

    def agree(self, question: str) -> bool:
        return self._yes or (not self._quiet and typer.confirm(question, err=True))

    def tell(self, words: str) -> None:
        self._tools.err.print(words, highlight=False, markup=False, soft_wrap=True)


@app.command()
def main(
    ctx: typer.Context,
    vendor: Annotated[
        str,
        typer.Argument(
            help="hubspot, salesforce, chatwoot, intercom, zendesk, slack, brevo, segment, standard"
        ),
    ],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Answer beforehand; NAME=@FILE reads a file, so that no secret stands in the history.",
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="Send the trial to this address instead of public_url.")] = "",
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; make what is missing and register the webhook.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Machine-readable result on stdout; nobody is asked.")
    ] = False,
) -> None:
    """Ask for what a vendor needs, check it by reads alone, make what is missing, send a trial through, keep it all.

    Nothing is changed at the vendor before you have seen the requests and said yes. Secrets are sealed in the home,
    the other settings go into leadgraph.toml. Exit code 2 if something is left to do.
    """
    tools = cli(ctx)
    doors = tools.tools.connecting()
    setup = doors.setup(vendor)
    person = Keyboard(tools, _given(given or [], setup), yes=yes, quiet=as_json)
    found = asyncio.run(connect(setup, person, doors, to=to))
    if as_json:
        emit(found.document())
    else:
        _tell(tools, found)
    if not found.ready:
        raise typer.Exit(int(Exit.GATE_FAILED))


def _given(pairs: list[str], setup: Setup) -> dict[str, str]:
    names = [ask.setting for ask in setup.asks]
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInput("--set", f"{name!r} has no value", "write it as NAME=VALUE")
        if name not in names:
            raise BadInput("--set", f"{name!r} is not asked for", f"there are {', '.join(names)}")
        found[name] = _value(value)
    return found


def _value(value: str) -> str:
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput("--set", f"the file {value[1:]} cannot be read", "check its name") from None


def _tell(tools: Cli, found: Connected) -> None:
    """What came of it, as a person reads it."""
    lines = [f"made: {words}" for words in found.made]
    lines += [f"still missing: {words}" for words in found.lacks]
    if found.hook:
        lines.append(found.hook)
    elif found.webhook or found.steps:
        lines += ["so that it calls Leadgraph:", *(f"  {step}" for step in found.steps)]
    if found.trial:
        mark = "ok" if found.trial["ok"] else "failed"
        lines.append(f"trial event: {mark}, {found.trial['words']} ({found.trial['where']})")
    lines += [f"kept: {words}" for words in found.kept]
    lines.append(
        "ready; leadgraph doctor checks it at any time" if found.ready else "not ready yet: see above"
    )
    for line in lines:
        tools.out.print(line, highlight=False, markup=False, soft_wrap=True)
