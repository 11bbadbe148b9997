"""Taking a checked history into a home: in batches through the door, each durable, the whole repeatable.

The file was gone through before the first batch; ids come from what a row says. So a second import, or one after a
crash half-way, adds only what is missing.
"""

from collections.abc import Callable, Collection, Iterator

from domain.errors import Backpressure
from domain.ports.home import Home
from domain.ports.inbox import Accepted
from learning.history.imported import Opened
from surfaces.door import LIMIT, Item, take
from surfaces.worker import Worker, deps_of


async def take_history(
    home: Home, opened: Opened, *, without: Collection[int], told: Callable[[int], None]
) -> dict[str, int]:
    """Take in the rows of `opened`, `without` some: ``accepted, duplicates, quarantined`` signals.

    `told` hears after each batch how many signals have been given. Where the inbox is full the leads that wait are
    worked off first.
    Raises: Temporary; what was taken until then stays, and comes as duplicates the next time.
    """
    figures = {"accepted": 0, "duplicates": 0, "quarantined": 0}
    worker = Worker(home, deps_of(home))
    for batch in _batches(opened, without):
        done = await _taken(home, worker, batch, opened.door.known_delay_us)
        figures["accepted"] += done.accepted
        figures["duplicates"] += done.duplicates
        figures["quarantined"] += len(done.quarantined)
        told(sum(figures.values()))
    return figures


async def _taken(home: Home, worker: Worker, batch: list[Item], delay_us: int) -> Accepted:
    while True:
        try:
            return await take(home, batch, imported=True, known_delay_us=delay_us)
        except Backpressure:
            await worker.drain()


def _batches(opened: Opened, without: Collection[int]) -> Iterator[list[Item]]:
    """Batches of at most `LIMIT`; a row stays whole in one, as no row gives that many."""
    batch: list[Item] = []
    for number, raws in opened.rows():
        if number in without:
            continue
        if batch and len(batch) + len(raws) > LIMIT:
            yield batch
            batch = []
        batch.extend((number, raw) for raw in raws)
    if batch:
        yield batch
