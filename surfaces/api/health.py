"""Whether this server can do its work: what it cannot do without is missing, what it can do without is degraded."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from domain.errors import LeadgraphError
from domain.ports.home import Home
from surfaces.log import Line
from surfaces.supervising import Crew

CHECK_S: Final = 2.0
"""Seconds that a check may take."""
KEPT_S: Final = 1.0
"""Seconds for which an answer is given again: whoever asks often must not keep the store busy."""
FULL: Final = 0.8
"""Share of the inbox from which it is filling up."""
NEEDED: Final = frozenset({"worker", "deliveries"})
"""Parts without which signals are taken and nothing comes of them."""
STILL_S: Final = 120.0
"""Seconds without the end of a pass after which the worker is said to hang."""


class Works(Protocol):
    """A worker as its health is seen."""

    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        ...

    def still_s(self) -> float:
        """Seconds since its last pass ended, or since it was started."""
        ...

    def answered(self, line: Line) -> None:
        """A request was answered beside it, see `surfaces.log.Told`: it gives way."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """`missing`: it cannot do its work; `degraded`: it can, with less. Each maps a name to a code."""

    missing: Mapping[str, str]
    degraded: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        words = [{"name": name, "code": code} for name, code in sorted(self.degraded.items())]
        return {"status": "degraded" if words else "ok", "degraded": words}


@dataclass(slots=True)
class Health:
    """The health of one home in one process; `worker` is None where it works elsewhere."""

    home: Home
    worker: Works | None = None
    crew: Crew | None = None
    """What works beside the answering."""
    now: Callable[[], float] = time.monotonic
    check_s: float = CHECK_S
    _kept: tuple[float, Standing] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def standing(self) -> Standing:
        """As it is now, or was a second ago."""
        async with self._turn:
            if self._kept is None or self.now() - self._kept[0] >= KEPT_S:
                self._kept = self.now(), await self._looked()
            return self._kept[1]

    async def _looked(self) -> Standing:
        missing: dict[str, str] = {}
        for name, check in (
            ("database", self._written),
            ("audit", self._audit_read),
            ("inbox", self._room),
        ):
            code = await self._checked(check)
            if code:
                missing[name] = code
        degraded = {name: state for name, state in breakers(self.home).items() if state != "closed"}
        if missing.get("inbox") == "filling":
            degraded["inbox"] = missing.pop("inbox")
        for name, code in self.crew.standing().items() if self.crew is not None else ():
            lacking = missing if code == "ended" and name in NEEDED else degraded
            lacking[name] = code
        if self.worker is not None and not self.worker.alive():
            missing["worker"] = "ended"
        elif self.worker is not None and self.worker.still_s() > STILL_S:
            degraded["worker"] = "hangs"
        return Standing(missing, degraded)

    async def _checked(self, check: Callable[[], Awaitable[str]]) -> str:
        """The code of what is wrong, empty if nothing is."""
        try:
            return await asyncio.wait_for(check(), self.check_s)
        except TimeoutError:
            return "too_slow"
        except (LeadgraphError, OSError) as error:
            return type(error).__name__.lower()

    async def _written(self) -> str:
        home = self.home
        await home.limits.reserve("readyz", per_minute=600, burst=60, now=home.clock.now())
        return ""

    async def _audit_read(self) -> str:
        def first() -> None:
            for _ in self.home.audit.rows(self.home.tenant, batch=1):
                break

        await asyncio.to_thread(first)
        return ""

    async def _room(self) -> str:
        most, waiting = int(self.home.settings.max_waiting), await self.home.inbox.waiting()
        if waiting >= most:
            return "full"
        return "filling" if waiting >= most * FULL else ""


def breakers(home: Home) -> Mapping[str, str]:
    """State of each target's breaker, and of the language model's: ``closed``, ``open`` or ``half_open``."""
    now = home.clock.now()
    guarded = {f"target:{target.name}": target for target in home.targets.values()}
    asked: dict[str, Any] = {**guarded, "model": home.model} if home.model is not None else {**guarded}
    found = {name: getattr(one, "breaker", None) for name, one in asked.items()}
    return {name: str(breaker.state(now).value) for name, breaker in found.items() if breaker is not None}
