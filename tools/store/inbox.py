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
from tools.store.engine import Database, Tx
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
    now: int
    dropped: Mapping[tuple[str, str, str], int]
    released: Sequence[str]


class SqlInbox:
    """Satisfies `domain.ports.inbox.Inbox`."""

    def __init__(self, database: Database, config: Config, streams: Streams) -> None:
        self._database, self._config, self._streams = database, config, streams

    async def accept(
        self,
        items: Sequence[Signal | Refused],
        *,
        now: int,
        dropped: Mapping[tuple[str, str, str], int] | None = None,
        released: Sequence[str] = (),
        positions: Sequence[int] = (),
    ) -> Accepted:
        """Store a batch in one transaction."""
        numbered = list(zip(positions or range(len(items)), items, strict=True))
        given = _Given(numbered, now, dropped or {}, released)
        accepted, keys = await self._database.write(lambda tx: self._accept(tx, given), point="inbox")
        self._config.ring.stored(keys)
        return accepted

    async def waiting(self) -> int:
        """Signals accepted but not yet in a terminal state."""
        return int(await self._database.read(lambda tx: tx.one("waiting").n))

    def _accept(self, tx: Tx, given: _Given) -> tuple[Accepted, Sequence[KeyRow]]:
        batch = sort_out(tx, given.items)
        self._refuse_if_full(tx, batch.count)
        tenants = {tenant for tenant, _ in batch.given}
        closed = close_released(tx, self._config, tenants, given.released, given.now)
        put_aside(tx, self._config, batch.refused, given.now)
        changes = _tally(batch, closed)
        merges, keys = 0, list[KeyRow]()
        chains = Chains(tx, self._config.writer)
        for tenant, fresh in batch.fresh.items():
            intake = Intake(tx, self._config, chains, tenant, given.now)
            intake.take(fresh)
            merges += intake.merges
            changes.update({(tenant, region, "waiting"): n for region, n in intake.waiting.items()})
            if intake.touched:
                keys += keep_pending(tx, self._config.ring, intake.touched)
        chains.write()
        signals = [one.signal for fresh in batch.fresh.values() for one in fresh]
        self._streams.update(tx, signals, batch.refused, given.dropped, given.now)
        add_tally(tx, changes)
        if merges:
            self._database.on_point("merge.before_commit")
        quarantined = tuple((item.position, item.reason) for item in batch.refused)
        return Accepted(batch.count, batch.duplicates.total(), quarantined, merges), keys

    def _refuse_if_full(self, tx: Tx, count: int) -> None:
        """A batch larger than the whole queue gets in when nothing waits: otherwise it never could."""
        waiting, limit = tx.one("waiting").n, self._config.max_waiting
        if count and waiting and waiting + count > limit:
            raise Backpressure(waiting, limit, RETRY_AFTER_S)


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
