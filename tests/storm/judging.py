"""What is there after the storm: in the store, in the CRM's own ledger, at the desk, and at who is told of events."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Final

from app import DATABASE, open_home
from domain.happening import EventType
from domain.ids import Region
from domain.instants import MINUTE, Instant
from domain.ports.home import Home
from domain.ports.receivers import Delivery as Proven
from domain.ports.sources import RawItem
from surfaces.announcing import announced, page
from surfaces.cli.worker import worked_off
from surfaces.desk_loop import desk_loop
from surfaces.dispatcher import Dispatcher
from surfaces.webhooks.router import kept_of
from surfaces.worker import Worker, deps_of
from tests.storm.around import REGIONS, WISH, Around
from tests.storm.deliveries import Delivery
from tests.surfaces.talk_world import Ears
from tests.surfaces.webhooks.sending import SENDERS
from tools.clock import ReplayClock, SystemClock
from tools.receivers import SettingsReceivers
from tools.targets import crm_ledger

LATER: Final = 10 * MINUTE
"""How long after the storm it is judged: no lease of a killed process is left, and no wait."""
MANY: Final = 1_000_000
ALL: Final = frozenset(EventType)


@dataclass(frozen=True)
class Verdict:
    """Figures after everything was worked off; those in `FAULTS` should be 0."""

    signals: int
    effects: int
    tasks: int
    notes: int
    """Talks at the desk with a note of ours."""
    told: int
    """Events that arrived, each counted once."""
    missing: int
    """Things that were sent and are neither among the signals nor in quarantine."""
    unsent: int
    """Signals that nobody has sent."""
    taken_again: int
    """Things that count as new when all is sent once more."""
    doubled: int
    """Requests that the CRM carried out twice, leads with two tasks, notes beside the first of a talk."""
    waiting: int
    untold: int
    """Events that never arrived."""
    disordered: int
    """Events that arrived out of their order, or that there are none of."""


FAULTS: Final = ("missing", "unsent", "taken_again", "doubled", "waiting", "untold", "disordered")


@dataclass(frozen=True)
class _Kept:
    """What a home has: signals as ``source:id``, and the bytes of what is in quarantine."""

    signals: frozenset[str]
    aside: frozenset[bytes]


def judged(home: Path, deliveries: Sequence[Delivery], beside: Around) -> Verdict:
    """Work everything off, then compare with a home that was given each thing once, in peace."""
    clock = ReplayClock(Instant(SystemClock().now() + LATER))
    with open_home(home=home.with_name("peace"), given=beside.settings, clock=clock) as peace:
        asyncio.run(_given(peace, deliveries))
        expected = asyncio.run(_kept(peace))
    with open_home(home=home, given=beside.settings, clock=clock) as opened:
        kept = asyncio.run(_kept(opened))
        again = asyncio.run(_given(opened, deliveries))
        asyncio.run(_worked(opened))
        clock.advance(Instant(clock.now() + MINUTE))
        waiting = asyncio.run(_worked(opened))
        beside.receiver.patient = True
        asyncio.run(announced(opened))
        told = [told_well(beside.receiver.told[path], asyncio.run(_events(opened, path))) for path in REGIONS]
    ledger, notes = Counter(crm_ledger(home)), beside.notes()
    tasks = Counter(key.split("/")[0] for key, kind in ledger if kind == "create_task")
    doubles = (n - 1 for n in (*ledger.values(), *tasks.values(), *notes))
    return Verdict(
        signals=len(kept.signals),
        effects=ledger.total(),
        tasks=tasks.total(),
        notes=len(notes),
        told=sum(one.told for one in told),
        missing=len(expected.signals - kept.signals) + len(expected.aside - kept.aside),
        unsent=len(kept.signals - expected.signals),
        taken_again=again,
        doubled=sum(doubles) + len(beside.desk.broken),
        waiting=waiting,
        untold=sum(one.untold for one in told),
        disordered=sum(one.disordered for one in told),
    )


async def _given(home: Home, deliveries: Sequence[Delivery]) -> int:
    """Each delivery once; how many things of it were new."""
    receivers, items = SettingsReceivers(home.settings), list[RawItem]()
    for one in sorted(set(deliveries), key=lambda each: (each.vendor, each.body)):
        receiver = receivers.get(one.vendor)
        assert receiver is not None
        items += receiver.read(_proven(one), now=home.clock.now()).items
    return (await kept_of(home, items)).accepted


async def _kept(home: Home) -> _Kept:
    held = await home.quarantine.open_items(home.tenant, limit=MANY)
    aside = [await home.quarantine.release(home.tenant, one.item_id) for one in held]
    with closing(sqlite3.connect(home.root / DATABASE)) as store:
        refs = [ref for (ref,) in store.execute("SELECT ref FROM signal")]
    return _Kept(frozenset(refs), frozenset(one.raw for one in aside))


async def _worked(home: Home) -> int:
    """Work off what is due, at the desk too; how much still waits."""
    follows = desk_loop(home, Ears(heard=WISH))
    assert follows is not None
    await follows.drain()
    await worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets))
    return await home.inbox.waiting()


async def _events(home: Home, region: str) -> list[str]:
    """Ids of all events of a region, in order."""
    found, after, more = list[str](), 0, True
    while more:
        one = await page(home, Region(region), after, types=ALL, limit=500)
        found, after, more = found + [event.id for event in one.events], one.after, one.more
    return found


@dataclass(frozen=True)
class Told:
    """How a receiver was told."""

    told: int
    untold: int
    disordered: int


def told_well(told: Sequence[str], expected: Sequence[str]) -> Told:
    """`told` as it arrived against what there is in its order; the last one once more is no fault.

    >>> told_well(["a", "b", "b", "c"], ["a", "b", "c", "d"])
    Told(told=3, untold=1, disordered=0)
    >>> told_well(["a", "c", "b", "x"], ["a", "b", "c"])
    Told(told=4, untold=0, disordered=3)
    """
    once = [one for one, _ in groupby(told)]
    disordered = sum(one != right for one, right in zip_longest(once, expected[: len(once)]))
    return Told(len(set(told)), len(set(expected) - set(told)), disordered)


def _proven(one: Delivery) -> Proven:
    return Proven(SENDERS[one.vendor].sign(one.body, 0, SENDERS[one.vendor].secret), one.body, "")
