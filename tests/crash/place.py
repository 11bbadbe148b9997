"""A home on which several processes work: its folder, and a time of day that is the same for all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app import open_home
from domain.instants import instant
from domain.ports.home import Home
from tests.crash.hot import START
from tools.clock import SystemClock

BEGIN = START + timedelta(minutes=30)
"""When work begins: in the middle of a working day."""


def _unheard(_: str) -> None:
    return None


@dataclass(frozen=True)
class Place:
    """Real time goes on from where `shift` puts it; `jump` sets the machine's clock for all processes at once."""

    folder: Path
    shift: int

    @property
    def home(self) -> Path:
        """The folder of all state."""
        return self.folder / "home"

    def jump(self, by_us: int) -> None:
        """Set the machine's clock by so many microseconds from true time."""
        draft = self.folder / "jump.tmp"
        draft.write_text(str(by_us))
        draft.replace(self.folder / "jump")

    def clock(self, skew_us: int = 0) -> SystemClock:
        """The clock of one process."""
        file = self.folder / "jump"
        return SystemClock(lambda: self.shift + skew_us + int(file.read_text()))

    @contextmanager
    def beside(
        self,
        writer: str,
        *,
        skew_us: int = 0,
        on_point: Callable[[str], None] = _unheard,
        **settings: Any,
    ) -> Iterator[Home]:
        """The home, worked on beside others."""
        given = {"beside": True, "writer": writer, "max_attempts": 100, **settings}
        with open_home(home=self.home, given=given, clock=self.clock(skew_us), on_point=on_point) as home:
            yield home

    @contextmanager
    def alone(self) -> Iterator[Home]:
        """The home, once nobody else works on it."""
        with open_home(home=self.home, given={"writer": "judge"}, clock=self.clock()) as home:
            yield home


def place_in(folder: Path, begin: datetime = BEGIN) -> Place:
    """A new home below `folder`, whose clock stands at `begin` now."""
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(folder, instant(begin) - SystemClock().now())
    place.jump(0)
    return place
