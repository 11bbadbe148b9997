"""What the tests of the model path ask, and with what: a clock of their own, budgets, prices, a store in memory."""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.ids import LeadId, TenantId
from domain.instants import SECOND, Instant
from domain.ports.model import Request
from domain.spending import Spent
from tools.fake_answers import MemorySpending
from tools.llm.budget import Budgets
from tools.llm.chat import Chat, network
from tools.llm.gate import Gate
from tools.llm.model import EndpointModel
from tools.llm.prices import Price, Prices
from tools.llm.terms import Terms, Ties
from tools.llm.tracing import Trace, no_trace

NOW = 1_760_000_000 * SECOND
TENANT, LEAD = TenantId("acme"), LeadId("ld_1")
SECRET = b"install secret of the tests"
NETWORK = network()
"""Shared by all tests: it holds no connection, and making one takes a while."""
AMPLE = Spent(1_000, 10_000_000, 10**9)


class Wish(StrEnum):
    """What somebody wants."""

    BUY = "buy"
    LEAVE = "leave"


class Part(BaseModel):
    """A nested part."""

    model_config = ConfigDict(extra="forbid")

    wish: Wish
    sure: float = Field(ge=0, le=1)


class Form(BaseModel):
    """The form of the answers."""

    model_config = ConfigDict(extra="forbid")

    parts: tuple[Part, ...]
    note: str = Field("", max_length=20)


GOOD = '{"parts": [{"wish": "buy", "sure": 0.5}], "note": "ok"}'
"""An answer in its form."""


class TestClock:
    """Time that moves only when somebody sleeps."""

    __test__ = False

    def __init__(self) -> None:
        self.at, self.slept = NOW, list[float]()

    def now(self) -> Instant:
        """The present."""
        return Instant(self.at)

    async def sleep(self, seconds: float) -> None:
        """Let that time pass at once."""
        self.slept.append(seconds)
        self.at += round(seconds * SECOND)


class Remembered:
    """Answers in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str, str], Mapping[str, Any]] = {}

    async def get(self, tenant: TenantId, lead: LeadId, key: str) -> Mapping[str, Any] | None:
        """What is kept."""
        return self.kept.get((tenant, lead, key))

    async def put(
        self, tenant: TenantId, lead: LeadId, key: str, answer: Mapping[str, Any], *, now: int
    ) -> None:
        """Keep; the first one wins."""
        self.kept.setdefault((tenant, lead, key), answer)


class World:
    """A model and what it is tied to."""

    def __init__(
        self,
        url: str,
        *,
        deadline_s: float = 5.0,
        at_once: int = 4,
        budgets: Budgets | None = None,
        trace: Trace = no_trace,
        by_agent: Mapping[str, str] | None = None,
        spending: MemorySpending | None = None,
    ) -> None:
        self.clock, self.answers = TestClock(), Remembered()
        self.spending = spending or MemorySpending()
        now = self.clock.now
        self.gate = Gate(at_once, queue_s=deadline_s, now=now)
        terms = Terms(
            model="tiny",
            by_agent=by_agent or {},
            url=url,
            deadline_s=deadline_s,
            max_tokens=50,
            budgets=budgets or Budgets(AMPLE, AMPLE),
            prices=Prices("EUR", {"tiny": Price(tokens_in=Decimal(2), tokens_out=Decimal(10))}),
        )
        ties = Ties(
            chat=Chat(url, None, now=now, wait_s=30.0, transport=NETWORK),
            gate=self.gate,
            answers=self.answers,
            spending=self.spending,
            clock=self.clock,
            sleep=self.clock.sleep,
            trace=trace,
        )
        self.model = EndpointModel(terms, SECRET, ties)

    async def spent(self, lead: LeadId | None = LEAD) -> Spent:
        """By the lead, or with None by all, today."""
        return await self.spending.spent(TENANT, lead, day=NOW // (86_400 * SECOND))


def request(content: str = "We need 50 seats.", **more: Any) -> Request:
    """A question."""
    given = {
        "agent": "intent",
        "prompt": "Read the text.",
        "fingerprint": "f1",
        "content": content,
        "form": Form,
        "tenant": TENANT,
        "lead": LEAD,
        **more,
    }
    return Request(**given)
