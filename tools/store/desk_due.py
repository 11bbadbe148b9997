"""Conversations that are to be looked at in their desk, in the durable store."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from domain.action import ActionKind, ActionState
from domain.ids import TenantId
from domain.instants import SECOND
from domain.kinds import Kind
from domain.ports.desks import DueTalk
from domain.ports.outbox import OutboxRow
from domain.signal import KeyKind, Signal
from tools.store.engine import Database, Tx

PAUSE: Final = SECOND
"""How long a conversation rests after a message: people write several in a row, and one decision answers all."""


_IN_VAIN: Final = frozenset({ActionState.FAILED, ActionState.EXPIRED, ActionState.UNKNOWN})


class SqlDueTalks:
    """Satisfies `domain.ports.desks.DueTalks`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, tenant: TenantId, *, limit: int, now: int, lease_us: int) -> Sequence[DueTalk]:
        """Lease what is due; whoever finds nothing does not lock the store."""
        given = {"tenant": tenant, "now": now, "limit": limit}
        if not await self._database.read(lambda tx: tx.rows("due_talks", {**given, "limit": 1})):
            return ()

        def work(tx: Tx) -> Sequence[DueTalk]:
            rows = tx.rows("due_talks", given)
            until = now + lease_us
            tx.run(
                "lease_talk",
                [{"tenant": tenant, "conversation": row.conversation, "until": until} for row in rows],
            )
            return [DueTalk(row.conversation, row.mark, row.attempt + 1) for row in rows]

        return await self._database.write(work)

    async def settle(self, tenant: TenantId, one: DueTalk, *, now: int) -> None:
        """Take it off the list, or leave it due."""
        given = {"tenant": tenant, "conversation": one.conversation, "mark": one.mark, "now": now}

        def work(tx: Tx) -> None:
            tx.run("settle_talk", given)
            tx.run("talk_again", given)

        await self._database.write(work, point="desk.settle")

    async def put_off(self, tenant: TenantId, one: DueTalk, *, until: int, code: str) -> None:
        """Let it fall due later."""
        given = {"tenant": tenant, "conversation": one.conversation, "until": until, "code": code}
        await self._database.write(lambda tx: tx.run("put_off_talk", given))

    async def waiting(self, tenant: TenantId) -> int:
        """How many are on the list."""
        return int(await self._database.read(lambda tx: tx.one("talks_waiting", {"tenant": tenant}).n))


def note_due(tx: Tx, desk: str, signals: Iterable[Signal], now: int) -> None:
    """Put the conversations of `desk` in which a customer wrote, or that were closed, on the list.

    Empty `desk`: none is followed. History is not.
    """
    rows = [
        {
            "tenant": signal.tenant,
            "region": signal.region,
            "conversation": conversation,
            "due_at": now + PAUSE,
            "now": now,
        }
        for signal, conversation in falling_due(desk, signals)
    ]
    if rows:
        tx.run("note_due_talk", rows)


def given_in_vain(row: OutboxRow) -> bool:
    """Whether an action ended without giving a conversation to anybody, as far as we know."""
    return row.kind is ActionKind.HANDOFF and row.state in _IN_VAIN


def fall_due(tx: Tx, desk: str, row: OutboxRow, now: int) -> None:
    """Put the conversations of `desk` on the list that `row` was to give to sales: it did not."""
    given = {"tenant": row.tenant, "action": row.action_id, "desk": f"{desk}:"}
    tx.run("talks_fall_due", {**given, "due_at": now + PAUSE, "now": now})


def falling_due(desk: str, signals: Iterable[Signal]) -> Iterator[tuple[Signal, str]]:
    """Each signal after which a conversation of `desk` is to be looked at, with that conversation."""
    for signal in signals:
        if desk and signal.source == desk and _moves(signal):
            for key in signal.keys:
                if key.kind is KeyKind.CONVERSATION and key.value.startswith(f"{desk}:"):
                    yield signal, key.value


def _moves(signal: Signal) -> bool:
    said = signal.kind is Kind.MESSAGE and signal.payload.get("role") == "customer"
    return (said or signal.kind is Kind.TICKET_SOLVED) and not signal.imported
