"""Clocks: the system's, and the virtual one of a replay."""

import time
from collections.abc import Callable
from pathlib import Path

from domain.errors import ConfigError
from domain.instants import Instant, iso


def _true() -> int:
    return 0


class SystemClock:
    """Real time; never runs backwards within the process even if the machine's clock does."""

    def __init__(self, shift: Callable[[], int] = _true) -> None:
        """`shift` says by how many microseconds the machine's clock is off; tests set it."""
        self._latest, self._shift = 0, shift

    def now(self) -> Instant:
        """The present Instant."""
        self._latest = max(self._latest, time.time_ns() // 1_000 + self._shift())
        return Instant(self._latest)


class ReplayClock:
    """The latest time seen so far in the stream. Kept in a file of the home, so that later commands agree with it."""

    def __init__(self, start: Instant = Instant(0), file: Path | None = None) -> None:
        """Start at `start`, or at what `file` holds if that is later.

        Raises: ConfigError if `file` does not hold a time.
        """
        self._file = file
        self._now = max(int(start), stored_time(file) or 0)

    def now(self) -> Instant:
        """The latest time seen."""
        return Instant(self._now)

    def advance(self, to: Instant) -> None:
        """Move forward to `to`; an earlier time is ignored."""
        self._now = max(self._now, to)

    def save(self) -> None:
        """Write the time to the home's file, atomically."""
        if self._file is None:
            return
        draft = self._file.with_suffix(".tmp")
        draft.write_text(f"{self._now}\n{iso(Instant(self._now))}\n", encoding="utf-8")
        draft.replace(self._file)


def stored_time(file: Path | None) -> Instant | None:
    """The time that a replay left in `file`, None if there was no replay.

    Raises: ConfigError if the file was damaged.
    """
    if file is None or not file.is_file():
        return None
    try:
        return Instant(int(file.read_text(encoding="utf-8").split()[0]))
    except (ValueError, IndexError) as error:
        raise ConfigError(f"{file}: not a replay time; delete the file to go back to real time") from error
