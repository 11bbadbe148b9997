"""A worker in the process of a server: in a thread and on a loop of its own, so that no answer waits for a run."""

import asyncio
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Final

from domain.ports.home import Home
from graph.run import Ran
from surfaces.log import Line
from surfaces.supervising import Crew
from surfaces.worker import Worker, deps_of

_SECOND_US: Final = 1_000_000


def worker_of(home: Home) -> Worker:
    """A worker by the settings of the home."""
    settings = home.settings
    return Worker(home, deps_of(home), batch=settings.batch, lease_us=settings.lease_s * _SECOND_US)


class Working:
    """Works from `start` until `stop`. The loop is its own: nothing of a home that is bound to a loop is shared.

    Satisfies `surfaces.api.health.Works`.
    """

    def __init__(self, worker: Worker, crew: Crew, *, decided: Callable[[Ran], None] | None = None) -> None:
        """`crew` keeps it going; `decided` is told of each committed run, in the worker's thread."""
        self._worker, self._crew, self._ready = worker, crew, Event()
        self._thread = Thread(target=self._run, name="worker")
        self._stop: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._last = time.monotonic()
        worker.passed = self._passed
        if decided is not None:
            worker.decided = decided

    def start(self) -> None:
        """Begin."""
        self._last = time.monotonic()
        self._thread.start()
        self._ready.wait()

    async def stop(self) -> None:
        """Let the pass in hand end: what it claimed is committed or given back."""
        if self._stop is not None and self._thread.is_alive():
            loop, stop = self._stop
            loop.call_soon_threadsafe(stop.set)
        await asyncio.to_thread(self._thread.join)

    def alive(self) -> bool:
        """Whether its thread has not ended by itself."""
        return self._thread.is_alive()

    def still_s(self) -> float:
        """Seconds since its last pass ended, or since it was started."""
        return time.monotonic() - self._last

    def answered(self, _: Line) -> None:
        """A request was answered: see `surfaces.giving_way`."""
        self._worker.doors.answered()

    def _passed(self) -> None:
        self._last = time.monotonic()

    def _run(self) -> None:
        try:
            asyncio.run(self._work())
        except Exception as error:  # noqa: BLE001 - the end of a thread: the server goes on and says that it is not well
            self._crew.note("worker", error)
        finally:
            self._ready.set()

    async def _work(self) -> None:
        stop = asyncio.Event()
        self._stop = asyncio.get_running_loop(), stop
        self._ready.set()
        await self._worker.serve(stop, self._crew)
