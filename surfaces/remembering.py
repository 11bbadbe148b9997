"""Remembering: what was said is given to memory after its commit, and recalled for the next run before it begins."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.decision import RunInput
from domain.errors import Temporary
from domain.ids import Region, TenantId
from domain.instants import SECOND
from domain.memory import Upkeep
from domain.ports.home import Home
from domain.ports.memory import Memory, MemoryBook
from domain.signal import Signal
from graph.thinking import REDO
from surfaces.counts import Counts
from surfaces.serving import served

LEADS_A_TURN = 256
TEXTS_A_TURN = 64
"""So many texts take a core half a second."""
IDLE_S = 0.2
"""Rest when memory is in step."""
PAUSE = 30 * SECOND
"""How long memory is left alone after an outage."""


async def recalled(home: Home, given: RunInput) -> RunInput:
    """`given` with what memory holds on its new texts, by value; unchanged where nothing new was said.

    A language model reads the texts that were recalled beside the recent ones; the local reader does not.
    """
    memory, record, lead = home.memory, home.remembered, given.lead
    if memory is None or record is None or lead.suppressed:
        return given
    said = _said(given)
    if not said:
        return given
    new = {signal.signal_id for signal in said}
    earlier = await record.known(lead.tenant, lead.lead_id, before=given.as_of)
    known = [ref for ref in earlier if ref not in new]
    recall = await memory.recall(lead, said, known=known, before=given.as_of)
    if home.model is None:
        return replace(given, recall=recall)
    at_hand = {signal.signal_id for signal in given.recent}
    missing = [one.ref for one in recall.refs if one.ref not in at_hand]
    texts = await record.texts(lead.tenant, lead.lead_id, missing) if missing else ()
    recent = sorted((*given.recent, *texts), key=lambda one: (one.occurred_at, one.signal_id))
    return replace(given, recall=recall, recent=tuple(recent))


def _said(given: RunInput) -> Sequence[Signal]:
    """The new signals if there are words of the lead's own in them; in a run made again the newest words before."""
    if any(signal.own_words and signal.text for signal in given.new):
        return given.new
    before = [signal for signal in given.recent if signal.own_words and signal.text]
    if given.reason != REDO or not before:
        return ()
    return (max(before, key=lambda one: (one.occurred_at, one.signal_id)),)


@dataclass(slots=True)
class Kept(Counts):
    """What was brought in step."""

    leads: int = 0
    outages: int = 0

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.leads)


@dataclass(slots=True)
class Remembering:
    """Keeps memory in step."""

    home: Home
    again_at: int = 0
    """Not before this Instant, after an outage."""

    async def turn(self) -> int:
        """One batch of what is out of step; how many leads that was.

        An outage of memory is waited out. Raises: Temporary if the store cannot be used.
        """
        memory, record = self.home.memory, self.home.remembered
        now = self.home.clock.now()
        if memory is None or record is None or now < self.again_at:
            return 0
        places = await record.places()
        try:
            return sum([await keep_up(memory, record, *place) for place in places])
        except Temporary:
            self.again_at = now + PAUSE
            return 0

    async def serve(self, stop: asyncio.Event, *, total: Kept) -> Kept:
        """Turn after turn until `stop` is set, summed into `total`."""

        async def one_pass() -> Kept:
            return Kept(await self.turn())

        return await served(one_pass, stop, total, idle_s=IDLE_S)


async def keep_up(memory: Memory, record: MemoryBook, tenant: TenantId, region: Region) -> int:
    """One batch of leads brought in step; how many. Interrupted anywhere, it is done again. Raises: Temporary."""
    await _same_book(memory, record, tenant, region)
    todo = await record.upkeep(tenant, region, leads=LEADS_A_TURN, texts=TEXTS_A_TURN)
    await _give(memory, todo)
    await record.settle(todo)
    return len(todo.leads) + (not todo.whole)


async def _same_book(memory: Memory, record: MemoryBook, tenant: TenantId, region: Region) -> None:
    """A book that the record does not know is begun anew: nobody could forget what is in it."""
    if not await record.open_book(tenant, region, await memory.book(tenant, region)):
        return
    if await memory.count(tenant, region):
        await memory.clear(tenant, region)
        await record.open_book(tenant, region, await memory.book(tenant, region))


async def _give(memory: Memory, todo: Upkeep) -> None:
    await memory.forget(todo.tenant, todo.region, todo.drop)
    if todo.keep or todo.outcomes:
        cases = {ref for ref, _, _ in todo.outcomes}
        await memory.remember(todo.tenant, todo.region, todo.keep, cases=cases)


async def rebuild(
    memory: Memory, record: MemoryBook, tenant: TenantId, region: Region, told: Callable[[int], None]
) -> int:
    """Begin memory anew from the store; `told` hears how many leads are in step. Raises: Temporary."""
    await memory.clear(tenant, region)
    done = 0
    while some := await keep_up(memory, record, tenant, region):
        done += some
        told(done)
    return done
