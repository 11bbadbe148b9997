"""A real process that dies at a named point: ``python -m tests.crash.child HOME FILE POINT NTH``.

It sends FILE (JSONL of signals) through the door in batches of 20, printing ``acked <n>`` after each, works off what is
ready after each batch, and kills itself with SIGKILL when POINT is reached for the NTH time (`none` = never).
"""

import asyncio
import os
import signal
import sys
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
    """Counts how often its point is reached, and kills the process at the nth time."""

    def __init__(self, point: str, nth: int) -> None:
        self.point, self.left = point, nth

    def reached(self, point: str) -> None:
        if point != self.point:
            return
        self.left -= 1
        if self.left == 0:
            sys.stdout.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(self, entry: AuditEntry) -> None:
        self.reached(f"node.{entry.step}")


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
        sys.stdout.write(f"acked {start + len(items)}\n")
        sys.stdout.flush()
        await worker.drain()


def main() -> None:
    home_folder, file, point, nth = sys.argv[1:5]
    bomb = Bomb(point, int(nth))
    lines = Path(file).read_bytes().splitlines()
    with open_home(virtual_clock=True, home=Path(home_folder), on_point=bomb.reached) as home:
        asyncio.run(run(home, lines, bomb))
    sys.stdout.write("finished\n")


if __name__ == "__main__":
    main()
