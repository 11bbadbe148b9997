"""A home that is backed up, goes on, is lost, and comes back; its CRM remembers everything."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.effect import Delivery, StepKind
from domain.instants import Instant, instant
from domain.ports.home import Home
from domain.ports.target import Target
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.door import Item, take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead, raw
from tests.surfaces.cli.acting_world import World
from tools.backup.doors import Backups
from tools.backup.restore import Restoration
from tools.crm.embedded import EmbeddedCrm
from tools.settings import find_settings

SENT_ONCE = ("create_task", "add_note", "set_owner", "enrol")
"""Steps of which a lead has one in an episode; a score may be written again."""


def lead(number: int, *, hours: int = 0) -> list[Item]:
    """A hot lead, so many hours after the start."""
    first = START + timedelta(hours=hours)
    said = hot_lead(20_000, f"lead-{number}")
    times = ((first + timedelta(minutes=n)).isoformat() for n in range(len(said)))
    return [(n, {**one, "occurred_at": at}) for n, (one, at) in enumerate(zip(said, times, strict=True))]


def deletion(number: int, minute: int = 25) -> Item:
    """The lead asks to be forgotten."""
    return 0, raw(f"forget-{number}", "crm.privacy_delete", {}, lead=f"lead-{number}", minute=minute)


class Backed(World):
    """The world of the command line, with its parts taken one by one."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__(root, capsys)
        self.folder, self.backup = root / "home", root / "backup"

    @property
    def backups(self) -> Backups:
        return Backups(find_settings().settings, self.home)

    def take(self, *, with_keys: bool = False) -> None:
        self.backups.take(self.backup, with_keys=with_keys)

    def restore(self, **wishes: Any) -> Restoration:
        asked = {"replace": True, "keys": None, "targets_from_backup": False, "without_erasures": False}
        return self.backups.restore(self.backup, **{**asked, **wishes})

    def accepts(self, *items: Item) -> None:
        with self.home() as home:
            asyncio.run(take(home, items))

    def decides(self) -> None:
        with self.home() as home:
            asyncio.run(Worker(home, deps_of(home)).drain())

    def sends(self, targets: Mapping[StepKind, Target] | None = None) -> dict[str, int]:
        """Deliver what is due; what became of it."""
        with self.home() as home:
            return asyncio.run(Dispatcher(home, targets or home.targets).drain()).document()

    def works_off(self) -> None:
        async def work(home: Home) -> None:
            await worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets))

        with self.home() as home:
            asyncio.run(work(home))

    def later(self, **time: float) -> None:
        self.at = Instant(self.at + instant(START + timedelta(**time)) - instant(START))

    def ledger(self) -> list[tuple[str, str, str]]:
        """(record, kind, key) of every request that the CRM applied, but for scores."""
        lines = self.crm().ledger()
        return sorted(
            (str(one.record), one.kind.value, one.key) for one in lines if one.kind.value in SENT_ONCE
        )

    def counted(self) -> dict[tuple[str, str], int]:
        """How many steps of each kind each record of the CRM has seen."""
        counts: dict[tuple[str, str], int] = {}
        for record, kind, _ in self.ledger():
            counts[record, kind] = counts.get((record, kind), 0) + 1
        return counts

    def states(self) -> dict[str, list[str]]:
        """Kind of action -> states of its rows."""
        with self.home(exclusive=False) as home:
            rows = asyncio.run(home.outbox.rows(home.tenant))
        found: dict[str, list[str]] = {}
        for row in rows:
            found.setdefault(row.kind.value, []).append(row.state.value)
        return {kind: sorted(states) for kind, states in found.items()}

    def forgetful_crm(self) -> EmbeddedCrm:
        """The same CRM, behaving like one that neither knows keys nor can be asked for them."""
        with self.home(exclusive=False) as home:
            return EmbeddedCrm(self.folder / "crm.db", home.clock, delivery=Delivery.NEITHER)
