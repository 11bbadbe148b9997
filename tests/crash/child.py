"""A real process that dies at a named point: ``python -m tests.crash.child HOME FILE POINT NTH``.

It sends FILE (JSONL of signals) through the door in batches of 20, printing ``acked <n>`` after each, works off what is
ready after each batch, and kills itself with SIGKILL when POINT is reached for the NTH time (`none` = never). At the
end it prints ``reached`` and how often each point was.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from app import open_home
from domain.audit import AuditEntry
from domain.ports.home import Home
from surfaces.door import Item, take
from surfaces.replay import time_of
from surfaces.worker import Worker, deps_of

BATCH = 20


class Bomb:
    """Counts how often each point is reached, and ends the process when its own is reached for the nth time."""

    def __init__(self, point: str, nth: int, deed: signal.Signals = signal.SIGKILL) -> None:
        self.point, self.nth, self.deed = point, nth, deed
        self.seen = Counter[str]()

    def reached(self, point: str) -> None:
        self.seen[point] += 1
        if (point, self.seen[point]) == (self.point, self.nth):
            say(self.deed.name)
            os.kill(os.getpid(), self.deed)

    def heard(self, entry: AuditEntry) -> None:
        self.reached(f"node.{entry.step}")


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def run(home: Home, lines: list[bytes], bomb: Bomb) -> None:
    clock: Any = home.clock
    worker = Worker(home, deps_of(home), batch=8, listen=bomb.heard)
    await worker.drain()
    for start in range(0, len(lines), BATCH):
        items: list[Item] = [
            (start + i, orjson.loads(line)) for i, line in enumerate(lines[start : start + BATCH])
        ]
        clock.advance(max(filter(None, map(time_of, items))))
        await take(home, items)
        say(f"acked {start + len(items)}")
        await worker.drain()


def child(home_folder: Path, file: Path, point: str, nth: int) -> None:
    bomb = Bomb(point, nth)
    with open_home(virtual_clock=True, home=home_folder, on_point=bomb.reached) as home:
        asyncio.run(run(home, file.read_bytes().splitlines(), bomb))
    say(f"reached {orjson.dumps(bomb.seen).decode()}")


if __name__ == "__main__":
    child(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
