"""HTTP on the wire, bounded: a request that does not arrive in time, or whose head never ends, is let go."""

import asyncio
import json
from http import HTTPStatus
from typing import Any, Final

from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from surfaces.api.framing import doubt
from surfaces.api.problems import MEDIA

HEAD_BYTES: Final = 32 * 1024
"""Bytes that the request line and the headers may have together."""
AROUND_BYTES: Final = 64 * 1024
"""Bytes that may stand around the chunks of a body and are none of it, beyond as many as the body has."""
CONNECTIONS: Final = 256
DRAIN_S: Final = 15
"""Seconds that requests in hand may take after a stop was asked for."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. The time runs from its opening, or the first byte of a further request, to the last byte."""

    head_s: float = 10.0
    """Seconds in which the head of a request must have arrived."""
    body_s: float = 20.0
    """Seconds in which its body must have arrived then, whether or not anybody reads it."""
    _timer: asyncio.TimerHandle | None = None
    _end: float | None = None
    """When what is waited for must be there, by the loop's clock."""
    _in_head = True
    _fed = 0
    _held = 0
    _around = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin."""
        super().connection_made(transport)
        self._within(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end = None
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; a head that goes on and on is not waited for."""
        self._fed += len(data) if self._in_head else 0
        self._around += 0 if self._in_head else len(data)
        super().data_received(data)
        if self._in_head and self._fed > HEAD_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too large")
        elif not self._in_head and self._around > AROUND_BYTES and not self.transport.is_closing():
            self._refuse(HTTPStatus.BAD_REQUEST, "more stands around the chunks than in them")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head, self._held = True, 0
        self._within(self.head_s)

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._hold(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header. What follows a body as one is let go: it would stand among those that were looked at before."""
        self._hold(len(name) + len(value))
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if words := doubt(self.parser.get_http_version(), self.url, self.headers):
            raise ValueError(words)
        self._in_head, self._fed, self._around = False, 0, 0
        self._within(self.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, around which as many bytes again may stand."""
        self._around -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._within(None)
        self._in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words; ours follow
        """What is no HTTP, or not as we take it."""
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.BAD_REQUEST, "is no HTTP request as it is taken here")

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > HEAD_BYTES:
            raise ValueError("the head is too large")  # the parser makes a bad request of it

    def _within(self, seconds: float | None) -> None:
        """Set the end, or none. One timer runs over many requests: it looks again when it was too early."""
        self._end = None if seconds is None else self.loop.time() + seconds
        if self._end is not None and (self._timer is None or self._timer.when() > self._end):
            self._look_at(self._end)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._end is None or self.transport.is_closing():
            return
        if self._end > self.loop.time():
            self._look_at(self._end)
        else:
            self.transport.abort()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        code = status.phrase.lower().replace(" ", "_")
        body = json.dumps(
            {"type": f"urn:leadgraph:{code}", "title": status.phrase, "status": status, "detail": detail}
        )
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: {MEDIA}\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()


def server_of(api: Any, host: str, port: int, protocol: type[HttpToolsProtocol] = BoundedProtocol) -> Server:
    """A server of `api` that is not started yet; it is told of nothing that anybody sends."""
    return Server(
        Config(
            api,
            host=host,
            port=port,
            http=protocol,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,  # addresses may hold a secret
            timeout_graceful_shutdown=DRAIN_S,
            limit_concurrency=CONNECTIONS,
            server_header=False,
            proxy_headers=False,  # nobody here asks where a request comes from
        )
    )
