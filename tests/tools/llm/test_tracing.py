"""LangSmith: told of nothing unless asked to, never of a text, and harmless when it is not there."""

import asyncio
import json
from typing import Any

import langsmith
import pytest
from pydantic import SecretStr

from tests.tools.llm.asked import World, request
from tests.tools.llm.endpoint import Endpoint, chat
from tools.llm.failing import Unanswered
from tools.llm.tracing import LangSmithTrace

CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the client is told; it sends nothing."""
    heard: list[dict[str, Any]] = []
    monkeypatch.setattr(langsmith.Client, "create_run", lambda _, **run: heard.append(run))
    return heard


async def test_a_switched_on_environment_traces_nothing(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, told: list[dict[str, Any]]
) -> None:
    """Only our own setting does."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    monkeypatch.setenv("LANGSMITH_ENDPOINT", CLOSED)
    await World(endpoint.url).model.ask(request())
    assert told == []


async def test_a_sampled_question_tells_numbers_and_no_text(
    endpoint: Endpoint, told: list[dict[str, Any]]
) -> None:
    """Neither of the customer, nor of the prompt, nor of the answer, nor who it was about."""
    trace = LangSmithTrace(CLOSED, SecretStr("k"), sample=1.0)
    world = World(endpoint.url, trace=trace)
    await world.model.ask(request("the secret of a customer"))
    endpoint.plays(chat("nothing in form"))
    with pytest.raises(Unanswered):
        await world.model.ask(request("another secret"))
    trace.settled()
    first, second = told
    assert first["inputs"] == {"prompt": "f1", "signs": 24}
    assert first["outputs"] == {"tokens_in": 100, "tokens_out": 20, "attempts": 1}
    assert second["outputs"] == {"code": "unusable", "why": "unfit", "attempts": 2}
    everything = json.dumps(told, default=str)
    for word in ("secret", "Read the text", "buy", "nothing in form", "ld_1", "acme"):
        assert word not in everything


async def test_a_share_of_the_questions_is_drawn_by_their_keys(told: list[dict[str, Any]]) -> None:
    """The same ones in every process."""
    trace = LangSmithTrace(CLOSED, SecretStr("k"), sample=0.25)
    for number in range(16):
        trace(request(), f"{number:x}" * 64, began=0, ended=1, said={})
    trace.settled()
    assert len(told) == 4


async def test_a_closed_port_harms_no_answer(endpoint: Endpoint) -> None:
    """The real client, telling nobody; what it could not tell is dropped."""
    trace = LangSmithTrace(CLOSED, SecretStr("k"), sample=1.0)
    world = World(endpoint.url, trace=trace)
    answers = await asyncio.gather(*(world.model.ask(request(str(number))) for number in range(3)))
    assert [answer.attempts for answer in answers] == [1, 1, 1]
    trace.settled()
