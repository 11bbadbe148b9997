"""What somebody waits for at a door: it goes first, is written once, and never holds up the loop for long."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from domain.access import ROLES
from domain.approval import VoteKind
from domain.audit import AuditEntry
from domain.errors import BadInput, Temporary
from domain.ids import RunId
from domain.instants import HOUR
from domain.ports.talks import TalkDecision
from tests.tools.contract.stores import NOW, REGION, TENANT
from tools.store import Store
from tools.store.engine import BUSY_MS, DOOR_MS, Tx


class Heard:
    """Hears every write of a store, and refuses the next ones while `full`."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.firsts: list[bool] = []
        self.full = False
        self._write: Any = store.database.write
        monkeypatch.setattr(store.database, "write", self.write)

    async def write(self, work: Callable[[Tx], Any], *, point: str = "", first: bool = False) -> Any:
        self.firsts.append(first)
        if self.full:
            raise Temporary("the disk is full")
        return await self._write(work, point=point, first=first)


@pytest.fixture
def heard(store: Store, monkeypatch: pytest.MonkeyPatch) -> Heard:
    return Heard(store, monkeypatch)


async def test_a_talk_and_a_vote_go_before_what_waits(store: Store, heard: Heard) -> None:
    entry, run = AuditEntry(TENANT, REGION, "handoff", "handoff", NOW, run_id=RunId("ho_1")), RunId("ho_1")
    talk = TalkDecision(conversation="c1", run_id=run, messages=1, gives=True, entry=entry, record=None)
    assert await store.talks.decide(talk, expected=None, now=NOW) is not None
    with suppress(BadInput):  # there is no such question
        await store.approvals.vote(
            TENANT, "none", kind=VoteKind.APPROVE, proposal_hash="", by="ada", policy="p1", now=NOW
        )
    assert heard.firsts == [True, True]


async def test_of_all_requests_of_an_hour_one_writes_that_a_key_was_used(store: Store, heard: Heard) -> None:
    """And another one where that one could not."""
    terms: Any = {"name": "Ada", "scopes": ROLES["viewer"], "by": "root"}
    _, secret = await store.access.make(TENANT, REGION, now=NOW, **terms)
    heard.firsts.clear()

    async def requests(now: int) -> int:
        before = len(heard.firsts)
        found = await asyncio.gather(*(store.access.find(TENANT, secret, now=now) for _ in range(20)))
        assert None not in found
        return len(heard.firsts) - before

    assert await requests(NOW) == 1
    assert await requests(NOW + HOUR) == 1
    heard.full = True
    await requests(NOW + 2 * HOUR)
    heard.full = False
    assert await requests(NOW + 2 * HOUR) == 1
    (key,) = await store.access.all(TENANT)
    assert key.used_at == (NOW + 2 * HOUR) // HOUR * HOUR


def test_a_look_at_the_door_waits_for_no_other_process(store: Store) -> None:
    def patience(tx: Tx) -> Any:
        return tx.conn.exec_driver_sql("PRAGMA busy_timeout").scalar_one()

    assert store.database.read_at_door(patience) == DOOR_MS
    assert store.database.read_beside(patience) == BUSY_MS
