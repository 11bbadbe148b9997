"""One thread that does what it is asked in turn; what somebody waits for at a door goes before the rest."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from threading import Condition, Thread
from typing import Any, Final, TypeVar

T = TypeVar("T")
IN_A_ROW: Final = 8
"""How often a door goes before what waits: then one of the rest has its turn, as it may be what empties the queue."""


class Turns:
    """The thread. Of two of a rank the one that was asked first goes first; nothing that runs is interrupted.

    However many come to the door, the rest goes on, one of it after `IN_A_ROW` of them.
    """

    def __init__(self, name: str) -> None:
        self._first: Final[deque[Callable[[], None]]] = deque()
        self._rest: Final[deque[Callable[[], None]]] = deque()
        self._asked, self._ended = Condition(), False
        self._row = 0
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[..., T], *given: Any, first: bool = False) -> "Future[T]":
        """Have `work` done, `first` of what waits. Raises: RuntimeError after the end."""
        future: Future[T] = Future()

        def turn() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work(*given))
            except BaseException as error:  # noqa: BLE001 - handed on to whoever waits, whatever it is
                future.set_exception(error)

        with self._asked:
            if self._ended:
                raise RuntimeError("nothing can be asked for after the end")
            (self._first if first else self._rest).append(turn)
            self._asked.notify()
        return future

    def shutdown(self) -> None:
        """Do what was asked for, then end."""
        with self._asked:
            self._ended = True
            self._asked.notify()
        self._thread.join()

    def _run(self) -> None:
        while (turn := self._next()) is not None:
            turn()
            del turn  # it holds what came of it, which nobody here needs while the next one is waited for

    def _next(self) -> Callable[[], None] | None:
        with self._asked:
            while not (self._first or self._rest):
                if self._ended:
                    return None
                self._asked.wait()
            if self._first and not (self._rest and self._row >= IN_A_ROW):
                self._row = self._row + 1 if self._rest else 0
                return self._first.popleft()
            self._row = 0
            return self._rest.popleft()
