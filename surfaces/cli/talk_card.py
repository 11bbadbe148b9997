"""A talk's decisions as a person reads them in a terminal, and printing what came from outside."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from surfaces.talk_story import TalkTurn


def show_turn(out: Console, number: int, turn: TalkTurn) -> None:
    """Print one decision about a talk: what was heard, how things stood, the answer, and what became of it."""
    told = turn.document()
    out.print(f"\n[bold]Decision {number}[/], {told['at'][:19].replace('T', ' ')} UTC")
    for words in (*_said(told), *_heard(told), *_answer(told), *_actions(told)):
        plain(out, f"  {words}")


def _said(told: dict[str, Any]) -> Iterator[str]:
    for one in told["messages"]:
        mark = "*" if one["evidence"] else " "
        yield f"{mark} [{one['id']}] {one['role']}" + (f": “{one['text']}”" if one["text"] else "")


def _heard(told: dict[str, Any]) -> Iterator[str]:
    heard, seen = told["heard"], told["situation"]
    if heard is not None:
        intents = (
            ", ".join(f"{name} {level:.0%}" for name, level in heard["intents"].items()) or "nothing clear"
        )
        yield f"heard: {intents}; buying interest {heard['probability']:.1%} (reasoner {heard['reasoner']})"
        facts = ", ".join(f"{one['name']} {one['value']} [{one['ref']}]" for one in heard["facts"])
        yield f"facts: {facts or 'none'}; {heard['sentiment']}, urgency {heard['urgency']}"
        flags = [name.replace("_", " ") for name in ("angry", "asks_for_person") if heard[name]]
        if flags:
            yield f"the customer: {', '.join(flags)}"
    elif told["not_heard_because"]:
        yield f"not heard: {told['not_heard_because']}"
    if seen is not None:
        stood = [name.replace("_", " ") for name in ("blocked", "forgotten", "with_person") if seen[name]]
        stood += [f"{name} {seen[name]}" for name in ("owner", "free") if seen[name]]
        stood += [f"closed until {seen['opens_at']}"] if seen["opens_at"] else []
        yield f"situation: {', '.join(stood) or 'nothing to note'}, policy {seen['policy']}"


def _answer(told: dict[str, Any]) -> Iterator[str]:
    answer = told["answer"]
    if answer is None:
        yield f"answer: {told['decision']}; its record is {told['seal']}"
        return
    yield f"rule: {told['rule'] or answer['why']}"
    route = answer["route"]
    yield f"answer: {answer['decision']}" + (f", to {route['team']} ({route['path']})" if route else "")


def _actions(told: dict[str, Any]) -> Iterator[str]:
    for one in told["actions"]:
        yield f"action {one['action']}: {one['kind']}, {one['state']}" + (
            f" ({one['reason']})" if one["reason"] else ""
        )
        for step in one["steps"]:
            yield f"  {step['step']}: {step['state']}" + (f", receipt {step['ref']}" if step["ref"] else "")


def plain(out: Console, text: str, style: str = "") -> None:
    """Print text as it is: no markup, no highlighting, and no sign that would move a terminal's cursor."""
    out.print(Text(clean(text), style=style))


def clean(text: str) -> str:
    """`text` with everything that does not print replaced by a dot: ids and words come from outside."""
    return "".join(sign if sign.isprintable() else "·" for sign in text)
