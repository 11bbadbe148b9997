"""``leadgraph chat``: write as a customer and see what would be done, turn by turn. Also reads a pipe."""

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console

from domain.errors import BadInput
from domain.handoff import MOST_MESSAGES, MOST_TEXT, Handoff, Message, Talk, as_document
from domain.instants import Instant, iso, moment
from domain.ports.home import Home
from surfaces.cli.context import Cli, cli, emit
from surfaces.handoff import Desk

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per turn on stdout.")] = False,
) -> None:
    """Type as a customer, one turn a line; ``/agent TEXT`` writes as the desk, ``/close`` gives the talk back."""
    tools = cli(ctx)
    with tools.tools.throw_away_home() as home:
        asyncio.run(_talk(tools, home, as_json=as_json))


async def _talk(tools: Cli, home: Home, *, as_json: bool) -> None:
    desk, messages, closed = Desk(home, tools.tools.texts().listener()), list[Message](), False
    for line in sys.stdin:
        text = line.strip()
        if text == "/close":
            closed = True
            continue
        role, text = (
            ("agent", text.removeprefix("/agent ")) if text.startswith("/agent ") else ("customer", text)
        )
        if not text:
            continue
        if len(text) > MOST_TEXT or len(messages) >= MOST_MESSAGES:
            raise BadInput("chat", "is too long", f"{MOST_MESSAGES} turns of {MOST_TEXT} characters at most")
        at = moment(Instant(home.clock.now()))
        messages.append(
            Message.model_validate({"id": f"m{len(messages) + 1}", "role": role, "text": text, "at": at})
        )
        if role == "agent":
            continue
        talk = Talk(conversation_id="chat", messages=tuple(messages), status="closed" if closed else "open")
        answer = await desk.decide(talk)
        if as_json:
            emit(as_document(answer))
        else:
            _show(tools.out, answer)


def _show(out: Console, answer: Handoff) -> None:
    def say(words: str) -> None:
        out.print(words, highlight=False, markup=False)

    say(f"  {answer.decision.value} ({answer.why}), buying interest {answer.probability / 10:.1f} %")
    if answer.intents:
        say("  intents: " + ", ".join(f"{name} {level / 10:.0f} %" for name, level in answer.intents[:4]))
    if answer.brief and answer.brief.known:
        say("  known: " + ", ".join(f"{one.name} {one.value} [{one.ref}]" for one in answer.brief.known))
    for one in answer.evidence:
        say(f"  evidence [{one.message_id}] “{one.quote}”")
    if answer.route:
        when = f" at {iso(Instant(answer.route.at))[:16]}" if answer.route.at else ""
        say(f"  to {answer.route.team}, {answer.route.path}{when}; customer is told: {answer.tell_customer}")
    if not answer.bot_may_speak:
        say("  the bot is silent until the person closes the talk")
    say(f"  reasoner {answer.reasoner}")
