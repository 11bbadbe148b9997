"""What a language model costs: asking where the table says so and remembering, against asking about everything.

The same signals are worked off twice. The model is a stand-in in this process that answers what the labels of the
project's own sentences say, so that what differs between the two is what was missed by not asking: with a real model
the calls are the same, the answers not. Tokens are counted as a fourth of the characters. The local reader was trained
on these very sentences, so it is surer of them than of a stranger's.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from domain.careful import TABLE
from domain.cited import folded
from domain.instants import Instant, moment
from domain.intent import Intent
from domain.policy import Facts, FiredRow
from domain.ports.model import Answer, Request
from domain.ports.policy import Policy
from evals.cases import Case, Trace
from learning.intents import Utterance

SUITE: Final = "cost"
GATED, ALWAYS = "gated", "always"
PER: Final = 1_000
"""Signals to which counts are related."""
SHOWN: Final = 50
_MARKED: Final = re.compile(r"<([0-9a-f]+) (s\d+)>\n(.*?)\n</\1 \2>", re.DOTALL)
_NAMED: Final = frozenset(Intent) - {Intent.OTHER, Intent.UNSURE}
_PARTS: Final = ("verdict", "actions", "band")
_TURN: Final = timedelta(minutes=2)


@dataclass
class Spent:
    """Calls and tokens by agent, and answers that were remembered instead."""

    calls: Counter[str] = field(default_factory=Counter)
    remembered: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def per(self, signals: int) -> dict[str, Any]:
        """For each thousand signals, rounded."""
        share = PER / max(1, signals)
        return {
            "calls": round(sum(self.calls.values()) * share),
            "by_agent": {name: round(count * share) for name, count in sorted(self.calls.items())},
            "remembered": round(self.remembered * share),
            "tokens_in": round(self.tokens_in * share),
            "tokens_out": round(self.tokens_out * share),
        }


class ByLabel:
    """A `Model` in this process that reads the project's own sentences as their labels say, and has no other wish."""

    def __init__(self, said: Iterable[Utterance], *, remembers: bool) -> None:
        """`remembers`: whether a question asked before is a call again."""
        self._labels = {folded(one.text): sorted(one.intents & _NAMED) for one in said}
        self._kept: dict[str, str] | None = {} if remembers else None
        self.spent = Spent()
        self.versions: Mapping[str, str] = {}

    def key(self, request: Request) -> str:
        """All that it is asked."""
        return f"{request.agent}\n{request.fingerprint}\n{request.content}"

    async def ask(self, request: Request) -> Answer:
        """As the labels say."""
        key = self.key(request)
        if self._kept is not None and key in self._kept:
            self.spent.remembered += 1
            return Answer(key, self._kept[key], "by-label", remembered=True)
        text = json.dumps(self._answer(request))
        if self._kept is not None:
            self._kept[key] = text
        tokens = (len(request.prompt) + len(request.content)) // 4, len(text) // 4
        self.spent.calls[request.agent] += 1
        self.spent.tokens_in += tokens[0]
        self.spent.tokens_out += tokens[1]
        return Answer(key, text, "by-label", tokens_in=tokens[0], tokens_out=tokens[1], attempts=1)

    def _answer(self, request: Request) -> dict[str, Any]:
        if request.agent == "intent":
            return {"classes": list(self._classes(request.content)), "slots": []}
        if request.agent == "scoring":
            return {"reasons": [], "rationale": ""}
        if request.agent == "policy":
            return {"wish": "keep", "reason": "none", "evidence": []}
        return {"brief": "Call them.", "note": "", "reply": "", "evidence": []}

    def _classes(self, content: str) -> Iterable[dict[str, Any]]:
        new = set(json.loads(content.partition("\n")[0])["new"])
        for _, name, text in _MARKED.findall(content):
            for intent in self._labels.get(folded(text), ()) if name in new else ():
                evidence = [{"signal": name, "quote": text[:400]}]
                yield {"intent": intent.value, "confidence": 900, "evidence": evidence}


class AskAlways:
    """A policy that asks about everything."""

    def __init__(self, policy: Policy) -> None:
        """`policy` says all the rest."""
        self._policy = policy
        self.version = policy.version
        self.codes, self.holdout, self.calendar = policy.codes, policy.holdout, policy.calendar
        self.zone = policy.zone

    def evaluate(self, facts: Facts, tables: Sequence[str] | None = None) -> tuple[FiredRow, ...]:
        """As `policy`, but that the model table always says ask."""
        if tables is not None and tuple(tables) == (TABLE,):
            return (FiredRow(TABLE, ALWAYS, "Everything is asked.", {"call": "ask", "bound": None}),)
        return self._policy.evaluate(facts, tables)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision on new signals: its parts, and which agents asked."""

    signals: tuple[str, ...]
    parts: Mapping[str, Any]
    asked: tuple[str, ...]


def talks(
    said: Sequence[Utterance], leads: Sequence[tuple[str, int]], *, most: int, seed: int
) -> list[dict[str, Any]]:
    """At most `most` messages of conversations, each of one of `leads` (CRM id, Instant of the first word)."""
    dice = random.Random(seed)  # noqa: S311 - a sample, nothing secret
    drawn = dice.sample(list(said), min(len(said), most))
    items: list[dict[str, Any]] = []
    for number, utterance in enumerate(drawn):
        lead, at = leads[number % len(leads)]
        turns = (*utterance.before, ("customer", utterance.text))
        if len(items) + len(turns) > most:
            break
        start = moment(Instant(at)) + timedelta(days=number // len(leads), minutes=7 * number % 50)
        items += [
            {
                "id": f"talk-{number}-{turn}",
                "source": "chat",
                "kind": "support.message",
                "keys": [{"kind": "crm_id", "value": lead}],
                "occurred_at": (start + turn * _TURN).isoformat(),
                "payload": {"role": role, "text": text, "conversation_id": f"talk-{number}"},
            }
            for turn, (role, text) in enumerate(turns)
        ]
    return items


def traces(gated: Iterable[Decided], always: Iterable[Decided], *, dataset: str) -> tuple[Trace, ...]:
    """One for each decision that both made on the same signals."""
    other = {one.signals: one for one in always}
    pairs = [(one, other[one.signals]) for one in gated if one.signals in other]
    return tuple(
        Trace(
            case=Case(id=one.signals[0], suite=SUITE, dataset=dataset),
            output={
                GATED: {**one.parts, "asked": list(one.asked)},
                ALWAYS: {**full.parts, "asked": list(full.asked)},
                "differs": [name for name in _PARTS if one.parts[name] != full.parts[name]],
            },
        )
        for one, full in pairs
    )


def about(found: Sequence[Trace], spent: Mapping[str, Spent], signals: int, source: str) -> dict[str, Any]:
    """Calls and tokens of both for each thousand signals, and the decisions that differ."""
    differ = [trace for trace in found if trace.output["differs"]]
    return {
        "source": source,
        "signals": signals,
        "calls": {name: one.per(signals) for name, one in spent.items()},
        "decisions": len(found),
        "read_otherwise": sum(one.output[GATED]["top"] != one.output[ALWAYS]["top"] for one in found),
        "differing": len(differ),
        "differ": [
            {
                "case": trace.case.id,
                **{
                    name: [trace.output[GATED][name], trace.output[ALWAYS][name]]
                    for name in trace.output["differs"]
                },
            }
            for trace in differ[:SHOWN]
        ],
    }
