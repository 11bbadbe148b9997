"""A client that costs little: prepared requests over a few kept connections on loopback, each answer awaited."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

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


def post(path: str, body: bytes, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """A request with a JSON body, ready to be sent."""
    told = {
        "host": "localhost",
        "content-type": "application/json",
        **headers,
        "content-length": str(len(body)),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


class Wire:
    """One connection, made when it is needed and kept; after a failure a new one is made for the next request."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises: OSError if none came back whole."""
        try:
            if self._ends is None:
                self._ends = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._ends
            writer.write(request)
            return await _answer(reader)
        except asyncio.IncompleteReadError as error:
            await self.close()
            raise ConnectionResetError("the server went away") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Let go of the connection."""
        ends, self._ends = self._ends, None
        if ends is not None:
            ends[1].close()
            with suppress(OSError):
                await ends[1].wait_closed()


async def load(port: int, requests: Iterator[bytes], *, connections: int) -> Load:
    """Send every request, as many at a time as there are connections, each after the answer to the one before."""
    found = Load()

    async def one() -> None:
        wire = Wire(port)
        for request in requests:
            started = time.perf_counter()
            status, _ = await wire.ask(request)
            found.took.append(time.perf_counter() - started)
            found.statuses[status] = found.statuses.get(status, 0) + 1
        await wire.close()

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(connections)))
    found.seconds = time.perf_counter() - begun
    return found


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Status and body of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_LENGTH):
            length = int(line[len(_LENGTH) :])
    return int(head[9:12]), await reader.readexactly(length)
