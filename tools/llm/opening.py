"""The language model that the settings name."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from pydantic import SecretStr

from domain.errors import ConfigError
from domain.ports.clock import Clock
from domain.ports.model import Answers, Model
from domain.ports.spending import Spending
from domain.spending import Spent
from tools import addresses
from tools.llm.budget import Budgets
from tools.llm.chat import Chat
from tools.llm.gate import Gate
from tools.llm.model import EndpointModel
from tools.llm.prices import Prices, load_prices
from tools.llm.terms import AGENTS, Terms, Ties
from tools.llm.tracing import LangSmithTrace, Trace, no_trace
from tools.settings import Settings

OPENAI: Final = "https://api.openai.com/v1"
_MICRO: Final = 1_000_000


def open_model(
    settings: Settings, secret: bytes, *, answers: Answers, spending: Spending, clock: Clock
) -> Model | None:
    """The model; None if the settings name none. Nothing is asked, and no client library loaded, before `ask`.

    Raises: ConfigError.
    """
    terms = terms_of(settings)
    if terms is None:
        return None
    chat = Chat(terms.url, _key(settings), now=clock.now, wait_s=terms.deadline_s)
    gate = Gate(settings.model_at_once, queue_s=terms.deadline_s, now=clock.now)
    trace: Trace = no_trace
    if settings.langsmith_sample:
        trace = LangSmithTrace(
            settings.langsmith_url, settings.langsmith_key, sample=settings.langsmith_sample
        )
    ties = Ties(chat=chat, gate=gate, answers=answers, spending=spending, clock=clock, trace=trace)
    return EndpointModel(terms, secret, ties)


def terms_of(settings: Settings) -> Terms | None:
    """How questions are asked; None if the settings name no model. Raises: ConfigError."""
    unknown = sorted(settings.model_by_agent.keys() - set(AGENTS))
    if unknown:
        raise ConfigError(f"model_by_agent: {unknown[0]} is no agent; there are {', '.join(AGENTS)}")
    if not settings.model:
        return None
    return Terms(
        model=settings.model,
        by_agent=settings.model_by_agent,
        url=_address(settings),
        deadline_s=settings.model_deadline_s,
        max_tokens=settings.model_max_tokens,
        seed=settings.model_seed,
        budgets=Budgets(
            lead=_spent(settings.model_lead_calls, settings.model_lead_tokens, settings.model_lead_money),
            tenant=_spent(
                settings.model_tenant_calls, settings.model_tenant_tokens, settings.model_tenant_money
            ),
        ),
        prices=_prices(settings),
    )


def described(settings: Settings) -> str:
    """In a sentence: which models, where, and of which no price is known. Raises: ConfigError."""
    terms = terms_of(settings)
    if terms is None:
        return "none configured: texts are read locally"
    names = sorted({terms.model_of(agent) for agent in AGENTS})
    unpriced = _unpriced(names, terms.prices)
    limits = f"; no price of {', '.join(unpriced)}: only calls and tokens are limited" if unpriced else ""
    return f"{', '.join(names)} at {terms.url}{limits}"


def _address(settings: Settings) -> str:
    url = settings.model_url or OPENAI
    if settings.model_plain_http and url.startswith("http://"):
        addresses.checked(url.replace("http://", "https://", 1))
        return url
    return addresses.checked(url)


def _key(settings: Settings) -> SecretStr | None:
    """Without the line's end of the file that it came from. Raises: ConfigError, never quoting it."""
    if settings.model_key is None:
        return None
    key = settings.model_key.get_secret_value().strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError("model_key: the key of an endpoint is a line of ASCII")
    return SecretStr(key) if key else None


def _unpriced(names: Sequence[str], prices: Prices) -> list[str]:
    return [name for name in names if name not in prices.by_model]


def _prices(settings: Settings) -> Prices:
    return load_prices(settings.model_prices or settings.config / "prices.toml")


def _spent(calls: int, tokens: int, money: Decimal) -> Spent:
    return Spent(calls, tokens, int(money * _MICRO))
