"""How questions are asked, and what whoever asks them is tied to."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.ports.clock import Clock
from domain.ports.model import Answers
from domain.ports.spending import Spending
from tools.llm.budget import Budgets
from tools.llm.chat import Chat
from tools.llm.gate import Gate
from tools.llm.prices import Prices
from tools.llm.tracing import Trace, no_trace
from tools.retry import Retries

AGENTS: Final = ("intent", "scoring", "policy", "actuation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How questions are asked: which model, how long, how often, for how much."""

    model: str
    by_agent: Mapping[str, str] = field(default_factory=dict)
    url: str
    deadline_s: float = 15.0
    """For one answer in all: queue, tries, waits, repair."""
    max_tokens: int = 1_500
    seed: int | None = 7
    retries: Retries = field(default_factory=Retries)
    budgets: Budgets
    prices: Prices

    def model_of(self, agent: str) -> str:
        """The model that an agent asks."""
        return self.by_agent.get(agent, self.model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ties:
    """What asks, what remembers, what counts."""

    chat: Chat
    gate: Gate
    answers: Answers
    spending: Spending
    clock: Clock
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    trace: Trace = no_trace
