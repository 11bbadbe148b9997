"""An OpenAI-compatible endpoint over real HTTP on loopback, whose answers a test scripts.

Each request takes the next step of the script; the last one repeats. What was asked is kept in `requests`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
Step = bytes | Callable[[asyncio.StreamWriter], Any]
"""Raw bytes of a response, or a function that writes as it likes; the connection is closed after it."""


def http(status: int, body: bytes, **headers: str) -> bytes:
    """A whole response."""
    head = [f"HTTP/1.1 {status} X", "content-type: application/json", f"content-length: {len(body)}"]
    head += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "connection: close", "", ""]).encode() + body


def chat(
    content: object, *, finish: str = "stop", model: str = "tiny", usage: object = USAGE, **more: object
) -> bytes:
    """A completion whose message has `content`."""
    message = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "finish_reason": finish, "message": message}
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [choice],
        "usage": usage,
    }
    return http(200, json.dumps(body).encode())


def stream(content: str, *, pieces: int = 4) -> bytes:
    """A completion as server-sent events, in `pieces`, as an endpoint sends it that was asked to stream."""
    step = max(1, len(content) // pieces)
    deltas = [{"content": content[at : at + step]} for at in range(0, len(content), step)]
    chunks = [
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny",
         "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        for delta in deltas
    ]  # fmt: skip
    events = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    return http(200, events.encode()).replace(b"application/json", b"text/event-stream", 1)


def tool(arguments: str, *, name: str = "answer") -> bytes:
    """A completion that calls a tool instead of speaking."""
    call = {"id": "t1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return chat(None, finish="tool_calls", tool_calls=[call])


def error(status: int, message: str = "no", param: str | None = None, **headers: str) -> bytes:
    """An error in the form of OpenAI's."""
    body = {"error": {"message": message, "type": "error", "param": param, "code": None}}
    return http(status, json.dumps(body).encode(), **headers)


def reset(writer: asyncio.StreamWriter) -> None:
    """Cut the connection."""
    writer.transport.abort()


async def hang(_: asyncio.StreamWriter) -> None:
    """Say nothing at all."""
    await asyncio.Event().wait()


async def hang_after_headers(writer: asyncio.StreamWriter) -> None:
    """Promise a body and say nothing more."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")
    await writer.drain()
    await asyncio.Event().wait()


def drip(response: bytes, *, pause_s: float) -> Step:
    """Write `response` byte by byte."""

    async def write(writer: asyncio.StreamWriter) -> None:
        for byte in response:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(pause_s)

    return write


def flood(size: int) -> Step:
    """Write a body of `size` bytes of which nobody knows the length before."""

    async def write(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n")
        for _ in range(size // 65_536 + 1):
            writer.write(b" " * 65_536)
            await writer.drain()

    return write


@dataclass
class Endpoint:
    """A running endpoint."""

    url: str
    script: list[Step] = field(default_factory=list)
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def plays(self, *steps: Step) -> None:
        """From now on, these steps; what was asked before is forgotten."""
        self.script = list(steps)
        self.requests.clear()
        self.headers.clear()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
            headers = {name.strip().lower(): value.strip() for name, _, value in lines}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.requests.append(json.loads(body))
            self.headers.append(headers)
            step = self.script[min(len(self.requests), len(self.script)) - 1]
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif asyncio.iscoroutine(written := step(writer)):
                await written
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away, as it may
        finally:
            writer.close()


@asynccontextmanager
async def serving(*steps: Step) -> AsyncIterator[Endpoint]:
    """An endpoint on a free port of this machine; what hangs is ended with it."""
    endpoint = Endpoint("")
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(endpoint.answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    endpoint.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    endpoint.plays(*steps)
    try:
        yield endpoint
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


def contents(request: Mapping[str, Any]) -> Sequence[str]:
    """What a request says, message by message."""
    return [message["content"] for message in request["messages"]]
