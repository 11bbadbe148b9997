"""The dispatcher: takes actions that are due, delivers them, and ends approvals that nobody decided in time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.action import Move
from domain.effect import StepKind
from domain.errors import ConfigError, Temporary
from domain.instants import MINUTE, SECOND
from domain.ports.home import Home
from domain.ports.outbox import Taken
from domain.ports.target import Target
from graph.deliver import deliver
from surfaces.counts import Counts
from surfaces.serving import served, together

AT_ONCE: Final = 16
"""Leads that one dispatcher delivers for at the same time."""


@dataclass(slots=True)
class Tally(Counts):
    """What a dispatcher has done: attempts by their end, and approvals that ran out."""

    done: int = 0
    failed: int = 0
    put_back: int = 0
    expired: int = 0
    unknown: int = 0
    compensated: int = 0
    lost: int = 0
    """Somebody else holds the action now, or its end could not be put on record: it is taken again."""
    lapsed: int = 0
    """Approvals that nobody decided in time."""
    outages: int = 0
    """Passes that the store cut short."""

    @property
    def busy(self) -> bool:
        """Whether there was anything to do."""
        return self.attempts > 0

    def count(self, move: Move | None) -> None:
        """One attempt that ended by `move`; None: without an end on record."""
        name = "lost" if move is None else _COUNTED[move]
        setattr(self, name, getattr(self, name) + 1)

    @property
    def attempts(self) -> int:
        """Attempts in all."""
        ended = self.done + self.failed + self.put_back + self.expired + self.unknown + self.compensated
        return ended + self.lost


_COUNTED: Final[Mapping[Move, str]] = {
    Move.CONFIRM: "done",
    Move.REFUSE: "failed",
    Move.PUT_BACK: "put_back",
    Move.EXPIRE: "expired",
    Move.LOSE_TRACK: "unknown",
    Move.FINISH_UNDO: "compensated",
}
"""Where each end of an attempt is counted."""


@dataclass(slots=True)
class Dispatcher:
    """One dispatcher over one home. An attempt that takes longer than `deadline_us` is cut off and put back.

    Raises: ConfigError unless the lease is longer than the deadline: that is why leases need no heartbeat.
    """

    home: Home
    targets: Mapping[StepKind, Target]
    batch: int = 64
    lease_us: int = 15 * MINUTE
    deadline_us: int = MINUTE

    def __post_init__(self) -> None:
        """Check the relation of lease and deadline."""
        rounds = -(-self.batch // AT_ONCE)
        if self.lease_us <= rounds * self.deadline_us:
            raise ConfigError(
                f"dispatcher: a batch of {self.batch} may take {rounds * self.deadline_us // SECOND} s, but its "
                f"lease ends after {self.lease_us // SECOND} s; take a longer lease or a smaller batch"
            )

    async def drain(self) -> Tally:
        """Deliver until nothing is due at the clock's present time."""
        total = Tally()
        while True:
            done = await self.one_pass()
            total.add(done)
            if not done.busy:
                return total

    async def one_pass(self) -> Tally:
        """End approvals that ran out, then take one batch and deliver it, different leads at the same time."""
        now = self.home.clock.now()
        tally = Tally(lapsed=await self.home.approvals.expire(now=now))
        batch = await self.home.outbox.take(now=now, limit=self.batch, lease_us=self.lease_us)
        free = asyncio.Semaphore(AT_ONCE)
        for end in await together(self._one(taken, free) for taken in batch):
            tally.count(end)
        return tally

    async def serve(self, stop: asyncio.Event, *, idle_s: float = 0.2, total: Tally | None = None) -> Tally:
        """Deliver until `stop` is set, resting `idle_s` when nothing is due; an outage of the store is waited out.

        What was done is summed into `total`, also if a defect ends it.
        """
        return await served(self.one_pass, stop, Tally() if total is None else total, idle_s=idle_s)

    async def _one(self, taken: Taken, free: asyncio.Semaphore) -> Move | None:
        home = self.home
        async with free:
            if taken.lease_until - home.clock.now() <= self.deadline_us:
                # The take was slow (a busy store, a machine that slept): the lease could end before the attempt does.
                return None
            try:
                performed = await deliver(
                    taken,
                    targets=self.targets,
                    outbox=home.outbox,
                    clock=home.clock,
                    deadline_us=self.deadline_us,
                )
            except Temporary:
                # The store cannot take the end of the attempt. The lease runs out, and the steps on record tell
                # the next attempt what may have happened.
                return None
        return performed.move
