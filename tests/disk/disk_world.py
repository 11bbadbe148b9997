"""A real home on a disk that can be full for one of its files; the embedded CRM's ledger judges."""

import asyncio
import os
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from app import open_home
from domain.action import ActionState
from domain.effect import StepKind, StepState
from domain.instants import HOUR, Instant, instant
from domain.ports.home import Home
from domain.ports.target import Target
from surfaces.dispatcher import Dispatcher
from surfaces.dispatcher import Tally as Delivered
from surfaces.door import Item, take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead
from tests.tools.store.power import Disk
from tools.targets import crm_ledger

T = TypeVar("T")
FULL, READ_ONLY, BROKEN = 13, 8, 778
"""SQLite's codes: no room, no right to write, a write that failed."""
NOBODY: Final = 65534


class Place:
    """The home, and a disk that refuses writes to the file that `full` names."""

    def __init__(self, home: Home, disk: Disk) -> None:
        self.home, self._disk = home, disk
        clock: Any = home.clock
        self.clock = clock
        self.clock.advance(instant(START + timedelta(minutes=30)))
        self.worker = Worker(home, deps_of(home))

    def full(self, file: str, code: int = FULL) -> None:
        """From now on nothing more can be written to `file` and its log."""
        self._disk.refuses = lambda name: code if Path(name).name.startswith(file) else 0

    def free(self) -> None:
        """There is room again."""
        self._disk.refuses = lambda _: 0

    def later(self, us: int = HOUR) -> None:
        self.clock.advance(Instant(self.clock.now() + us))

    async def takes(self, *names: str) -> None:
        """Hot leads come in."""
        for name in names:
            await take(self.home, list(enumerate(hot_lead(20_000, name))))

    async def takes_raw(self, item: dict[str, Any]) -> None:
        """One more signal comes in."""
        await take(self.home, [(0, item)])

    async def sends(self, targets: Mapping[StepKind, Target] | None = None) -> Delivered:
        return await Dispatcher(self.home, targets or self.home.targets).drain()

    async def until_sent(self) -> None:
        """Attempts until nothing is open any more, an hour after each other."""
        for _ in range(30):
            await self.sends()
            rows = await self.home.outbox.rows(self.home.tenant)
            if not any(row.state in (ActionState.PROPOSED, ActionState.SENDING) for row in rows):
                return
            self.later()
        raise AssertionError("some actions never end")

    async def receipts_equal_the_ledger(self) -> bool:
        """Each step that we call done is in the CRM once, and the CRM has nothing else."""
        rows = await self.home.outbox.rows(self.home.tenant)
        done = Counter(one.key for row in rows for one in row.steps if one.state is StepState.DONE)
        return done == Counter(key for key, _ in ledger(self.home)) and set(done.values()) <= {1}


def ledger(home: Home) -> list[tuple[str, str]]:
    """(key, kind) of every request that the CRM applied."""
    return crm_ledger(home.root)


def _unheard(_: str) -> None:
    return None


@contextmanager
def placed(folder: Path, disk: Disk, on_point: Callable[[str], None] = _unheard) -> Iterator[Place]:
    """A home on `disk`."""
    with open_home(virtual_clock=True, home=folder, on_point=on_point) as home:
        place = Place(home, disk)
        try:
            yield place
        finally:
            place.free()


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """A real limit of the system on this process: a write beyond `size` bytes fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without_rights() -> Iterator[None]:
    """As somebody who may not write what is read-only; root is nobody meanwhile."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Everything in `folder` may be read and not written, by its owner neither. The folder lies where all may go."""
    places = [folder, *folder.rglob("*")]
    for place in places:
        if os.geteuid() == 0:
            os.chown(place, NOBODY, NOBODY)
        place.chmod(0o500 if place.is_dir() else 0o400)
    try:
        yield
    finally:
        for place in places:
            place.chmod(0o700 if place.is_dir() else 0o600)


def now(asked: Awaitable[T]) -> T:
    """The answer, from outside a loop."""

    async def ask() -> T:
        return await asked

    return asyncio.run(ask())


def batch(name: str) -> list[Item]:
    return list(enumerate(hot_lead(20_000, name)))
