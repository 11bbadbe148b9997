"""One request through langchain-openai, and nothing around it: no retry, no trace, no limit of its own."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx
from pydantic import BaseModel, SecretStr

from tools.llm.dialect import Dialect
from tools.llm.failing import Lost
from tools.llm.wire import Completion, Wire

if TYPE_CHECKING:
    from langchain_openai import ChatOpenAI

NO_KEY: Final = SecretStr("none")
"""For endpoints without keys: the client library wants one."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request: what is sent, and the form that is wanted back."""

    model: str
    instructions: str
    content: str
    form: type[BaseModel]
    max_tokens: int
    seed: int | None


class Chat:
    """An endpoint. Connections are not kept: a kept one would belong to the loop that opened it."""

    def __init__(
        self,
        url: str,
        key: SecretStr | None,
        *,
        now: Callable[[], int],
        wait_s: float,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`wait_s` bounds each wait for the network; the whole is for the caller to bound."""
        self._url, self._key = url, key or NO_KEY
        self._now, self._timeout = now, httpx.Timeout(wait_s, connect=min(wait_s, 5.0))
        self._transport = transport
        self._clients: dict[str, ChatOpenAI] = {}

    async def send(self, question: Question, dialect: Dialect) -> Completion:
        """Ask once.

        Raises: BadAnswer, Rejected, Unauthorized, Throttled, Temporary, Lost.
        """
        from langsmith import tracing_context
        from openai import OpenAIError

        client = self._clients[question.model]
        options = dialect.options(question.form, max_tokens=question.max_tokens, seed=question.seed)
        instructions = dialect.instructions(question.instructions, question.form)
        messages = [("system", _sendable(instructions)), ("human", _sendable(question.content))]
        try:
            with tracing_context(enabled=False):
                # In `extra_body`: given by name, the library would parse the answer in ways of its own.
                answer = await client.ainvoke(messages, config={"callbacks": []}, extra_body=options)
        except (
            OpenAIError
        ) as error:  # all that is known of comes from `Wire`; what the library adds is an outage
            raise Lost(f"the model's answer was lost ({type(error).__name__})") from error
        usage: Mapping[str, Any] = answer.usage_metadata or {}
        text = answer.content if isinstance(answer.content, str) else ""
        named = str(answer.response_metadata.get("model_name", ""))
        return Completion(text, named, usage.get("input_tokens"), usage.get("output_tokens"))

    async def ready(self, model: str) -> None:
        """Have the client of `model`. The library takes seconds to import, which is nobody's deadline."""
        if model not in self._clients:
            made = await asyncio.to_thread(self._client, model)
            self._clients.setdefault(model, made)

    def _client(self, model: str) -> "ChatOpenAI":
        from langchain_openai import ChatOpenAI

        wire = Wire(self._transport or network(), now=self._now)
        return ChatOpenAI(
            model_name=model,
            openai_api_key=self._key,
            openai_api_base=self._url,
            max_retries=0,
            request_timeout=self._timeout,
            http_async_client=httpx.AsyncClient(transport=wire, timeout=self._timeout, trust_env=False),
            http_client=httpx.Client(transport=_NoWay(), trust_env=False),
            openai_proxy=None,
            use_responses_api=False,
            stream_usage=False,
            streaming=False,
        )


class _NoWay(httpx.BaseTransport):
    """For the library's blocking half, which is never used."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Raises: httpx.UnsupportedProtocol."""
        raise httpx.UnsupportedProtocol("the model is asked without blocking", request=request)


def network() -> httpx.AsyncBaseTransport:
    """Straight to the endpoint: no proxy, no connection kept."""
    return httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)


def _sendable(text: str) -> str:
    """Without halves of characters, which no request can carry."""
    return text.encode("utf-8", "replace").decode()
