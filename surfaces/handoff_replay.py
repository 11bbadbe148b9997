"""Recomputing decisions about talks from their sealed records, with nothing outside in reach."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from agents.handoff import to_read
from domain.errors import Permanent
from domain.handoff import Handoff, Heard
from domain.ports.home import Home
from domain.ports.listener import Listener
from domain.ports.policy import Policy
from domain.ports.talks import StoredTalk
from graph.record import plain
from surfaces.audit_replay import Difference, PolicyOf, Replayed
from surfaces.handoff import bounded
from surfaces.handoff_record import TalkRecord, answer_to, unpack

VERSIONED = ("reasoner", "code")


class TalkReplayer:
    """Replays the decisions about talks of one home. `wall` closes the world for the time of each."""

    def __init__(
        self,
        home: Home,
        listener: Listener,
        *,
        policy_of: PolicyOf,
        wall: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`listener` hears the recorded words again."""
        self._home, self._listener, self._policy_of, self._wall = home, listener, policy_of, wall
        self._warm = False

    async def all(self, result: Replayed) -> None:
        """Every decision about a talk of the tenant, oldest first, counted in `result`."""
        async for batch in self._home.talks.decisions(self._home.tenant):
            for stored in batch:
                await self.one(stored, result)

    async def one(self, stored: StoredTalk, result: Replayed) -> None:
        """Replay one decision and count it."""
        if stored.record is None:
            result.unreplayable["erased"] += 1
            return
        try:
            record = unpack(self._home.vault.open(self._home.tenant, stored.record))
        except Permanent:
            result.unreplayable["sealed_beyond_reach"] += 1
            return
        policy = self._policy_of(record.seen.policy)
        if policy is None:
            result.unreplayable["policy_missing"] += 1
            return
        again = await self._again(record, policy)
        if plain(again) == plain(record.answer):
            result.identical += 1
        elif cause := self._older(record):
            result.unreplayable[cause] += 1
        else:
            result.different += 1
            names = Handoff.__dataclass_fields__
            parts = tuple(
                name for name in names if plain(getattr(again, name)) != plain(getattr(record.answer, name))
            )
            result.differences.append(Difference(stored.decision_id, stored.lead_id or "", parts))

    async def _again(self, record: TalkRecord, policy: Policy) -> Handoff:
        if not self._warm and record.heard is not None:
            self._warm = True
            await self._hear(record)  # a process's first reading loads files
        with self._wall():
            heard = await self._hear(record)
            answer = answer_to(record.talk, record.seen, heard, record.missing, policy)
        return replace(answer, run_id=record.answer.run_id)

    async def _hear(self, record: TalkRecord) -> Heard | None:
        """What was heard then is heard again; what could not be heard then is an input."""
        if record.heard is None:
            return None
        return await self._listener.hear(bounded(to_read(record.talk, record.seen)))

    def _older(self, record: TalkRecord) -> str | None:
        now = self._home.versions
        return next(
            (f"older_{name}" for name in VERSIONED if record.versions.get(name) != now.get(name)), None
        )
