"""What the processes on one home do: workers work, and one sends signals through the door and decides approvals."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TextIO, TypeVar

import orjson

from domain.errors import Backpressure, Temporary
from domain.ports.home import Home
from surfaces.cli.worker import work
from surfaces.dispatcher import Dispatcher
from surfaces.dispatcher import Tally as Delivered
from surfaces.door import Item, take
from surfaces.worker import Tally, Worker, deps_of
from tests.crash.acting import approve_all, mined
from tests.crash.child import Bomb, say
from tests.crash.place import Place
from tests.crash.processes import wait
from tests.surfaces.strict import strict

BATCH = 8
T = TypeVar("T")


def worker(place: Place, writer: str, skew_us: int = 0) -> None:
    """A worker as the command line starts it, until SIGTERM."""
    with place.beside(writer, skew_us=skew_us) as home:
        say("open")
        worked, delivered = asyncio.run(work(home))
    say(f"worked {orjson.dumps([worked.document(), delivered.document()]).decode()}")


def door(place: Place, file: Path, acked: Path, pause_s: float) -> None:
    """Send the lines of `file` from where the last one in `acked` was, and decide approvals, until SIGTERM."""
    sent = int(acked.read_text().split()[-1]) if acked.exists() else 0
    lines = [(n, orjson.loads(line)) for n, line in enumerate(file.read_bytes().splitlines())]
    with place.beside("door") as home, acked.open("a") as book:
        say("open")
        asyncio.run(_send(home, lines[sent:], book, pause_s))


async def _send(home: Home, waiting: list[Item], book: TextIO, pause_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not stop.is_set():
        batch, waiting = waiting[:BATCH], waiting[BATCH:]
        if batch:
            await in_time(partial(take, home, batch))
            book.write(f"{batch[-1][0] + 1}\n")
            book.flush()
        await in_time(partial(approve_all, home))
        await asyncio.sleep(pause_s)


async def in_time(call: Callable[[], Awaitable[T]]) -> T:
    """The answer of `call`, however often the store or the door says: later."""
    while True:
        with suppress(Temporary, Backpressure):
            return await call()
        await asyncio.sleep(0.2)


def halted(place: Place, writer: str, point: str, lease_us: int, skew_us: int = 0) -> None:
    """A worker that stops when `point` is first reached (SIGSTOP); continued, it goes on as if nothing had been.

    It begins once the file ``go-<writer>`` is there and ends by SIGTERM. Leases are `lease_us`.
    """
    bomb = Bomb(point, 1, signal.SIGSTOP)
    with place.beside(writer, skew_us=skew_us, on_point=bomb.reached) as home:
        say("open")
        wait((place.folder / f"go-{writer}").exists, "it may begin")
        worked, delivered = asyncio.run(_work(home, lease_us, bomb))
    say(f"worked {orjson.dumps(Counter(worked.document()) + Counter(delivered.document())).decode()}")


async def _work(home: Home, lease_us: int, bomb: Bomb) -> tuple[Tally, Delivered]:
    worker = Worker(home, deps_of(home), lease_us=lease_us, listen=bomb.heard)
    dispatcher = Dispatcher(home, mined(home, bomb), batch=1, lease_us=lease_us, deadline_us=lease_us // 2)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worked, delivered = await asyncio.gather(worker.serve(stop, strict()), dispatcher.serve(stop))
    return worked, delivered
