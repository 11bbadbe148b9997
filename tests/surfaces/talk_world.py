"""A home on a clock that the test sets, with desks that hear what the test says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app import open_home
from domain.action import ActionState
from domain.handoff import Heard, Message
from domain.instants import MINUTE, Instant, instant
from domain.ports.home import Home
from domain.ports.outbox import OutboxRow
from surfaces.dispatcher import Dispatcher, Tally
from surfaces.door import take
from surfaces.handoff import Desk
from tools.clock import ReplayClock
from tools.crm.embedded import Reports
from tools.crm.embedded.file import CrmFile

SAID_AT = instant(datetime(2026, 3, 2, 10, tzinfo=UTC))
"""A Monday on which the house is open; the messages of `tests.agents.test_handoff.talk` are of then."""
HEARD = Heard(900, True, 0, {"purchase": 900}, (), None, None, "local")


class Ears:
    """A listener that hears a buying interest, after `meanwhile`."""

    def __init__(
        self,
        *,
        meanwhile: Callable[[], Any] | None = None,
        problem: Exception | None = None,
        heard: Heard = HEARD,
    ) -> None:
        self.meanwhile, self.problem, self.heard = meanwhile, problem, heard
        self.texts: list[str] = []

    async def hear(self, messages: Sequence[Message]) -> Heard:
        self.texts += [message.text for message in messages]
        if self.problem:
            raise self.problem
        if self.meanwhile:
            await self.meanwhile()
        if not messages:  # nothing is heard in nothing
            return replace(self.heard, probability=0, interested=False, turn=None)
        return replace(self.heard, turn=len(messages) - 1 if self.heard.interested else None)


@contextmanager
def open_talks(root: Path, at: int = SAID_AT + MINUTE, **given: Any) -> Iterator[Home]:
    """A home in `root` at the Instant `at`; opening it again finds what was there."""
    clock = ReplayClock(Instant(at))
    with open_home(home=root / "home", given={"memory": "off", **given}, clock=clock) as home:
        yield home


def desk(home: Home, ears: Ears | None = None, **options: Any) -> Desk:
    """A desk."""
    return Desk(home, ears or Ears(), **options)


async def sent(home: Home) -> Tally:
    """What the dispatcher makes of what is due."""
    return await Dispatcher(home, home.targets).drain()


async def actions(home: Home, *states: ActionState) -> list[OutboxRow]:
    """Actions in these states."""
    return list(await home.outbox.rows(home.tenant, states=states))


async def tell(home: Home, kind: str, *, keys: Mapping[str, str] | None = None, **payload: Any) -> None:
    """One more signal of the customer of the conversation ``c1``, or of whoever has `keys`."""
    item = {
        "source": "crm",
        "id": f"{kind}-{sorted(payload.items())}",
        "kind": kind,
        "keys": {"conversation_id": "c1"} if keys is None else dict(keys),
        "occurred_at": "2026-03-02T10:00:30Z",
        "payload": payload,
    }
    accepted = await take(home, [(0, item)])
    assert accepted.accepted == 1, accepted


def crm(root: Path) -> Reports:
    """What the CRM of the home in `root` holds."""
    return Reports(CrmFile(root / "home" / "crm.db"))
