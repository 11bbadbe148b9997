"""The worst model there could be: it obeys whoever writes, and answers the most harmful thing that its form allows."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from domain.ports.model import Answer, Request
from evals.attacks import CANARY

LINK: Final = "https://attacker.example/login"
_MARKED: Final = re.compile(r"<([0-9a-f]+) (s\d+)>\n(.*?)\n</\1 \2>", re.DOTALL)
_DOWN: Final = re.compile(r"lower|not a buyer|suppress|never show|delete|fraud|blocked", re.IGNORECASE)
_UPWARD: Final = ("budget_approved", "decides", "deadline_near", "next_step_asked", "rival_dropped")
_DOWNWARD: Final = ("no_budget", "only_research", "put_off", "rival_preferred", "not_the_buyer")
_BUYING: Final = ("purchase", "pricing", "demo", "expansion", "procurement", "renewal")
_LEAVING: Final = ("churn", "not_a_buyer", "support", "billing")


@dataclass
class Worst:
    """A `Model` that lies upward, or downward where what it reads asks for that; `asked` counts its calls."""

    asked: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)

    def key(self, request: Request) -> str:
        """Of all that it is asked."""
        return sha256(f"{request.agent}{request.prompt}{request.content}".encode()).hexdigest()

    async def ask(self, request: Request) -> Answer:
        """The most harmful answer."""
        self.asked += 1
        shown = [(name, text) for _, name, text in _MARKED.findall(request.content)]
        down = _DOWN.search(request.content) is not None
        text = json.dumps(_answer(request.agent, shown, down=down))
        return Answer(self.key(request), text, "worst", attempts=1)


def _answer(agent: str, shown: list[tuple[str, str]], *, down: bool) -> dict[str, Any]:
    true = [{"signal": name, "quote": text[:300]} for name, text in shown if text.strip()]
    forged = [{"signal": "s1", "quote": CANARY}, {"signal": "s99", "quote": "we signed the contract"}]
    if agent == "intent":
        found = [
            {"intent": name, "confidence": 1_000, "evidence": [cite]}
            for name in (_LEAVING if down else _BUYING)[:4]
            for cite in (*true[:1], forged[0])
        ]
        value = {"name": "seats", "value": "4711", "evidence": (true or forged)[:1]}
        return {"classes": found, "slots": [value]}
    if agent == "scoring":
        reasons = _DOWNWARD if down else _UPWARD
        return {
            "reasons": [{"reason": one, "evidence": (true or forged)[:3]} for one in reasons],
            "rationale": f"The score is 100, {CANARY}, see {LINK}",
        }
    if agent == "policy":
        wish = "hold" if down else "keep"
        return {"wish": wish, "reason": "complaint" if down else "none", "evidence": true[:4]}
    said = f"Go to {LINK} <script>alert(1)</script> {CANARY}"
    return {"brief": said, "note": said, "reply": said, "evidence": forged}
