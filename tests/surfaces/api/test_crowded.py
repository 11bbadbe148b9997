"""More connections than there is room for: who has us wait goes, and whoever asks in time is answered."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from uvicorn import Server

import surfaces.api.protocol as protocol
from surfaces.api.body import bytes_of
from surfaces.api.crowd import LET_GO
from surfaces.api.protocol import PIPELINED, BoundedProtocol, server_of
from surfaces.api.straight import Api, Way
from surfaces.log import Line

ROOM = 24
BIG = 4 * 1024 * 1024


class Patient(BoundedProtocol):
    """Waits long for a request, and shortly for an answer to be taken."""

    taken_s = 0.3
    look_s = 0.05


@dataclass(slots=True)
class World:
    """A server with room for few, and what it said."""

    server: Server
    lines: list[Line]
    go_on: threading.Event
    at_work: list[int] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, timeout=10)

    def connected(self) -> int:
        return len(self.server.server_state.connections)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    lines: list[Line] = []
    go_on, at_work = threading.Event(), list[int]()

    async def well(_: Request) -> Response:
        return Response("well")

    async def big(_: Request) -> Response:
        return Response(b"x" * BIG)

    async def taken(request: Request) -> Response:
        return Response(str(len(await bytes_of(request, most=1_000, within_s=60))))

    async def works(_: Request) -> Response:
        at_work.append(1)
        while not go_on.is_set():  # noqa: ASYNC110 - it is set by another thread
            await asyncio.sleep(0.01)
        return Response("done")

    ways = {
        ("GET", "/well"): Way("/well", well),
        ("GET", "/big"): Way("/big", big),
        ("POST", "/taken"): Way("/taken", taken),
        ("GET", "/works"): Way("/works", works),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "room", lambda: (ROOM, ROOM))
        server = server_of(Api(ways=ways, told=lines.append), "127.0.0.1", 0, Patient)
    running = threading.Thread(target=lambda: asyncio.run(server.serve()))
    running.start()
    until(lambda: server.started or not running.is_alive())
    try:
        yield World(server, lines, go_on, at_work)
    finally:
        go_on.set()
        server.should_exit = True
        running.join()


def until(done: Callable[[], bool], most_s: float = 10) -> None:
    """Wait until `done`, and fail if it never is."""
    end = time.monotonic() + most_s
    while not done():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def line_to(world: World, stack: ExitStack, sent: bytes = b"") -> socket.socket:
    line = stack.enter_context(socket.create_connection(("127.0.0.1", world.port), timeout=10))
    with suppress(ConnectionError):
        line.sendall(sent)
    return line


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /well HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /taken HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx",
        b"GET /well HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "a whole request, then nothing"],
)
def test_who_has_us_wait_keeps_nobody_out_however_many_they_are(world: World, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            for _ in range(ROOM):
                line_to(world, stack, sent)
            with world.client() as client:
                assert [client.get("/well").status_code for _ in range(3)] == [200] * 3
            assert world.connected() <= ROOM + 1
    assert LET_GO.labels("crowded")._value.get() > 0, "that it is full is seen"
    assert all("error" not in line for line in world.lines), "that somebody leaves is no defect of ours"


def test_when_all_are_being_answered_one_more_is_told_so_as_of_any_problem(world: World) -> None:
    world.go_on.clear()
    del world.at_work[:]
    with ExitStack() as stack:
        asking = b"GET /works HTTP/1.1\r\nHost: x\r\n\r\n"
        lines = [line_to(world, stack, asking) for _ in range(ROOM)]
        until(lambda: len(world.at_work) == ROOM)
        with world.client() as client:
            answer = client.get("/well", headers={"x-request-id": "one-too-many"})
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:leadgraph:crowded")
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.headers["retry-after"], answer.headers["connection"]) == ("1", "close")
        assert answer.headers["x-request-id"] == world.lines[-1]["request_id"] == "one-too-many"
        assert world.lines[-1]["status"] == 503
        world.go_on.set()
        assert all(b" 200 " in line.recv(4_096) for line in lines), "those who were there before are answered"
    with world.client() as client:
        until(lambda: client.get("/well").status_code == 200)


def test_who_never_takes_an_answer_is_let_go(world: World) -> None:
    with ExitStack() as stack:
        for _ in range(ROOM // 2):
            line_to(world, stack, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
        until(lambda: len(world.server.server_state.tasks) > 0)
        until(lambda: len(world.server.server_state.tasks) == 0)
        until(lambda: world.connected() == 0)


def test_who_takes_an_answer_slowly_but_in_time_gets_all_of_it(world: World) -> None:
    with ExitStack() as stack:
        line = line_to(world, stack, b"GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = sum(len(part) for part in iter(lambda: line.recv(256 * 1024), b""))
    assert got > BIG


def test_thousands_of_requests_in_one_breath_are_not_put_in_line(world: World) -> None:
    """A few may stand there, each answered in its turn."""
    asking = b"GET /well HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        line = line_to(
            world, stack, asking * PIPELINED + asking.replace(b"Host", b"Connection: close\r\nHost")
        )
        answers = b"".join(iter(lambda: line.recv(65_536), b""))
    assert answers.count(b"HTTP/1.1 200") == PIPELINED + 1
    before = len(world.lines)
    with ExitStack() as stack:
        line = line_to(world, stack, asking * 5_000)
        with suppress(ConnectionError):
            while line.recv(65_536):
                pass
    assert len(world.lines) - before <= PIPELINED
