"""Taking signals in: one transaction for a batch, from deduplication to the work that each lead then has."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.errors import Backpressure
from domain.ports.inbox import Accepted, Refused
from domain.signal import Signal
from tools.privacy.vault import KeyRow
from tools.store.audit import Chains
from tools.store.config import Config
from tools.store.desk_due import note_due
from tools.store.engine import Database, Tx
from tools.store.grouping import Grouping
from tools.store.intake import Intake
from tools.store.keyring import keep_pending
from tools.store.quarantine import close_released, put_aside
from tools.store.refs import Place, Sorted, sort_out
from tools.store.stream import Streams
from tools.store.tallies import Tally, add_tally

RETRY_AFTER_S: Final = 5


@dataclass(frozen=True, slots=True)
class _Given:
    """One call's arguments."""

    items: Sequence[tuple[int, Signal | Refused]]
    """Each with its position."""
    now: int
    dropped: Mapping[tuple[str, str, str], int]
    released: Sequence[str]


class SqlInbox:
    """Satisfies `domain.ports.inbox.Inbox`."""

    def __init__(self, database: Database, config: Config, streams: Streams) -> None:
        self._database, self._config, self._streams = database, config, streams
        self._grouping: Grouping[_Given, Accepted] = Grouping(self._write, lambda given: len(given.items))

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        """Store a batch in one transaction, with others that came meanwhile."""
        numbered = list(zip(positions or range(len(items)), items, strict=True))
        return await self._grouping.do(_Given(numbered, now, dropped or {}, released))

    async def waiting(self) -> int:
        """Signals accepted but not yet in a terminal state."""
        return int(await self._database.read(lambda tx: tx.one("waiting").n))

    async def _write(self, group: Sequence[_Given]) -> Sequence[Accepted]:
        accepted, keys = await self._database.write(
            lambda tx: self._accept(tx, group), point="inbox", first=True
        )
        self._config.ring.stored(keys)
        return accepted

    def _accept(self, tx: Tx, group: Sequence[_Given]) -> tuple[Sequence[Accepted], Sequence[KeyRow]]:
        now = max(given.now for given in group)
        batch = sort_out(tx, [((n, at), item) for n, given in enumerate(group) for at, item in given.items])
        self._refuse_if_full(tx, batch.count)
        tenants = {tenant for tenant, _ in batch.given}
        released = [item for given in group for item in given.released]
        closed = close_released(tx, self._config, tenants, released, now)
        refused = [item for _, item in batch.refused]
        put_aside(tx, self._config, refused, now)
        changes = _tally(batch, closed)
        merges, keys = 0, list[KeyRow]()
        chains = Chains(tx, self._config.writer)
        for tenant, fresh in batch.fresh.items():
            intake = Intake(tx, self._config, chains, tenant, now)
            intake.take(fresh)
            merges += intake.merges
            changes.update({(tenant, region, "waiting"): n for region, n in intake.waiting.items()})
            if intake.touched:
                keys += keep_pending(tx, self._config.ring, intake.touched)
        chains.write()
        signals = [one.signal for fresh in batch.fresh.values() for one in fresh]
        note_due(tx, self._config.desk, signals, now)
        self._streams.update(tx, signals, refused, _dropped(group), now)
        add_tally(tx, changes)
        if merges:
            self._database.on_point("merge.before_commit")
        return _answers(group, batch, merges), keys

    def _refuse_if_full(self, tx: Tx, count: int) -> None:
        """A batch larger than the whole queue gets in when nothing waits: otherwise it never could."""
        waiting, limit = tx.one("waiting").n, self._config.max_waiting
        if count and waiting and waiting + count > limit:
            raise Backpressure(waiting, limit, RETRY_AFTER_S)


def _answers(group: Sequence[_Given], batch: Sorted, merges: int) -> list[Accepted]:
    """What became of each call's items; the merges of all are told to the first."""
    aside: list[list[tuple[int, str]]] = [[] for _ in group]
    for n, item in batch.refused:
        aside[n].append((item.position, item.reason))
    return [
        Accepted(
            len(given.items) - batch.repeated[n] - len(aside[n]),
            batch.repeated[n],
            tuple(aside[n]),
            0 if n else merges,
        )
        for n, given in enumerate(group)
    ]


def _dropped(group: Sequence[_Given]) -> Mapping[tuple[str, str, str], int]:
    total: Counter[tuple[str, str, str]] = Counter()
    for given in group:
        total.update(given.dropped)
    return total


def _tally(batch: Sorted, closed: Counter[Place]) -> Counter[Tally]:
    """Each item ever given counts once: one that comes back out of quarantine was counted when it went in."""
    changes: Counter[Tally] = Counter()
    for (tenant, region), n in batch.given.items():
        changes[tenant, region, "signals"] += n
    for (tenant, region), n in closed.items():
        changes[tenant, region, "signals"] -= n
    for (tenant, region), n in batch.duplicates.items():
        changes[tenant, region, "duplicates"] += n
    return changes
