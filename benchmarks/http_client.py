"""A client that costs little: prepared requests over a few kept connections on loopback, each answer awaited."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

_LENGTH = b"content-length:"


@dataclass(slots=True)
class Load:
    """What came of a load: seconds of the whole, seconds of each request, answers by status."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def add(self, other: "Load") -> None:
        """Join another load that came after this one."""
        self.seconds += other.seconds
        self.took += other.took
        for status, n in other.statuses.items():
            self.statuses[status] = self.statuses.get(status, 0) + n


def post(path: str, body: bytes) -> bytes:
    """A request, ready to be sent."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def load(port: int, requests: Iterator[bytes], *, connections: int) -> Load:
    """Send every request, as many at a time as there are connections, each after the answer to the one before."""
    found = Load()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in requests:
            started = time.perf_counter()
            writer.write(request)
            status = await _answer(reader)
            found.took.append(time.perf_counter() - started)
            found.statuses[status] = found.statuses.get(status, 0) + 1
        writer.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    found.seconds = time.perf_counter() - begun
    return found


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of the next answer, which is read to its end."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_LENGTH):
            length = int(line[len(_LENGTH) :])
    await reader.readexactly(length)
    return int(head[9:12])
