"""Scoring beside a run: on a thread of its own, after the run's own score is made, and seen by the audit row alone."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Final

from domain.assessment import Assessment
from domain.audit import AuditValue

PATIENCE_S: Final = 0.25
"""Seconds that a run waits for what it does not need."""
Look = Callable[[], Assessment]


class Shadow:
    """At most one look at a time: while one hangs, the next ones are skipped and say so."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        """`patience_s`: how long a look may take before it counts as slow."""
        self._patience_s = patience_s
        self._thread: Thread | None = None

    async def detail(self, version: str, look: Look) -> Mapping[str, AuditValue]:
        """What `look` saw, in codes for an audit row. It never raises and never takes longer than its patience."""
        if self._thread is not None and self._thread.is_alive():
            return {"shadow": version, "shadow_code": "busy"}
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Mapping[str, AuditValue]] = loop.create_future()

        def work() -> None:
            found = _looked(look)
            with suppress(RuntimeError):  # the loop may be gone by then
                loop.call_soon_threadsafe(_answer, answer, found)

        self._thread = Thread(target=work, name="shadow", daemon=True)
        self._thread.start()
        try:
            async with asyncio.timeout(self._patience_s):
                return {"shadow": version, **await answer}
        except TimeoutError:
            return {"shadow": version, "shadow_code": "slow"}


def _looked(look: Look) -> Mapping[str, AuditValue]:
    try:
        seen = look()
        return {
            "shadow_code": "ok",
            "shadow_points": int(seen.score.points),
            "shadow_band": seen.band.band.value,
        }
    except Exception as error:  # noqa: BLE001 - whatever a shadow does, the run goes on
        return {"shadow_code": f"error:{type(error).__name__}"}


def _answer(answer: asyncio.Future[Mapping[str, AuditValue]], found: Mapping[str, AuditValue]) -> None:
    if not answer.done():
        answer.set_result(found)
