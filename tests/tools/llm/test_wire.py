"""Reading what an endpoint sends: whatever it is, it is a completion or named as none."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Temporary, Throttled, Unauthorized
from tests.tools.llm.asked import NOW
from tools.llm.failing import BadAnswer, Lost, Rejected, Why
from tools.llm.wire import Wire, completion, judged

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50)
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_completion_or_none(body: bytes) -> None:
    """Nothing else is raised."""
    with pytest.raises(BadAnswer):
        completion(body)


@settings(max_examples=50)
@given(message=JSON, usage=JSON, model=JSON, finish=JSON, content=JSON, calls=JSON)
def test_any_parts_are_a_completion_or_none(
    message: Any, usage: Any, model: Any, finish: Any, content: Any, calls: Any
) -> None:
    """What is read is text, and counts that cannot lower a budget; it reads the same after it was made plain."""
    for said in (message, {"content": content, "tool_calls": calls}):
        whole = {"model": model, "usage": usage, "choices": [{"finish_reason": finish, "message": said}]}
        try:
            found = completion(json.dumps(whole).encode())
        except BadAnswer:
            continue
        assert found.text.strip()
        assert (found.tokens_in or 0) >= 0
        assert (found.tokens_out or 0) >= 0
        if found.tokens_in is not None and found.tokens_out is not None:
            assert completion(json.dumps(found.plain()).encode()) == found


@pytest.mark.parametrize(
    ("calls", "text"),
    [
        ([{"function": {"arguments": '{"a": 1, "a": 2}'}}], '{"a": 1, "a": 2}'),
        ([{"function": {"arguments": {"a": 1}}}], None),
        ([{"function": None}], None),
        ([{"function": {"arguments": "{}"}}] * 2, None),
        ("{}", None),
    ],
)
def test_arguments_are_taken_as_they_stand_from_one_call(calls: Any, text: str | None) -> None:
    """The parser sees the raw text: what the library would have made of it is not asked."""
    body = json.dumps({"choices": [{"message": {"content": None, "tool_calls": calls}}]}).encode()
    if text is None:
        with pytest.raises(BadAnswer) as caught:
            completion(body)
        assert caught.value.why is Why.NULL
    else:
        assert completion(body).text == text


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, Rejected), (400, Rejected), (401, Unauthorized), (403, Unauthorized), (404, BadAnswer),
        (408, Temporary), (413, Rejected), (422, Rejected), (429, Throttled), (500, Temporary), (501, Rejected),
        (502, Temporary), (503, Temporary), (504, Temporary), (529, Temporary),
    ],
)  # fmt: skip
def test_a_status_is_judged_whatever_comes_with_it(status: int, error: type[Exception]) -> None:
    """By number alone; a body that is no JSON is no defect."""
    for body in (b"", b"<html>", b"\xff", b"[1]", b'{"error": "words"}', b'{"error": {"message": 5}}'):
        assert isinstance(judged(status, {}, body, now=NOW), error)


@pytest.mark.parametrize("header", ["-5", "soon", "9" * 40, "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_a_strange_wish_is_bounded(header: str) -> None:
    """Between at once and an hour."""
    error = judged(429, {"retry-after": header}, b"", now=NOW)
    assert isinstance(error, Throttled)
    assert 0 <= error.retry_after_s <= 3_600


async def test_a_connection_is_let_go_when_the_answer_is_not_read_to_its_end() -> None:
    """Too large, or cut off: the stream is closed."""
    closed = list[str]()

    class Endless(httpx.AsyncByteStream):
        def __init__(self, pause: bool) -> None:
            self.pause = pause

        async def __aiter__(self) -> Any:
            while True:
                if self.pause:
                    await asyncio.Event().wait()
                yield b"x" * 100

        async def aclose(self) -> None:
            closed.append("yes")

    async def send(*, pause: bool) -> None:
        inner = httpx.MockTransport(lambda _: httpx.Response(200, stream=Endless(pause)))
        await Wire(inner, now=lambda: NOW, largest=1_000).handle_async_request(
            httpx.Request("POST", "http://127.0.0.1/")
        )

    with pytest.raises(BadAnswer):
        await send(pause=False)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await send(pause=True)
    assert closed == ["yes", "yes"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (httpx.ConnectError("x"), Temporary),
        (httpx.ConnectTimeout("x"), Temporary),
        (httpx.ReadError("x"), Lost),
        (httpx.ReadTimeout("x"), Lost),
        (httpx.WriteError("x"), Lost),
        (httpx.RemoteProtocolError("x"), Lost),
    ],
)
async def test_a_request_that_left_may_have_been_paid_for(fault: Exception, error: type[Exception]) -> None:
    """One that never left was not."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise fault

    wire = Wire(httpx.MockTransport(fail), now=lambda: NOW)
    with pytest.raises(Temporary) as caught:
        await wire.handle_async_request(httpx.Request("POST", "http://127.0.0.1/"))
    assert type(caught.value) is error
