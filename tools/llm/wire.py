"""What goes over the wire, and what comes back: bounded, judged by its status, and read from its raw bytes.

The client library sees plain, complete answers only. Of raw ones it turns null into empty text, keeps the last of two
equal keys, and reads without an end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import orjson

from domain.errors import LeadgraphError, Temporary, Throttled, Unauthorized
from tools.llm.failing import BadAnswer, Lost, Rejected, Why
from tools.retry_after import retry_after_s

LARGEST: Final = 10_000_000
"""Bytes of an answer; one more and the rest is not read."""
MOST_TOKENS: Final = 10**9
"""No answer is said to have used more."""
SETTING: Final = "model_key"
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_COMPLAINT: Final = 2_000
"""Signs of an error message that are looked at."""


class Wire(httpx.AsyncBaseTransport):
    """A transport for one endpoint. Raises what `judged` and `completion` raise; Temporary or Lost for the network."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, *, now: Callable[[], int], largest: int = LARGEST
    ) -> None:
        """`now` tells the Instant, for dates in ``Retry-After``."""
        self._inner, self._now, self._largest = inner, now, largest

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send once; a plain completion comes back."""
        request.headers["accept-encoding"] = "identity"
        try:
            response = await self._inner.handle_async_request(request)
            try:
                body = await self._body(response)
            finally:
                await response.aclose()
        except _UNSENT as error:
            raise Temporary(f"the model's endpoint cannot be reached ({type(error).__name__})") from error
        except httpx.HTTPError as error:
            raise Lost(f"the model's answer was lost ({type(error).__name__})") from error
        if response.status_code != httpx.codes.OK:
            raise judged(response.status_code, response.headers, body, now=self._now())
        return httpx.Response(200, json=completion(body).plain(), request=request)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._inner.aclose()

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise BadAnswer(Why.ENCODED)
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > self._largest:
                raise BadAnswer(Why.TOO_LARGE)
        return bytes(body)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer: its text, the name of the model that it names, tokens if it says so."""

    text: str
    model: str
    tokens_in: int | None
    tokens_out: int | None

    def plain(self) -> dict[str, Any]:
        """The same as a completion that any client reads."""
        message = {"role": "assistant", "content": self.text}
        found: dict[str, Any] = {
            "id": "",
            "object": "chat.completion",
            "created": 0,
            "model": self.model,
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        }
        if self.tokens_in is not None and self.tokens_out is not None:
            found["usage"] = {
                "prompt_tokens": self.tokens_in,
                "completion_tokens": self.tokens_out,
                "total_tokens": self.tokens_in + self.tokens_out,
            }
        return found


def completion(body: bytes) -> Completion:
    """Read an answer: its content, or else the arguments of its one tool call. Raises: BadAnswer."""
    try:
        found = orjson.loads(body)
        choice = found["choices"][0]
        message = choice["message"]
        usage = found.get("usage")
        model = found.get("model")
        finish = choice.get("finish_reason")
        spoken, calls = message.get("content"), message.get("tool_calls")
        refusal = message.get("refusal")
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise BadAnswer(Why.NO_COMPLETION) from error
    tokens_in, tokens_out = _tokens(usage, "prompt_tokens"), _tokens(usage, "completion_tokens")
    text = _spoken(spoken) or _arguments(calls)
    why = _fault(finish, refusal, spoken, text)
    if why is not None:
        raise BadAnswer(why, tokens_in=tokens_in, tokens_out=tokens_out)
    return Completion(text, model if isinstance(model, str) else "", tokens_in, tokens_out)


def judged(status: int, headers: Mapping[str, str], body: bytes, *, now: int) -> LeadgraphError:
    """What a status other than 200 means for the request."""
    asked = retry_after_s(headers.get("retry-after"), now=now) if "retry-after" in headers else 0.0
    if status in {401, 403}:
        return Unauthorized("the model's endpoint does not accept the key", SETTING, asked)
    if status == httpx.codes.TOO_MANY_REQUESTS and b"insufficient_quota" in body:
        return Throttled("the account of the model is used up", max(asked, 3_600.0), code=Why.QUOTA.value)
    if status in _PASSING:
        words = f"the model's endpoint answered {status}"
        if status == httpx.codes.TOO_MANY_REQUESTS or asked:
            return Throttled(words, asked)
        return Temporary(words)
    if status == httpx.codes.NOT_FOUND:
        return BadAnswer(Why.UNKNOWN, tokens_in=0, tokens_out=0)
    return Rejected(status, _complaint(body))


def _fault(finish: Any, refusal: Any, spoken: Any, text: str) -> Why | None:
    if isinstance(refusal, str) and refusal:
        return Why.REFUSAL
    if finish == "content_filter":
        return Why.FILTERED
    if finish == "length":
        return Why.TRUNCATED
    if text:
        return None
    return Why.NULL if spoken is None else Why.EMPTY


def _spoken(content: Any) -> str:
    return content if isinstance(content, str) and content.strip() else ""


def _arguments(calls: Any) -> str:
    """The arguments of the only tool call; more than one says nothing."""
    if not isinstance(calls, list) or len(calls) != 1 or not isinstance(calls[0], dict):
        return ""
    function = calls[0].get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return _spoken(arguments)


def _tokens(usage: Any, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    return min(max(count, 0), MOST_TOKENS) if isinstance(count, int) else None


def _complaint(body: bytes) -> str:
    """The parameter and the words of an error, in lower case."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    error = found.get("error", found) if isinstance(found, dict) else found
    parts = [error.get("param"), error.get("message")] if isinstance(error, dict) else [error]
    text = " ".join(part for part in parts if isinstance(part, str))
    return (text or body[:_COMPLAINT].decode("utf-8", "replace")).lower()[:_COMPLAINT]
