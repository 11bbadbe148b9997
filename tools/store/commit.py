"""The one transaction in which runs become durable: a group at a time, each bundle standing or falling alone."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from domain.decision import Bundle
from domain.instants import SECOND
from domain.ports.commit import Committed
from tools.privacy.vault import KeyRow
from tools.store.bundles import Group
from tools.store.components import as_json
from tools.store.config import Config
from tools.store.engine import Database, Tx
from tools.store.lease import give_back

REFUSED_WAIT: Final = 30 * SECOND
"""A lead whose bundle could not be written runs again after this long (microseconds)."""
_DEFECTS: Final = (
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError,
    TypeError, ValueError,
)  # fmt: skip
"""What writing a malformed bundle raises; everything else is the store's own trouble."""


class SqlCommit:
    """Satisfies `domain.ports.commit.Commit`."""

    def __init__(self, database: Database, config: Config) -> None:
        self._database, self._config = database, config

    async def commit(self, bundles: Sequence[Bundle], *, now: int) -> Sequence[Committed]:
        """Commit a group in one disk sync."""
        if not bundles:
            return []
        results, keys = await self._database.write(lambda tx: self._all(tx, bundles, now), point="commit")
        self._config.ring.stored(keys)
        return results

    def _all(self, tx: Tx, bundles: Sequence[Bundle], now: int) -> tuple[list[Committed], list[KeyRow]]:
        """Write the group; if one of it is malformed, write each by itself, so that the others do not fall with it."""
        try:
            with tx.conn.begin_nested():
                return self._group(tx, bundles, now)
        except _DEFECTS:
            if len(bundles) == 1:
                return [self._refuse(tx, bundles[0], now)], []
        parts = [self._all(tx, [one], now) for one in bundles]
        return [result for results, _ in parts for result in results], [
            key for _, keys in parts for key in keys
        ]

    def _group(self, tx: Tx, bundles: Sequence[Bundle], now: int) -> tuple[list[Committed], list[KeyRow]]:
        held = {
            row.lead_id: row
            for row in tx.rows("held_leads", {"leads": as_json(b.claim.lead_id for b in bundles)})
        }
        known = tx.rows("known_decisions", {"decisions": as_json(b.decision.decision_id for b in bundles)})
        group = Group(tx, self._config, now, held, {row.decision_id for row in known})
        group.look_ahead(bundles)
        results = [group.add(one) for one in bundles]
        return results, list(group.write())

    def _refuse(self, tx: Tx, bundle: Bundle, now: int) -> Committed:
        claim = bundle.claim
        retry = now + REFUSED_WAIT
        give_back(
            tx,
            self._config,
            claim.lead_id,
            claim.token,
            code="error:refused",
            counts=True,
            retry_at=retry,
            now=now,
        )
        return Committed.REFUSED
