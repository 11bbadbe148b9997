"""What is there after the storm: in the inbox, and in the CRM's own ledger."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app import open_home
from domain.ports.home import Home
from domain.ports.receivers import Delivery as Proven
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.webhooks.router import kept_of
from surfaces.worker import Worker, deps_of
from tests.storm.deliveries import Delivery
from tests.storm.serving import SECRETS
from tests.surfaces.webhooks.sending import SENDERS, URL
from tools.receivers import SettingsReceivers
from tools.targets import crm_ledger


@dataclass(frozen=True)
class Verdict:
    """Figures after everything was worked off. All but `signals`, `effects` and `tasks` should be 0."""

    signals: int
    effects: int
    tasks: int
    missing: int
    """Things that were sent and are not there."""
    doubled: int
    """Requests that the CRM carried out twice, and leads with two tasks."""
    waiting: int


def judged(home: Path, deliveries: Sequence[Delivery]) -> Verdict:
    """Work everything off, then count; sending all once more must bring nothing new."""
    settings = {"memory": "off", "public_url": URL, **SECRETS}
    with open_home(home=home, given=settings) as opened:
        missing, signals, waiting = asyncio.run(_worked(opened, deliveries))
    ledger = Counter(crm_ledger(home))
    tasks = Counter(key.split("/")[0] for key, kind in ledger if kind == "create_task")
    doubled = sum(n - 1 for n in (*ledger.values(), *tasks.values()))
    return Verdict(signals, ledger.total(), tasks.total(), missing, doubled, waiting)


async def _worked(home: Home, deliveries: Sequence[Delivery]) -> tuple[int, int, int]:
    counts = await home.reads.counts(home.tenant)
    stored = counts["signals"] - counts["duplicates"]
    receivers, missing = SettingsReceivers(home.settings), 0
    for one in set(deliveries):
        receiver = receivers.get(one.vendor)
        assert receiver is not None
        kept = await kept_of(home, receiver.read(_proven(one), now=home.clock.now()).items)
        missing += kept.accepted
    await worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets))
    return missing, stored, await home.inbox.waiting()


def _proven(one: Delivery) -> Proven:
    return Proven(SENDERS[one.vendor].sign(one.body, 0, SENDERS[one.vendor].secret), one.body, "")
