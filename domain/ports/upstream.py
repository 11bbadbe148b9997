"""What vendors know and have not said: records to be read back, and looking for what was never sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.ids import Region, TenantId
from domain.ports.sources import RawItem
from domain.signal import KeyKind, LeadKey


@dataclass(frozen=True, slots=True)
class Record:
    """A record at a vendor that said less than there is to know: `since` then (Instant) something happened to it."""

    vendor: str
    object: str
    """As the vendor's receiver calls it: ``contact``, ``company``, ``Lead``, ``conversation`` ..."""
    ref: str
    """The vendor's id of it."""
    since: int
    back_to: int | None = None
    """What it says of before then need not be read; None: not before `since`."""
    kind: KeyKind | None = KeyKind.CRM_ID
    """The kind of key by which the lead has it; None: it is nobody's by itself, as a company."""

    @property
    def key(self) -> LeadKey | None:
        """The lead's key."""
        return None if self.kind is None else LeadKey(self.kind, f"{self.vendor}:{self.ref}")


@dataclass(frozen=True, slots=True)
class Todo:
    """A record that was taken to be read. `mark` tells if it was asked for again meanwhile."""

    record: Record
    mark: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a vendor tells of one record: items for the door, and a code: ``read``, ``gone``, ``forbidden``."""

    items: tuple[RawItem, ...] = ()
    code: str = "read"


class Reader(Protocol):
    """Reads one vendor's records. Safe to repeat: the same state of a record gives the same items."""

    @property
    def vendor(self) -> str:
        """Its name, as a source of signals."""
        ...

    @property
    def most(self) -> int:
        """How many records are asked for at once."""
        ...

    async def read(self, records: Sequence[Record], *, now: int) -> Mapping[Record, Told]:
        """What the vendor tells of each. One that is not in the answer is asked for again later.

        What we wrote ourselves is left out. Raises: Temporary, Throttled, Unauthorized, Refused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What a vendor has had to say since a position.

    `code` is ``ok``; ``expired``: the vendor did not know the position any more and began at the earliest it has;
    ``overflow``: it changed more than it tells one by one; ``behind``: what is missing since is still being asked for.
    """

    position: str
    items: tuple[RawItem, ...] = ()
    records: tuple[Record, ...] = ()
    more: bool = False
    code: str = "ok"
    events: bool = False
    """Whether `items` are what happened, with ids of their own, and not how a record stands: all of them are taken."""
    standing: Mapping[int, str] = field(default_factory=dict)
    """Of events the places of those that only say how a record stands, as in `domain.ports.receivers.Reading`."""


class Poller(Protocol):
    """Asks one vendor what is new. Safe to repeat: the same position gives the same, or more."""

    @property
    def name(self) -> str:
        """Of its position; begins with the vendor's name."""
        ...

    @property
    def vendor(self) -> str:
        """As `Reader.vendor`."""
        ...

    def beginning(self, since: int) -> str:
        """The position from which everything since the Instant `since` is seen."""
        ...

    async def page(self, position: str, *, now: int) -> Page:
        """One page from `position` on. Raises: Temporary, Throttled, Unauthorized, Refused."""
        ...


class Stream(Protocol):
    """Listens to what one vendor tells as it happens. Safe to repeat, as `Poller`. Used by one task at a time."""

    @property
    def name(self) -> str:
        """Of its position; begins with the vendor's name."""
        ...

    @property
    def vendor(self) -> str:
        """As `Reader.vendor`."""
        ...

    def start(self, position: str | None, *, since: int | None, now: int) -> str:
        """Where to go on from `position`, or to begin without one; with `since` all since then is asked for too.

        Raises: Temporary if the position cannot be read.
        """
        ...

    async def page(self, position: str, *, now: int, wait: bool) -> Page:
        """What comes next after `position`; with `wait` a page may take two minutes and be empty.

        Without, a page without `more` says that the vendor has been silent for some seconds, or tells by now what
        happened since `start`.
        Raises: Temporary, Throttled, Unauthorized, Refused.
        """
        ...

    async def close(self) -> None:
        """Stop listening until the next page, and tell the vendor if it can be told."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """How far a poller has come. `position` is None before its first page; `token` fences whoever holds it."""

    name: str
    position: str | None
    token: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How a poller stands, for a person."""

    name: str
    position: str | None
    at: int
    """When it last moved or was asked in vain."""
    code: str
    """``ok``, ``expired``, or why it was asked in vain: ``throttled``, ``temporary``, ``credentials:...``."""
    moved_at: int = 0
    """When it last moved; 0: that is not known."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A key of a lead whose record is still to be read; runs wait for it until the Instant `wait_until`."""

    key: LeadKey
    vendor: str
    wait_until: int


class Todos(Protocol):
    """The durable list of records to be read."""

    async def note(
        self, tenant: TenantId, region: Region, records: Sequence[Record], *, wait_us: int, now: int
    ) -> int:
        """Put `records` on the list (on disk when this returns); runs wait for them for `wait_us` from now on.

        One that was read since it last changed, or that is on the list, is not read a second time for it. The answer
        is how many were not read yet.
        """
        ...

    async def take(
        self, tenant: TenantId, vendor: str, *, limit: int, now: int, lease_us: int
    ) -> Sequence[Todo]:
        """Up to `limit` records that are due, oldest first; whoever dies over them lets them fall due again."""
        ...

    async def settle(self, tenant: TenantId, done: Mapping[Todo, str], *, read_at: int, now: int) -> None:
        """They were read at `read_at`, with these codes; leads that waited for them are ready at once."""
        ...

    async def put_off(self, tenant: TenantId, todos: Sequence[Todo], *, until: int, code: str) -> None:
        """They could not be read now."""
        ...

    async def waiting(self, tenant: TenantId) -> Mapping[str, int]:
        """How many records of each vendor are on the list."""
        ...

    async def prune(self, tenant: TenantId, *, before: int, limit: int) -> int:
        """Forget up to `limit` records that were read, or were due in vain, before the Instant; how many it were."""
        ...

    async def due(self, tenant: TenantId, *, now: int) -> Sequence[str]:
        """Vendors that have something due."""
        ...

    async def unread(self, tenant: TenantId, keys: Sequence[LeadKey]) -> Sequence[Unread]:
        """Those of `keys` whose records are still to be read."""
        ...

    async def passed(self, tenant: TenantId, keys: Sequence[LeadKey]) -> None:
        """Runs went on without these: their leads are decided anew when the records have been read."""
        ...


class Positions(Protocol):
    """How far each poller has come."""

    async def take(
        self, tenant: TenantId, region: Region, name: str, *, now: int, lease_us: int, asked: bool = False
    ) -> Place | None:
        """Hold the place `name`, so that nobody else polls it; None if it is held or not due.

        `asked` takes one that is not due.
        """
        ...

    async def move(
        self,
        tenant: TenantId,
        place: Place,
        position: str,
        *,
        code: str,
        now: int,
        due_at: int | None,
        hold_us: int = 0,
    ) -> bool:
        """Keep `position`; with `due_at` the place is let go until then, else held for `hold_us` from now at least.

        False: somebody else holds it by now.
        """
        ...

    async def put_off(self, tenant: TenantId, place: Place, *, code: str, now: int, due_at: int) -> None:
        """Let it go unmoved."""
        ...

    async def standing(self, tenant: TenantId) -> Sequence[Standing]:
        """All of them by name."""
        ...


@dataclass(frozen=True, slots=True)
class Upstream:
    """Everything about asking vendors, of one home. Without readers and pollers nobody is asked."""

    todos: Todos
    positions: Positions
    readers: Mapping[str, Reader] = field(default_factory=dict)
    """By vendor."""
    pollers: tuple[Poller, ...] = ()
    streams: tuple[Stream, ...] = ()
    wait_us: int = 0
    """For how long a run waits for a record of its lead."""
    every_us: int = 60_000_000
    """How often a poller asks."""
