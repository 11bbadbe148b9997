"""Replaying a file as the stream it was: through the door, the clock at the latest time seen, then the worker."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.errors import Backpressure
from domain.instants import DAY, HOUR, SECOND, Instant, instant
from domain.ports.clock import VirtualClock
from domain.ports.home import Home
from domain.ports.inbox import Accepted
from surfaces.door import Item, take
from surfaces.worker import Tally, Worker

LONGEST_JUMP = 400 * DAY
"""An item further ahead of the clock than this does not move it: one wrong date must not age everything else."""
DOOR_LIMIT = 1_000
Then = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Pace:
    """How a replay is cut into passes: after `tick_us` of stream time or `count` items the worker drains."""

    tick_us: int = 6 * 3600 * SECOND
    count: int = 5_000
    wake_us: int = HOUR
    """Timers that fall due between items are looked for at the end of each such span of stream time."""
    factor: float | None = None
    """Stream seconds per real second; None = as fast as possible."""


@dataclass(slots=True)
class Progress:
    """Running totals, told after each pass."""

    signals: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    worked: Tally = field(default_factory=Tally)
    now: Instant = Instant(0)
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        """Real seconds since the start."""
        return time.perf_counter() - self.started


async def replay(
    home: Home,
    worker: Worker,
    clock: VirtualClock,
    items: Iterable[Item],
    *,
    pace: Pace,
    told: Callable[[Progress], None],
    progress: Progress | None = None,
    then: Then | None = None,
) -> Progress:
    """Send `items` through the door and the worker in stream time; `told` hears of each pass.

    With the `progress` of an earlier call the totals go on from there. `then` follows each time the worker has
    worked everything off: what delivers actions, where a replay is to act.
    """
    progress = progress or Progress()
    latest = int(clock.now())
    for batch in _passes(items, latest, pace):
        await _due_before(worker, clock, batch.first, wake_us=pace.wake_us, progress=progress, then=then)
        if pace.factor and latest:
            await asyncio.sleep(max(0.0, (batch.latest - latest) / SECOND / pace.factor))
        latest = max(latest, batch.latest)
        clock.advance(Instant(latest))
        await _through_the_door(home, worker, batch.items, progress)
        await _work_off(worker, progress, then)
        progress.now = clock.now()
        told(progress)
    return progress


def summary(progress: Progress, counts: Mapping[str, int]) -> dict[str, int | float]:
    """The figures of a replay: this file's own counts, then what the home holds; the sum is checked by the caller."""
    seconds = max(progress.seconds, 1e-9)
    return {
        "signals": progress.signals,
        "applied": counts["applied"],
        "superseded": counts["superseded"],
        "duplicates": counts["duplicates"],
        "quarantined": counts["quarantined"],
        "parked": counts["parked"],
        "leads": counts["leads"],
        "runs": progress.worked.runs,
        "decisions": progress.worked.decisions,
        "actions": progress.worked.actions,
        "seconds": round(seconds, 3),
        "signals_per_second": round(progress.signals / seconds, 1),
        "runs_per_second": round(progress.worked.runs / seconds, 1),
    }


async def _work_off(worker: Worker, progress: Progress, then: Then | None) -> None:
    progress.worked.add(await worker.drain())
    if then is not None:
        await then()


async def _due_before(
    worker: Worker, clock: VirtualClock, first: int, *, wake_us: int, progress: Progress, then: Then | None
) -> None:
    """Let timers that fall before the next item wake their leads in the span in which they are due."""
    while True:
        due = await worker.home.work.next_due()
        if due is None or due >= first or due <= clock.now():
            return
        clock.advance(Instant(min(first, (due // wake_us + 1) * wake_us)))
        await _work_off(worker, progress, then)


async def _through_the_door(home: Home, worker: Worker, items: list[Item], progress: Progress) -> None:
    for start in range(0, len(items), DOOR_LIMIT):
        part = items[start : start + DOOR_LIMIT]
        taken = await _taken(home, worker, part, progress)
        progress.signals += len(part)
        progress.accepted += taken.accepted
        progress.duplicates += taken.duplicates
        progress.quarantined += len(taken.quarantined)


async def _taken(home: Home, worker: Worker, part: list[Item], progress: Progress) -> Accepted:
    """One batch through the door; a full inbox is worked off first, so the replay slows down instead of failing."""
    while True:
        try:
            return await take(home, part)
        except Backpressure:
            progress.worked.add(await worker.drain())


@dataclass(slots=True)
class _Batch:
    items: list[Item]
    first: int
    latest: int


def _passes(items: Iterable[Item], now: int, pace: Pace) -> Iterator[_Batch]:
    batch, first, latest = list[Item](), 0, now
    for item in items:
        at = time_of(item)
        jump = at is not None and latest and at - latest > LONGEST_JUMP
        moved = latest if at is None or jump else max(latest, at)
        if batch and (len(batch) >= pace.count or moved - first >= pace.tick_us):
            yield _Batch(batch, first, latest)
            batch, first = [], 0
        latest = moved
        first = first or latest
        batch.append(item)
    if batch:
        yield _Batch(batch, first, latest)


def time_of(item: Item) -> int | None:
    raw = item[1]
    stamp = raw.get("occurred_at") if isinstance(raw, Mapping) else None
    if isinstance(stamp, int) and not isinstance(stamp, bool):
        return stamp * 1_000
    if isinstance(stamp, str):
        try:
            return instant(datetime.fromisoformat(stamp))
        except ValueError:
            return None
    return None
