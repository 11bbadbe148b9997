"""A real process that acts, and dies at a named point: ``python -m tests.crash.acting HOME POINT NTH``.

It takes in four hot leads, lets two people approve what waits, delivers everything to the embedded CRM, takes the first
task back, and joins two of the leads. Run again it goes on where it was killed. `POINT` as in `tests.crash.child`, and
``target.before`` and ``target.after`` around every request to the CRM.
"""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from app import open_home
from domain.action import ActionKind, ActionState
from domain.approval import VoteKind
from domain.effect import Step, StepKind, StepReceipt
from domain.errors import BadInput
from domain.instants import HOUR, Instant, instant
from domain.ports.home import Home
from domain.ports.target import Change, Seen, Subject, Target
from surfaces.approving import undo
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.door import take
from surfaces.worker import Worker, deps_of
from tests.crash.child import Bomb, say
from tests.crash.hot import START, hot_lead, raw

AMOUNTS = {"lead-1": 20_000, "lead-2": 120_000, "lead-3": 30_000, "lead-4": 150_000}
JOINED = ("lead-3", "lead-4")


def _nothing() -> None:
    return None


class Mined:
    """A target that calls `before` and `after` around every request."""

    def __init__(
        self, target: Target, *, before: Callable[[], None] = _nothing, after: Callable[[], None] = _nothing
    ) -> None:
        self._target, self._before, self._after = target, before, after
        self.name, self.delivery, self.takes = target.name, target.delivery, target.takes

    async def look(self, subject: Subject) -> Seen:
        return await self._target.look(subject)

    async def send(self, step: Step, subject: Subject, *, key: str) -> StepReceipt:
        self._before()
        receipt = await self._target.send(step, subject, key=key)
        self._after()
        return receipt

    async def find(self, key: str) -> StepReceipt | None:
        return await self._target.find(key)

    async def preview(self, steps: Sequence[Step], subject: Subject) -> Sequence[Change]:
        return await self._target.preview(steps, subject)


def mined(home: Home, bomb: Bomb) -> Mapping[StepKind, Target]:
    """The targets of the home, with a bomb before and after each request."""
    before, after = partial(bomb.reached, "target.before"), partial(bomb.reached, "target.after")
    return {kind: Mined(target, before=before, after=after) for kind, target in home.targets.items()}


async def run(home: Home, bomb: Bomb) -> None:
    clock: Any = home.clock
    worker, dispatcher = Worker(home, deps_of(home), listen=bomb.heard), Dispatcher(home, mined(home, bomb))
    clock.advance(instant(START + timedelta(minutes=30)))
    for lead, amount in AMOUNTS.items():
        await take(home, list(enumerate(hot_lead(amount, lead))))
    await worked_off(worker, dispatcher)
    await approve_all(home)
    await worked_off(worker, dispatcher)
    await _undo_first(home)
    await worked_off(worker, dispatcher)
    await take(home, [(0, _alias())])
    clock.advance(Instant(clock.now() + HOUR))
    await worked_off(worker, dispatcher)


async def approve_all(home: Home) -> None:
    """Two people say yes to everything that waits."""
    for approval in await home.approvals.open(home.tenant):
        for person in ("ann", "bob"):
            with suppress(BadInput):  # said before the kill
                await home.approvals.vote(
                    home.tenant,
                    approval.approval_id,
                    kind=VoteKind.APPROVE,
                    proposal_hash=approval.proposal_hash,
                    by=person,
                    policy=home.policy.version,
                    now=home.clock.now(),
                )


async def _undo_first(home: Home) -> None:
    """The oldest task, whatever became of it: asking twice is as asking once."""
    rows = [row for row in await home.outbox.rows(home.tenant) if row.kind is ActionKind.CREATE_TASK]
    oldest = min(rows, key=lambda row: (row.at, row.action_id))
    if oldest.state in (ActionState.DONE, ActionState.UNDOING, ActionState.COMPENSATED):
        await undo(home, oldest.action_id, by="ann")


def _alias() -> dict[str, Any]:
    joined = raw("joined", "identity.alias", {}, minute=40)
    return {**joined, "keys": [{"kind": "crm_id", "value": name} for name in JOINED]}


def acting(home_folder: Path, point: str, nth: int) -> None:
    bomb = Bomb(point, nth)
    with open_home(virtual_clock=True, home=home_folder, on_point=bomb.reached) as home:
        asyncio.run(run(home, bomb))
    say(f"reached {orjson.dumps(bomb.seen).decode()}")


if __name__ == "__main__":
    acting(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
