"""Tidying: what has served its time is dropped, and what vendors' notes say of leads that are to be forgotten."""

import asyncio
from dataclasses import dataclass
from typing import Final

from domain.instants import DAY, MINUTE
from domain.ports.home import Home
from surfaces.counts import Counts
from surfaces.serving import served

EVERY: Final = MINUTE
"""How often one round is made."""
LEADS: Final = 500
"""Leads to be forgotten that a round looks at; the next one goes on from there, and over all of them again."""
RECORDS: Final = 1_000
"""Records that a round drops."""
KEPT: Final = 30 * DAY
"""How long it is remembered that a record was read, or could not be."""
IDLE_S: Final = 1.0


@dataclass(slots=True)
class Tidied(Counts):
    """What was dropped."""

    records: int = 0
    places: int = 0
    """Records at vendors of which is not known any more whose they are."""
    outages: int = 0

    @property
    def busy(self) -> bool:
        """Never: a round is no reason for the next."""
        return False


@dataclass(slots=True)
class Tidying:
    """Round after round. Several processes may do it at a time."""

    home: Home
    _again_at: int = 0
    _after: str = ""
    """The last lead that was looked at."""

    async def turn(self) -> Tidied:
        """A round, if it is time for one. Raises: Temporary if the store or the notes cannot be used."""
        home, now, tidied = self.home, self.home.clock.now(), Tidied()
        if now < self._again_at:
            return tidied
        self._again_at = now + EVERY
        if home.upstream is not None:
            tidied.records = await home.upstream.todos.prune(home.tenant, before=now - KEPT, limit=RECORDS)
        if home.notes:
            tidied.places = await self._forget()
        return tidied

    async def serve(self, stop: asyncio.Event) -> Tidied:
        """Round after round until `stop` is set."""
        return await served(self.turn, stop, Tidied(), idle_s=IDLE_S)

    async def _forget(self) -> int:
        """A lead that is written to after this round is forgotten in a later one."""
        home = self.home
        found = await home.reads.forgotten(home.tenant, after=self._after, limit=LEADS)
        leads = [one for parts in found.values() for one in parts]
        forgotten = 0
        for notes in home.notes:
            await notes.drop_old()
            forgotten += await notes.forget(home.tenant, leads)
        self._after = max(found) if len(found) == LEADS else ""
        return forgotten
