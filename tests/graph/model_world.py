"""A scripted model and leads for it: what it is asked is kept, and it answers what a test says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from typing import Any

import orjson

from domain.decision import RunInput
from domain.instants import DAY, HOUR
from domain.kinds import Kind
from domain.policy import Rep
from domain.ports.model import Answer, NoAnswer, Request
from domain.ports.policy import Policy
from domain.signal import Signal
from graph.build import Graph, build_graph
from graph.deps import Deps, Mind
from graph.run import Ran, run_lead
from prompts.load import load_prompts
from tests.agents.leads import CONFIG, NOW, catalogue, reasoner, run_of, says, scorer, signal
from tools.policy.load import load_policy

AT = NOW - NOW % DAY + 15 * HOUR
"""An open hour of a working day."""
HINT = "Our board signed off the money for this, and my whole group would come over from the other tool."
"""Words of which the local reader makes nothing."""
Say = Mapping[str, Any] | NoAnswer | Callable[[Request], Mapping[str, Any]]
NOTHING: Mapping[str, Mapping[str, Any]] = {
    "intent": {"classes": [], "slots": []},
    "scoring": {"reasons": [], "rationale": ""},
    "policy": {"wish": "keep", "reason": "none", "evidence": []},
    "actuation": {"brief": "", "note": "", "reply": "", "evidence": []},
}


def down(code: str = "down", *, again: bool = True) -> NoAnswer:
    """An outage."""
    return NoAnswer(code, "no answer", again=again)


@dataclass
class Scripted:
    """A `Model` by agent; what is not said is an answer without content."""

    says: dict[str, Say] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    versions: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(NOTHING, "scripted-1"))

    def key(self, request: Request) -> str:
        """Of all that it is asked."""
        return sha256(f"{request.agent}{request.prompt}{request.content}".encode()).hexdigest()

    async def ask(self, request: Request) -> Answer:
        """As the script says."""
        self.asked.append(request)
        say = self.says.get(request.agent, NOTHING[request.agent])
        if isinstance(say, NoAnswer):
            raise say
        found = say(request) if callable(say) else say
        text = orjson.dumps(found).decode()
        return Answer(self.key(request), text, "scripted-1", tokens_in=200, tokens_out=30, cost_micro=12)

    @property
    def agents(self) -> list[str]:
        """Who asked, in order."""
        return [request.agent for request in self.asked]


def cited(name: str, quote: str) -> list[dict[str, str]]:
    """Evidence for one claim."""
    return [{"signal": name, "quote": quote}]


@cache
def policy() -> Policy:
    """The tables that ship."""
    return load_policy(CONFIG / "policies")


@cache
def graph() -> Graph:
    """The one graph."""
    return build_graph()


def mind_of(model: Any) -> Mind:
    """With the shipped prompts and a mark of its own."""
    return Mind(
        model=model,
        prompts=load_prompts(),
        mark=lambda text: sha256(f"secret{text}".encode()).hexdigest()[:16],
    )


def deps_of(model: Any = None) -> Deps:
    """What ships, with `model` if there is one."""
    return Deps(
        catalogue=catalogue(),
        reasoner=reasoner(),
        scorer=scorer(),
        policy=policy(),
        mind=mind_of(model) if model is not None else None,
    )


async def ran(given: RunInput, model: Any = None) -> Ran:
    """One run of the real graph."""
    return await run_lead(graph(), deps_of(model), given)


def case(*texts: str | Signal, deal: int | None = None, at: int = AT, **given: Any) -> RunInput:
    """A lead who viewed prices, wrote `texts`, and about whom a deal of `deal` may be open."""
    signals = [
        signal(Kind.IDENTIFY, at - DAY, "who", seniority="vp", buyer_role="champion", employees=300),
        signal(Kind.FORM, at - 3 * HOUR, "form", form="demo"),
        signal(Kind.PAGE_VIEW, at - 2 * HOUR, "page", page="/pricing"),
        *(
            text if isinstance(text, Signal) else says(text, at, f"text{number}")
            for number, text in enumerate(texts)
        ),
    ]
    if deal is not None:
        signals.append(signal(Kind.STAGE_CHANGE, at - HOUR, "deal", stage="mql", amount=deal))
    rep = Rep("ann", "sales", ("us",), ("mid", "small"), 9, 0, 10)
    return replace(run_of(*signals, as_of=at), reps=(rep,), **given)


def detail_of(run: Ran, step: str) -> Mapping[str, Any]:
    """Of the audit row of a node."""
    return next(entry.detail for entry in run.entries if entry.step == step)
