"""Real processes that can be killed, stopped and continued. Each is forked from one that has everything loaded."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 120.0
"""How long anything may take that is waited for."""
LOOK_S: Final = 0.02


@dataclass(eq=False)
class Child:
    """One process, and the file to which it writes what it says and why it failed."""

    process: ForkServerProcess
    file: Path

    @property
    def said(self) -> str:
        """What it has written so far."""
        return self.file.read_text("utf-8") if self.file.exists() else ""

    @property
    def alive(self) -> bool:
        """Whether it has not ended; a stopped one is alive."""
        return self.process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.process.pid is not None and self.alive:
            os.kill(self.process.pid, number)

    def ended(self) -> int:
        """Wait for its end: the exit code, negative for the signal that killed it."""
        self.process.join(PATIENCE_S)
        code = self.process.exitcode
        if code is None:
            self.send(signal.SIGKILL)
            self.process.join(PATIENCE_S)
            raise AssertionError(f"a process did not end:\n{self.said[-2000:]}")
        self.process.close()
        return code

    def until(self, word: str) -> None:
        """Wait until it has said `word` on a line of its own."""
        wait(lambda: word in self.said.splitlines() or not self.alive, f"a process says {word!r}")
        assert word in self.said.splitlines(), f"it ended without saying {word!r}:\n{self.said[-2000:]}"


def start(run: Callable[..., None], *given: object, file: Path) -> Child:
    """Start a process that calls `run` with `given`; what it writes is appended to `file`."""
    process = _context().Process(target=_begin, args=(run, given, file), daemon=True)
    process.start()
    return Child(process, file)


def wait(done: Callable[[], bool], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Look again and again until `done`. Raises: AssertionError if `what` does not come about."""
    end = time.monotonic() + patience_s
    while not done():
        assert time.monotonic() < end, f"in vain waited until {what}"
        time.sleep(LOOK_S)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.crash.warm"])
    return context


def _begin(run: Callable[..., None], given: tuple[object, ...], file: Path) -> None:
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    run(*given)
    sys.stdout.flush()
