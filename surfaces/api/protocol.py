"""HTTP on the wire, bounded: a request that does not arrive in time, or whose head never ends, is let go."""

import asyncio
import json
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Literal, cast

from starlette.types import ASGIApp
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from surfaces.api.crowd import LET_GO, LOOK_S, Crowd, Guest, room
from surfaces.api.framing import doubt
from surfaces.api.problems import MEDIA, crowded
from surfaces.api.straight import Api

HEAD_BYTES: Final = 32 * 1024
"""Bytes that the request line and the headers may have together."""
AROUND_BYTES: Final = 64 * 1024
"""Bytes that may stand around the chunks of a body and are none of it, beyond as many as the body has."""
PIPELINED: Final = 16
"""Requests that may be sent on one connection before the first of them is answered."""
DRAIN_S: Final = 15
"""Seconds that requests in hand may take after a stop was asked for."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. The time runs from its opening, or the first byte of a further request, to the last byte.

    Satisfies `surfaces.api.crowd.Guest`.
    """

    head_s: float = 10.0
    """Seconds in which the head of a request must have arrived."""
    body_s: float = 20.0
    """Seconds in which its body must have arrived then, whether or not anybody reads it."""
    taken_s: float = 20.0
    """Seconds in which an answer must have been taken."""
    look_s: float = LOOK_S
    """Seconds by which any of this may last longer."""
    since = 0.0
    _end: float | None = None
    """When what is waited for must be there, by the loop's clock."""
    _untaken: tuple[RequestResponseCycle | None, float] | None = None
    """The answer that is being taken, and since when it was seen so."""
    _in_head = True
    _fed = 0
    _held = 0
    _around = 0

    def __init__(self, *given: Any, crowd: Crowd, away: ASGIApp, **named: Any) -> None:
        """A connection of a `crowd`; `away` answers when there is no room for it."""
        super().__init__(*given, **named)
        self._crowd, self._away = crowd, away

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin."""
        super().connection_made(transport)
        self._within(self.head_s)
        self._crowd.joined(self, cast(set[Guest], self.connections), self.loop)

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
        if len(self.pipeline) >= PIPELINED:
            self.let_go("pipelined")
            raise ValueError("too many requests that wait for their turn")
        self._in_head, self._fed, self._around = False, 0, 0
        self._within(self.body_s)
        if self._crowd.full(cast(set[Guest], self.connections)):
            self.app = self._away
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body, around which as many bytes again may stand."""
        self._around -= 2 * len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        self._end = None
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

    def waited_for(self) -> bool:
        """Whether it has us wait."""
        cycle = cast(RequestResponseCycle | None, self.cycle)
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused

    def idle(self) -> bool:
        """Whether it has been answered, and nothing of a further request has come."""
        return self._end is None and self.waited_for() and not self.flow.write_paused

    def late(self, now: float) -> bool:
        """Whether it has had us wait for too long: for a request, or for taking an answer."""
        if self._end is not None and now >= self._end:
            return True
        if not self.transport.get_write_buffer_size():
            self._untaken = None
            return False
        if self._untaken is None or self._untaken[0] is not self.cycle:
            self._untaken = self.cycle, now
        return now - self._untaken[1] >= self.taken_s

    def let_go(self, why: str) -> None:
        """End it at once."""
        LET_GO.labels(why).inc()
        self.connections.discard(self)
        self.transport.abort()

    def _within(self, seconds: float) -> None:
        """Begin to wait for something that must be there in so many seconds."""
        self.since = self.loop.time()
        self._end = self.since + seconds

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        LET_GO.labels("refused").inc()
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


def server_of(
    api: Any,
    host: str,
    port: int,
    protocol: type[BoundedProtocol] = BoundedProtocol,
    *,
    lifespan: Literal["on", "off"] = "off",
    drain_s: int = DRAIN_S,
) -> Server:
    """A server of `api` that is not started yet; it is told of nothing that anybody sends."""
    most, coming = room()
    away = api.away if isinstance(api, Api) else crowded()
    connection = partial(protocol, crowd=Crowd(most, look_s=protocol.look_s), away=away)
    return Server(
        Config(
            api,
            host=host,
            port=port,
            http=cast(type[BoundedProtocol], connection),
            ws="none",
            lifespan=lifespan,
            log_level="error",
            access_log=False,  # addresses may hold a secret
            timeout_graceful_shutdown=drain_s,
            backlog=coming,
            server_header=False,
            proxy_headers=False,  # nobody here asks where a request comes from
        )
    )
