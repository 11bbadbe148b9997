"""What goes on beside a server, or makes up a worker, is kept going: a part that ends unasked is begun again.

Each end is told, counted, and seen in `Crew.standing` until the part has gone well for a while.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from surfaces.log import Told, defect_of, unheard
from surfaces.serving import rest

Part = Callable[[asyncio.Event], Awaitable[object]]
"""Goes on until the event is set; what it holds then it finishes or gives back."""
PAUSES: Final = (1.0, 5.0, 20.0, 60.0)
"""Seconds before a part is begun again, by how often in a row it ended unasked."""
WELL_S: Final = 60.0
"""Seconds after which a part that was begun again is said to be well."""


@dataclass(slots=True)
class Crew:
    """Keeps parts going, also of several loops in threads of their own. `told` hears of each unasked end."""

    told: Told = unheard
    pauses: Sequence[float] = PAUSES
    well_s: float = WELL_S
    now: Callable[[], float] = time.monotonic
    failures: dict[str, int] = field(default_factory=dict)
    """Part -> how often it ended unasked, or got over a defect."""
    _begun_again: dict[str, float | None] = field(default_factory=dict)
    """Part -> when it was; None while it waits for that."""

    async def keep(self, parts: Mapping[str, Part], stop: asyncio.Event) -> None:
        """Keep `parts` going until `stop` is set and each has ended. One that fails does nothing to the others."""
        await asyncio.gather(*(self._kept(name, part, stop) for name, part in parts.items()))

    def standing(self) -> Mapping[str, str]:
        """Parts that are not well: ``ended``, or ``begun_again`` a short while ago."""
        known = dict(self._begun_again)
        return {
            name: "ended" if at is None else "begun_again"
            for name, at in known.items()
            if at is None or self.now() - at < self.well_s
        }

    def note(self, name: str, error: BaseException | None, *, again_in_s: float | None = None) -> None:
        """Count and tell a defect of a part; None: it ended without any."""
        self.failures[name] = self.failures.get(name, 0) + 1
        why = {"error": "none", "at": ""} if error is None else defect_of(error)
        self.told({"part": name, **why, "again_in_s": again_in_s})

    async def _kept(self, name: str, part: Part, stop: asyncio.Event) -> None:
        self.failures.setdefault(name, 0)
        row = 0
        while not stop.is_set():
            began = self.now()
            error = await _end_of(part, stop)
            if stop.is_set():
                if error is not None:
                    self.note(name, error)
                return
            row = 1 if self.now() - began >= self.well_s else row + 1
            pause = self.pauses[min(row, len(self.pauses)) - 1]
            self._begun_again[name] = None
            self.note(name, error, again_in_s=pause)
            await rest(stop, pause)
            self._begun_again[name] = self.now()


async def _end_of(part: Part, stop: asyncio.Event) -> Exception | None:
    """What ended the part, None if nothing did."""
    try:
        await part(stop)
    except Exception as error:  # noqa: BLE001 - where every defect of a part ends: it is told and counted, and the part begun again
        return error
    return None
