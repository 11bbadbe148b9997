"""Every fault of an endpoint: how often it is asked, what the caller is told, what it costs, and that it passes."""

import asyncio
from dataclasses import dataclass
from email.utils import format_datetime

import pytest

from domain.instants import SECOND, Instant, moment
from domain.spending import Spent
from tests.tools.llm.asked import GOOD, NOW, World, request
from tests.tools.llm.endpoint import (
    Endpoint,
    Step,
    chat,
    drip,
    error,
    flood,
    hang,
    hang_after_headers,
    http,
    reset,
    stream,
    tool,
)
from tools.breaker import Circuit
from tools.llm.failing import Unanswered
from tools.llm.gate import QUEUE
from tools.llm.wire import LARGEST

TINY = 0.15
"""Seconds: a deadline for what never ends."""


@dataclass(frozen=True)
class Fault:
    """A fault that stays, and what comes of it. `tokens` None: unknown, so the upper bound stays charged."""

    step: Step
    code: str
    why: str
    asked: int
    again: bool
    tokens: int | None
    failed: int
    """Of the requests, those that count against the endpoint."""
    deadline_s: float = 5.0


TWICE = 2 * 120
"""Tokens of two answers."""
FAULTS = {
    "429": Fault(error(429), "busy", "throttled", 3, True, 0, 3),
    "429 and come back too late": Fault(error(429, retry_after="60"), "busy", "throttled", 1, True, 0, 1),
    "429 used up": Fault(error(429, "insufficient_quota"), "busy", "quota", 1, True, 0, 1),
    "500": Fault(error(500), "down", "outage", 3, True, 0, 3),
    "502": Fault(http(502, b"<html>bad gateway</html>"), "down", "outage", 3, True, 0, 3),
    "503": Fault(error(503), "down", "outage", 3, True, 0, 3),
    "401": Fault(error(401), "refused", "credentials", 1, True, 0, 1),
    "404": Fault(error(404), "refused", "unknown_model", 1, True, 0, 0),
    "400 of no feature": Fault(error(400, "too long", "messages"), "refused", "rejected", 1, False, 0, 0),
    "redirect": Fault(http(307, b"", location="http://127.0.0.1:1/"), "refused", "rejected", 1, False, 0, 0),
    "reset": Fault(reset, "down", "outage", 3, True, None, 3),
    "hang before headers": Fault(hang, "deadline", "deadline", 1, True, None, 1, TINY),
    "hang after headers": Fault(hang_after_headers, "deadline", "deadline", 1, True, None, 1, TINY),
    "byte-drip": Fault(drip(chat(GOOD), pause_s=0.004), "deadline", "deadline", 1, True, None, 1, TINY),
    "invalid JSON": Fault(chat('{"parts": ['), "unusable", "unfit", 2, False, TWICE, 0),
    "prose": Fault(chat("I would say they want to buy."), "unusable", "unfit", 2, False, TWICE, 0),
    "no completion": Fault(http(200, b"<html>login</html>"), "unusable", "no_completion", 1, True, None, 0),
    "streamed though not asked to": Fault(stream(GOOD), "unusable", "no_completion", 1, True, None, 0),
    "no choices": Fault(http(200, b'{"choices": []}'), "unusable", "no_completion", 1, True, None, 0),
    "an error with 200": Fault(http(200, b'{"error": "x"}'), "unusable", "no_completion", 1, True, None, 0),
    "empty": Fault(chat(""), "unusable", "empty", 2, False, TWICE, 0),
    "null content": Fault(chat(None), "unusable", "null_content", 2, False, TWICE, 0),
    "refusal": Fault(chat(None, refusal="I cannot help"), "refused", "refusal", 1, False, 120, 0),
    "filtered": Fault(chat("", finish="content_filter"), "refused", "filtered", 1, False, 120, 0),
    "truncated": Fault(chat(GOOD[:30], finish="length"), "unusable", "truncated", 1, False, 120, 0),
    "wrong enum": Fault(chat(GOOD.replace("buy", "steal")), "unusable", "unfit", 2, False, TWICE, 0),
    "extra key": Fault(
        chat(GOOD.replace('"note"', '"score": 100, "note"')), "unusable", "unfit", 2, False, TWICE, 0
    ),
    "the same key twice": Fault(chat('{"parts": [], "parts": []}'), "unusable", "unfit", 2, False, TWICE, 0),
    "NaN": Fault(chat(GOOD.replace("0.5", "NaN")), "unusable", "unfit", 2, False, TWICE, 0),
    "Infinity": Fault(chat(GOOD.replace("0.5", "1e999")), "unusable", "unfit", 2, False, TWICE, 0),
    "tool call that does not fit": Fault(tool('{"parts": 5}'), "unusable", "unfit", 2, False, TWICE, 0),
    "more than 10 MB": Fault(flood(LARGEST + 1), "unusable", "too_large", 1, False, None, 0),
    "packed": Fault(http(200, b"x", content_encoding="gzip"), "unusable", "encoded", 1, True, None, 0),
}

TROUBLE = ("429 and come back too late", "503", "401", "reset", "hang after headers", "refusal", "404", "NaN")
"""One of each kind."""


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_ends_in_a_code_and_leaves_nothing_behind(name: str, endpoint: Endpoint) -> None:
    """The exact number of requests; then the endpoint is well, and the next question gets through at once."""
    fault = FAULTS[name]
    world = World(endpoint.url, at_once=1, deadline_s=fault.deadline_s)
    endpoint.plays(fault.step)
    with pytest.raises(Unanswered) as caught:
        await world.model.ask(request())
    none = caught.value
    assert (none.code, none.why, none.again) == (fault.code, fault.why, fault.again)
    assert (none.attempts, len(endpoint.requests)) == (fault.asked, fault.asked)
    spent = await world.spent()
    assert spent.calls == fault.asked
    if fault.tokens is None:
        assert spent.tokens > 50 * fault.asked  # as much as the answers could have been long
    else:
        assert spent.tokens == fault.tokens
    assert await world.spent(None) == spent

    world.clock.at += 3_700 * SECOND  # no pause of the breaker is longer
    endpoint.plays(chat(GOOD))
    answer = await world.model.ask(request())
    assert (answer.attempts, len(endpoint.requests)) == (1, 1)


@pytest.mark.parametrize("name", TROUBLE)
async def test_the_breaker_opens_for_an_endpoint_in_trouble_and_not_for_a_bad_answer(
    name: str, endpoint: Endpoint
) -> None:
    """After five failures in a row, or as soon as it asks to be left alone; then nobody asks."""
    fault = FAULTS[name]
    world = World(endpoint.url, deadline_s=fault.deadline_s)
    endpoint.plays(fault.step)
    opens = fault.failed > 0
    for _ in range(5 if fault.asked < 3 else 2):
        with pytest.raises(Unanswered):
            await world.model.ask(request())
    open_now = world.gate.breaker.state(world.clock.at) is not Circuit.CLOSED
    assert open_now is opens
    if opens:
        endpoint.plays(chat(GOOD))
        with pytest.raises(Unanswered) as caught:
            await world.model.ask(request())
        assert (caught.value.attempts, len(endpoint.requests)) == (0, 0)


@pytest.mark.parametrize(
    "header", ["3", format_datetime(moment(Instant(NOW + 3 * SECOND)), usegmt=True)], ids=["seconds", "date"]
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wish_to_come_back_later_is_kept(header: str, status: int, endpoint: Endpoint) -> None:
    """At least as long, in both forms of the header, and then one more request."""
    world = World(endpoint.url)
    endpoint.plays(error(status, retry_after=header), chat(GOOD))
    answer = await world.model.ask(request())
    assert (answer.attempts, len(endpoint.requests)) == (2, 2)
    assert len(world.clock.slept) == 1
    assert 3.0 <= world.clock.slept[0] < 4.0
    assert await world.spent() == Spent(2, 120, 400)


async def test_what_passes_by_itself_is_tried_again(endpoint: Endpoint) -> None:
    """A reset, a 500, and then an answer."""
    world = World(endpoint.url)
    endpoint.plays(reset, error(500), chat(GOOD))
    assert (await world.model.ask(request())).attempts == 3


async def test_an_endpoint_that_is_not_there_is_down() -> None:
    """A closed port; nothing is charged but the calls."""
    world = World("http://127.0.0.1:9/v1")
    with pytest.raises(Unanswered) as caught:
        await world.model.ask(request())
    assert (caught.value.code, caught.value.again, caught.value.attempts) == ("down", True, 3)
    assert await world.spent() == Spent(3, 0, 0)


async def test_nobody_waits_past_the_deadline_for_a_place(endpoint: Endpoint) -> None:
    """The only place is held: the question is told that it is busy, and made no request."""
    world = World(endpoint.url, at_once=1, deadline_s=TINY)
    async with world.gate.place():
        with pytest.raises(Unanswered) as caught:
            await world.model.ask(request())
    assert (caught.value.code, caught.value.again, len(endpoint.requests)) == ("busy", True, 0)
    assert await world.spent() == Spent()
    assert (await world.model.ask(request())).attempts == 1


async def test_too_many_in_the_queue_are_turned_away(endpoint: Endpoint) -> None:
    """At once, and without a request."""
    world = World(endpoint.url, at_once=1)
    async with world.gate.place():
        waiting = [
            asyncio.ensure_future(world.model.ask(request(str(number)))) for number in range(QUEUE + 1)
        ]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (turned_away,) = done
        assert isinstance(turned_away.exception(), Unanswered)
        assert endpoint.requests == []
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert (await world.model.ask(request())).attempts == 1


async def test_an_error_never_carries_a_text(endpoint: Endpoint) -> None:
    """Neither the customer's words nor the answer's."""
    world = World(endpoint.url)
    endpoint.plays(chat("SECRET of the model"))
    with pytest.raises(Unanswered) as caught:
        await world.model.ask(request("SECRET of the customer"))
    seen: BaseException | None = caught.value
    while seen is not None:
        assert "SECRET" not in str(seen)
        seen = seen.__cause__
