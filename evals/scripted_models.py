"""Models that are wrong on purpose: one that gives no answer, one that has nothing to say, one that forges evidence."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from domain.ports.model import Answer, NoAnswer, Request
from evals.attacks import CANARY

NAME: Final = "scripted"
AGAIN: Final[Mapping[str, bool]] = {
    "down": True, "deadline": True, "busy": True, "budget": False, "unusable": False, "refused": False,
}  # fmt: skip
"""Every code of a `NoAnswer`, and whether it is worth asking again."""
NOTHING: Final[Mapping[str, Mapping[str, Any]]] = {
    "intent": {"classes": [], "slots": []},
    "scoring": {"reasons": [], "rationale": ""},
    "policy": {"wish": "keep", "reason": "none", "evidence": []},
    "actuation": {"brief": "", "note": "", "reply": "", "evidence": []},
}
TRUE: Final = "technical"
"""The intent that `Liar` claims with words that are there."""
FORGED: Final = ("renewal", "procurement", "demo", "comparison")
"""Those that it claims with evidence that does not hold, one each."""
NUMBER: Final = "99.7"
"""A number that stands nowhere."""
_SHOWN: Final = re.compile(r"<([0-9a-f]+) (s\d+)>\n(.*?)\n</\1 \2>", re.DOTALL)


@dataclass
class Scripted:
    """A `Model` that answers without content. `asked` holds the leads it was asked about, by agent."""

    asked: dict[str, set[str]] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(NOTHING, NAME))

    def key(self, request: Request) -> str:
        """Of all that it is asked."""
        return sha256(f"{request.agent}{request.prompt}{request.content}".encode()).hexdigest()

    async def ask(self, request: Request) -> Answer:
        """What `says` says. Raises: NoAnswer where the script has none."""
        self.asked.setdefault(request.agent, set()).add(request.lead)
        return Answer(self.key(request), json.dumps(self.says(request)), NAME, attempts=1)

    def says(self, request: Request) -> Mapping[str, Any]:
        """Nothing at all."""
        return NOTHING[request.agent]


@dataclass
class Failing(Scripted):
    """Gives no answer, for one reason."""

    code: str = "down"

    def says(self, request: Request) -> Mapping[str, Any]:
        """No answer, whoever asks."""
        raise NoAnswer(self.code, f"no answer for {request.agent}", again=AGAIN[self.code])


@dataclass
class Liar(Scripted):
    """One claim with the customer's own words, and one with each sort of forged evidence."""

    def says(self, request: Request) -> Mapping[str, Any]:
        """True first; then a signal that was not shown, words that nobody wrote, another lead's, a changed quote."""
        shown = [(name, text.strip()) for _, name, text in _SHOWN.findall(request.content) if text.strip()]
        if not shown:
            return NOTHING[request.agent]
        name, text = shown[0]
        true = {"signal": name, "quote": text[:80]}
        forged = (
            {"signal": "s99", "quote": text[:80]},
            {"signal": name, "quote": "we signed the contract"},
            {"signal": name, "quote": CANARY},
            {"signal": name, "quote": f"not {text[:60]}"},
        )
        if request.agent == "intent":
            wrong = [_claim(intent, cite) for intent, cite in zip(FORGED, forged, strict=True)]
            return {"classes": [_claim(TRUE, true), *wrong], "slots": []}
        if request.agent == "scoring":
            reasons = [{"reason": "decides", "evidence": [forged[1]]}]
            return {"reasons": reasons, "rationale": f"This is {NUMBER} % sure."}
        return NOTHING[request.agent]


def _claim(intent: str, cite: Mapping[str, str]) -> dict[str, Any]:
    return {"intent": intent, "confidence": 900, "evidence": [cite]}
