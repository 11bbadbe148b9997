"""Running the talks of customers who must not be sold anything through the whole desk, in a throw-away home."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from domain.instants import HOUR, Instant, instant
from domain.ports.home import Home
from domain.ports.listener import Listener
from evals.cases import Trace
from evals.pitches import Scene, scenes
from evals.runs import Run
from evals.suites import pitch
from surfaces.cli.context import Cli
from surfaces.handoff import Desk, warm

START: Final = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
"""A Tuesday, in the middle of the working day."""


def pitch_run(tools: Cli, *, told: Callable[[str], None]) -> Run:
    """The run over all talks."""
    asked = scenes()
    listener = tools.tools.texts().listener()
    told(f"handoff: {len(asked)} talks through the desk")
    with tools.tools.throw_away_home() as home:
        found = asyncio.run(_decided(home, listener, asked))
    reasoner = tools.tools.texts().reader().name
    return Run(found, {"source": "evals/pitches.jsonl", "reasoner": reasoner})


async def _decided(home: Home, listener: Listener, asked: tuple[Scene, ...]) -> tuple[Trace, ...]:
    clock: Any = home.clock
    clock.advance(Instant(instant(START) + HOUR))
    desk, found = Desk(home, listener, deadline_s=30.0), []
    await warm(listener)
    for scene in asked:
        start = time.perf_counter()
        answer = await desk.decide(scene.talk(START))
        found.append(pitch.trace_of(scene, answer, time.perf_counter() - start))
    desk.close()
    return tuple(found)
