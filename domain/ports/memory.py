"""Memory of what was said: a lead's own words by their meaning, and how similar cases of others ended."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from domain.ids import LeadId, Region, TenantId
from domain.lead import LeadState
from domain.memory import Case, Recall, Upkeep
from domain.signal import Signal


class Memory(Protocol):
    """Vectors of texts. Texts themselves are never given back, only refs known to our own store."""

    @property
    def name(self) -> str:
        """Of what turns texts into vectors."""
        ...

    async def recall(
        self, lead: LeadState, new: Sequence[Signal], *, known: Sequence[str], before: int
    ) -> Recall:
        """What bears on the texts in `new`: refs out of `known`, and cases whose outcome was known before `before`.

        `known` are refs of the lead's own earlier texts. Never raises for an outage of memory: the answer says so
        (`degraded`).
        """
        ...

    async def remember(
        self, tenant: TenantId, region: Region, signals: Sequence[Signal], *, cases: Collection[str] = ()
    ) -> None:
        """Keep the vectors of their texts; again is the same. Texts of `cases`, kept now or before, serve others.

        Raises: Temporary.
        """
        ...

    async def forget(self, tenant: TenantId, region: Region, refs: Sequence[str]) -> None:
        """Remove them; again is the same. Raises: Temporary."""
        ...

    async def book(self, tenant: TenantId, region: Region) -> str:
        """Which set of vectors this is: another one once they were lost or made anew. Raises: Temporary."""
        ...

    async def clear(self, tenant: TenantId, region: Region) -> None:
        """Begin an empty book, also where the old one cannot be read. Raises: Temporary."""
        ...

    async def count(self, tenant: TenantId, region: Region) -> int:
        """Vectors of texts that are there. Raises: Temporary."""
        ...


class Cases(Protocol):
    """What our own record says of leads whose talks have ended."""

    async def enough(self, tenant: TenantId, region: Region, *, before: int, floor: int) -> bool:
        """Whether at least `floor` texts of cases are there whose outcome was known before the Instant `before`."""
        ...

    async def cases(
        self, tenant: TenantId, region: Region, refs: Sequence[str], *, before: int
    ) -> Sequence[Case]:
        """Those of `refs` that are texts of cases whose outcome was known before the Instant `before`."""
        ...


class MemoryBook(Cases, Protocol):
    """Our own record of what memory was given: nothing it says counts that is not written here."""

    async def known(
        self, tenant: TenantId, lead_id: LeadId, *, before: int, limit: int = 1_000
    ) -> Sequence[str]:
        """Refs of the lead's texts in memory that occurred before the Instant `before`, the newest first."""
        ...

    async def texts(self, tenant: TenantId, lead_id: LeadId, refs: Sequence[str]) -> Sequence[Signal]:
        """The signals behind `refs`, as far as they are this lead's."""
        ...

    async def places(self) -> Sequence[tuple[TenantId, Region]]:
        """Where leads are out of step with memory."""
        ...

    async def upkeep(self, tenant: TenantId, region: Region, *, leads: int, texts: int) -> Upkeep:
        """What is to be done for up to `leads` leads; what will be given to memory is on record before it is given."""
        ...

    async def settle(self, done: Upkeep) -> None:
        """What `done` asked for was done."""
        ...

    async def open_book(self, tenant: TenantId, region: Region, book: str) -> bool:
        """Memory's book is `book`. Where it was another before, all is to be remembered anew: True."""
        ...

    async def tally(self, tenant: TenantId, region: Region) -> Mapping[str, int]:
        """``texts`` and ``cases`` in memory by this record, ``due``: leads that are out of step."""
        ...
