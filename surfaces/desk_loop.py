"""Following the desk: each conversation in which a customer wrote is read there as it is now, and decided about.

What is to be done goes into the outbox with the decision and reaches the desk from there, where it is looked at once
more. A desk that is down is waited out: nothing is decided on what was not read.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from domain.backoff import wait_us
from domain.errors import BadInput, LeadgraphError, Permanent, Temporary, Throttled
from domain.handoff import Step
from domain.instants import MINUTE, SECOND
from domain.ports.desks import Desks, DueTalk
from domain.ports.home import Home
from domain.ports.listener import Listener
from surfaces.counts import Counts
from surfaces.handoff import Desk, InHand
from surfaces.serving import served

AT_ONCE: Final = 4
"""Conversations that are read and decided about at a time; a desk allows few requests a second."""
LEASE_US: Final = 2 * MINUTE
"""Longer than reading and deciding can take."""
IN_HAND_US: Final = 3 * SECOND
"""Until a conversation is looked at again whose customer a run is handing over at this moment."""
REFUSED_US: Final = 15 * MINUTE
"""Until a conversation is asked for again that the desk does not show us."""


@dataclass(slots=True)
class Tally(Counts):
    """What became of conversations that were due."""

    handoff: int = 0
    ask_person: int = 0
    stay: int = 0
    nothing: int = 0
    """Nothing new was said, or the conversation is gone."""
    put_off: int = 0
    """The desk could not be read, or a run is handing the customer over."""
    outages: int = 0
    """Passes that the store cut short."""

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return self.handoff + self.ask_person + self.stay + self.nothing + self.put_off > 0


_COUNTED: Final = {Step.HANDOFF: "handoff", Step.ASK_PERSON: "ask_person", Step.STAY: "stay"}


@dataclass(slots=True)
class DeskLoop:
    """Follows one desk. Several processes may: each conversation is held by one of them."""

    home: Home
    desks: Desks
    desk: Desk
    batch: int = 16
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def drain(self) -> Tally:
        """Decide until nothing is due at the clock's present time."""
        total = Tally()
        while (done := await self.one_pass()).busy:
            total.add(done)
        return total

    async def one_pass(self) -> Tally:
        """One batch. Raises: Temporary (the store); what is held then falls due again."""
        home, now = self.home, self.home.clock.now()
        held = await self.desks.due.take(home.tenant, limit=self.batch, now=now, lease_us=LEASE_US)
        tally = Tally()
        for name in await asyncio.gather(*(self._one(due) for due in held)):
            setattr(tally, name, getattr(tally, name) + 1)
        return tally

    async def serve(self, stop: asyncio.Event, *, idle_s: float = 0.2) -> Tally:
        """Decide until `stop` is set; an outage of the store is waited out."""
        return await served(self.one_pass, stop, Tally(), idle_s=idle_s)

    async def _one(self, due: DueTalk) -> str:
        """Read the conversation, decide, and take it off the list; what became of it, as `Tally` names it."""
        home = self.home
        async with self._free:
            read_at = home.clock.now()
            try:
                talk = await self.desks.conversations.talk(due.conversation)
            except (Temporary, Permanent) as error:
                until = home.clock.now() + _wait(due, error)
                await self.desks.due.put_off(home.tenant, due, until=until, code=_code(error))
                return "put_off"
            answer = None
            if talk is not None:
                try:
                    answer = await self.desk.follow(talk, read_at=read_at)
                except InHand:
                    until = home.clock.now() + IN_HAND_US
                    await self.desks.due.put_off(home.tenant, due, until=until, code="in_hand")
                    return "put_off"
                except BadInput:  # a lead's key of the desk's that is none: the same would come again
                    answer = None
            await self.desks.due.settle(home.tenant, due, now=home.clock.now())
        return "nothing" if answer is None else _COUNTED[answer.decision]


def desk_loop(home: Home, listener: Listener) -> DeskLoop | None:
    """What follows the desk of `home`; None if none is followed."""
    desks = home.desk
    return DeskLoop(home, desks, Desk(home, listener, followed=desks)) if desks is not None else None


def _wait(due: DueTalk, error: LeadgraphError) -> int:
    if isinstance(error, Permanent):
        return REFUSED_US
    asked = error.retry_after_s if isinstance(error, Throttled) else 0
    return wait_us(due.attempt, due.conversation, retry_after_s=asked)


def _code(error: LeadgraphError) -> str:
    if isinstance(error, Throttled):
        return error.code
    return "temporary" if isinstance(error, Temporary) else "refused"
