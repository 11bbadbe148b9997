"""Vendors under test: a fake answers requests, in this process or behind a socket, and faults come between."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import orjson

JSON = Any


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: JSON
    raw: bytes = b""

    @property
    def writes(self) -> bool:
        """Whether it changes something: a batch read, a query and what a token may are also posted."""
        return self.method != "GET" and not self.path.endswith(
            ("/batch/read", "/token", "/access-token-info", "/introspect")
        )


@dataclass(frozen=True)
class Said:
    """One answer."""

    status: int
    body: JSON = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Fake(Protocol):
    """A vendor."""

    def handle(self, asked: Asked) -> Said:
        """Answer, and change what there is to change."""
        ...


Fault = Callable[[Fake, Asked], Said]
"""Stands between a request and the vendor. Raises ConnectionError where the answer is lost, TimeoutError where it comes
later than anybody waits."""


def after(status: int) -> Fault:
    """The vendor does it, and then answers with an error."""

    def fault(fake: Fake, asked: Asked) -> Said:
        fake.handle(asked)
        return Said(status, {"message": "secret words of the vendor"})

    return fault


def instead(status: int, body: JSON = None, **headers: str) -> Fault:
    """The vendor does nothing and answers so."""
    return lambda _fake, _asked: Said(
        status, body, {name.replace("_", "-"): v for name, v in headers.items()}
    )


def cut(fake: Fake, asked: Asked) -> Said:
    """The vendor does it; its answer is lost."""
    fake.handle(asked)
    raise ConnectionError


def late(fake: Fake, asked: Asked) -> Said:
    """The vendor does it, and takes its time to say so."""
    fake.handle(asked)
    raise TimeoutError


def vanished(_fake: Fake, _asked: Asked) -> Said:
    """The request is lost."""
    raise ConnectionError


class Answering:
    """A vendor that has nothing to say against anything."""

    def handle(self, _: Asked) -> Said:
        return Said(200, {})


async def token(_stale: str | None) -> str:
    """One that never changes."""
    return "a-token"


@dataclass(frozen=True)
class _Judge:
    """Holds the requests to a fake, and its answers, against the file that its `contract` names."""

    file: Any
    broken: list[str]
    query: str

    @classmethod
    def of(cls, fake: Any, query: str) -> "_Judge":
        if not getattr(fake, "contract", ""):
            return cls(None, [], query)
        from tests.tools.openapi import published  # takes a second to load

        return cls(published(fake.contract), fake.broken, query)

    def request(self, asked: Asked) -> None:
        if self.file:
            self._say(asked, self.file.wrong(self._sent(asked)))

    def answer(self, asked: Asked, said: Said) -> Said:
        if self.file and said.status < 300 and said.status != 204:
            self._say(asked, self.file.wrong_answer(self._sent(asked), said.status, said.body))
        return said

    def _sent(self, asked: Asked) -> Any:
        from tests.tools.openapi import Sent

        target = f"{asked.path}?{self.query}" if self.query else asked.path
        return Sent(asked.method, target, tuple(sorted(asked.headers.items())), asked.raw)

    def _say(self, asked: Asked, wrong: str) -> None:
        if wrong:
            self.broken.append(f"{asked.method} {asked.path}: {wrong}")
            raise AssertionError(self.broken[-1])


class _Way(httpx.MockTransport):
    """What comes later than anybody waits keeps an asynchronous caller waiting until it gives up."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except TimeoutError:
            await asyncio.Event().wait()
            raise

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except TimeoutError:
            raise httpx.ReadTimeout("late", request=request) from None


@dataclass
class Wire:
    """The way to a fake. `plan` holds what befalls the next writes, `reads` the next reads; None is nothing."""

    fake: Any
    plan: deque[Fault | None] = field(default_factory=deque)
    reads: deque[Fault | None] = field(default_factory=deque)
    log: list[Asked] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def pass_on(self, method: str, url: str, headers: Mapping[str, str], raw: bytes) -> Said:
        """One request. Raises: ConnectionError if the answer is lost."""
        parts = urlsplit(url)
        lower = {name.lower(): value for name, value in headers.items()}
        body = None
        if raw and lower.get("content-type", "") == "application/json":
            body = orjson.loads(raw)
        asked = Asked(method, unquote(parts.path), dict(parse_qsl(parts.query)), lower, body, raw)
        with self.lock:
            self.log.append(asked)
            judge = _Judge.of(self.fake, parts.query)
            judge.request(asked)
            waiting = self.plan if asked.writes else self.reads
            fault = waiting.popleft() if waiting else None
            return fault(self.fake, asked) if fault else judge.answer(asked, self.fake.handle(asked))

    def transport(self) -> httpx.MockTransport:
        """The way without a socket."""

        def answer(request: httpx.Request) -> httpx.Response:
            try:
                said = self.pass_on(request.method, str(request.url), request.headers, request.content)
            except ConnectionError:
                raise httpx.ReadError("lost", request=request) from None
            content = b"" if said.body is None else orjson.dumps(said.body)
            sent = {name.encode(): value.encode("latin-1") for name, value in said.headers.items()}
            return httpx.Response(said.status, content=content, headers=sent)

        return _Way(answer)

    @contextmanager
    def served(self) -> Iterator[str]:
        """The way through a socket of this machine; yields the address."""
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                raw = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    said = wire.pass_on(self.command, self.path, dict(self.headers), raw)
                except ConnectionError:
                    self.close_connection = True
                    return
                except TimeoutError:
                    self.rfile.read()  # until the caller gives up
                    return
                content = b"" if said.body is None else orjson.dumps(said.body)
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond  # noqa: N815 - names of the library

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
