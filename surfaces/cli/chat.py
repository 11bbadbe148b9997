"""``leadgraph chat``: write as a customer and see what would be done, turn by turn. Also reads a pipe."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import Console

from domain.effect import steps_of
from domain.errors import BadInput
from domain.handoff import MOST_MESSAGES, MOST_TEXT, Evidence, Handoff, Message, Route, Talk, as_document
from domain.instants import Instant, iso, moment
from domain.intent import Slot
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.cli.context import Cli, cli, emit
from surfaces.handoff import Desk, warm

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document per turn on stdout.")] = False,
) -> None:
    """Type as a customer, one turn a line; ``/agent TEXT`` writes as the desk, ``/close`` gives the talk back."""
    tools = cli(ctx)
    with tools.tools.throw_away_home(real_time=True) as home:
        asyncio.run(_talk(tools, home, as_json=as_json))


async def _talk(tools: Cli, home: Home, *, as_json: bool) -> None:
    listener = tools.tools.texts().listener()
    desk, messages, closed = Desk(home, listener), list[Message](), False
    await warm(listener)
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
        closed = False
        answer = await desk.decide(talk)
        action = await home.outbox.get(home.tenant, answer.action) if answer.action else None
        if as_json:
            emit(
                {
                    **as_document(answer),
                    "would_do": _would_do(action) if action and not answer.already else [],
                }
            )
        else:
            _show(tools.out, answer, action)


def _would_do(action: OutboxRow) -> list[dict[str, Any]]:
    """The steps that a worker would take; here nothing is sent."""
    steps = steps_of(action.kind, action.params)
    return [{"step": step.kind.value, **step.params} for step in steps]


def _show(out: Console, answer: Handoff, action: OutboxRow | None) -> None:
    for words in (*_heard(answer), *_answered(answer), *_acted(answer, action)):
        out.print(words, highlight=False, markup=False, soft_wrap=True)


def _heard(answer: Handoff) -> Iterator[str]:
    yield f"  {answer.decision.value} ({answer.why}), buying interest {answer.probability / 10:.1f} %"
    if answer.intents:
        yield "  intents: " + ", ".join(f"{name} {level / 10:.0f} %" for name, level in answer.intents[:4])
    if answer.brief and answer.brief.known:
        yield "  known: " + ", ".join(map(_known, answer.brief.known, answer.brief.said))
    mood = answer.mood
    yield (
        f"  mood: {mood.sentiment.value} ({mood.confidence / 10:.0f} %), "
        f"urgency {mood.urgency.value} ({mood.why.replace('_', ' ')})"
    )
    for one in answer.evidence:
        yield f"  evidence [{one.message_id}] “{one.quote}”"


def _known(slot: Slot, said: Evidence) -> str:
    words = f" “{said.quote}”" if said.quote else ""
    return f"{slot.name} {slot.value}{words} [{slot.ref}]"


def _answered(answer: Handoff) -> Iterator[str]:
    if answer.rule:
        yield f"  kept from sales by the rule {answer.rule}"
    if answer.route:
        yield f"  to {_path(answer.route)}; customer is told: {answer.tell_customer}"
    if not answer.bot_may_speak:
        yield "  the bot is silent until the person closes the talk"
    yield f"  reasoner {answer.reasoner}" + (f", degraded: {answer.degraded}" if answer.degraded else "")


def _acted(answer: Handoff, action: OutboxRow | None) -> Iterator[str]:
    """What a worker would do about it, step by step."""
    if action is None:
        return
    if answer.already:
        yield f"  would do nothing more: {action.action_id} has handed the talk over"
        return
    yield f"  would {action.kind.value}, in steps:"
    for step in _would_do(action):
        words = ", ".join(f"{name} {value}" for name, value in step.items() if name != "step")
        yield f"    {step['step']}: {words}"


def _path(route: Route) -> str:
    """Who gets it, when, and what happens where nobody is there."""
    who = f"{route.team}, {route.person}" if route.person else route.team
    if route.at is not None:
        return f"{who}, closed now: {route.path} at {iso(Instant(route.at))[:16]} UTC"
    return f"{who}, nobody has room: a ticket" if route.path == "ticket" else f"{who}, now"
