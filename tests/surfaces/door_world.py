"""A home with a real store behind the door, on a clock that the test sets; other ports are absent."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from domain.ids import Region, TenantId
from domain.instants import Instant
from domain.ports.home import Home
from domain.ports.inbox import Accepted, Refused
from domain.ports.quarantine import Held
from domain.signal import Signal
from tests.domain.items import NOW
from tools.clock import ReplayClock
from tools.privacy.hasher import ContactHasher
from tools.store import Config, Store, open_store

TENANT = TenantId("t1")
_T = TypeVar("_T")


class Recorded:
    """The store's inbox, remembering what it was given."""

    def __init__(self, store: Store) -> None:
        self._inbox = store.inbox
        self.calls: list[Sequence[Signal | Refused]] = []
        self.dropped: list[Mapping[tuple[str, str, str], int]] = []

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        self.calls.append(items)
        self.dropped.append(dropped or {})
        return await self._inbox.accept(
            items, now=now, dropped=dropped, released=released, positions=positions
        )

    async def waiting(self) -> int:
        return await self._inbox.waiting()


class DoorWorld:
    """The home, and questions about what is in it."""

    def __init__(self, store: Store, root: Path) -> None:
        self.store, self.inbox, self.clock = store, Recorded(store), ReplayClock(Instant(NOW))
        absent = cast(Any, None)
        self.home = Home(
            root=root,
            tenant=TENANT,
            region=Region("eu"),
            regions=frozenset({"eu", "us"}),
            clock=self.clock,
            inbox=self.inbox,
            work=absent,
            commit=absent,
            reads=store.reads,
            accounts=absent,
            quarantine=store.quarantine,
            outbox=absent,
            approvals=absent,
            limits=absent,
            feedback=absent,
            talks=absent,
            targets=absent,
            audit=absent,
            vault=absent,
            hasher=ContactHasher(b"secret", frozenset({"info"})),
            reasoner=absent,
            scorer=absent,
            policy=absent,
            catalogue=absent,
            versions={},
            settings=None,
        )

    async def held(self) -> list[Held]:
        """Open quarantine items with their bytes."""
        items = await self.store.quarantine.open_items(TENANT, limit=10_000)
        return [await self.store.quarantine.release(TENANT, item.item_id) for item in items]

    async def signals(self, key: str) -> list[Signal]:
        """What the lead with this key has, newest first."""
        lead = await self.store.reads.find_lead(TENANT, key)
        return [] if lead is None else list(await self.store.reads.signals(TENANT, lead))

    async def counts(self) -> Mapping[str, int]:
        """The home's figures."""
        return await self.store.reads.counts(TENANT)


@contextmanager
def opened(root: Path) -> Iterator[DoorWorld]:
    """A world over a database in `root`; opening it again finds what was there."""
    store = open_store(root / "door.db", Config())
    try:
        yield DoorWorld(store, root)
    finally:
        store.close()


def now(asked: Awaitable[_T]) -> _T:
    """The answer, from outside a loop."""

    async def ask() -> _T:
        return await asked

    return asyncio.run(ask())
