"""A command line over a real home on stream time: signals come in, actions go to the embedded CRM."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from app import Toolbox, open_home
from domain.instants import Instant, instant
from domain.ports.home import Home
from surfaces.cli.context import Cli, Exit
from surfaces.cli.root import run
from surfaces.cli.worker import worked_off
from surfaces.dispatcher import Dispatcher
from surfaces.door import Item, take
from surfaces.worker import Worker, deps_of
from tests.crash.hot import START, hot_lead, raw
from tools.crm.embedded import Reports
from tools.crm.embedded.file import CrmFile


def item(number: int, kind: str, payload: dict[str, Any]) -> Item:
    """One more signal of the lead, `number` minutes after the start."""
    return number, raw(f"s{number}", kind, payload, minute=number)


def a_hot_lead(amount: int) -> list[Item]:
    return list(enumerate(hot_lead(amount)))


class Desk(Toolbox):
    """The real tools, with somebody at the keyboard."""

    user = "ann"

    def user_name(self) -> str:
        return self.user


class World:
    """A command line over a real home on stream time."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self._capsys, self.desk = root, capsys, Desk()
        self.at = instant(START + timedelta(minutes=30))
        self.err = io.StringIO()

    @property
    def user(self) -> str:
        """Who is at the keyboard."""
        return self.desk.user

    @user.setter
    def user(self, name: str) -> None:
        self.desk.user = name

    @contextmanager
    def home(self, **options: Any) -> Iterator[Home]:
        options.pop("virtual_clock", None)
        with open_home(virtual_clock=True, home=self.root / "home", **options) as home:
            clock: Any = home.clock
            clock.advance(Instant(self.at))
            yield home

    def works(self, *items: Item) -> None:
        """Signals come in, leads are decided, actions go out."""

        async def work(home: Home) -> None:
            await take(home, items)
            await worked_off(Worker(home, deps_of(home)), Dispatcher(home, home.targets))

        with self.home() as home:
            asyncio.run(work(home))

    def call(self, *words: str) -> tuple[int, str]:
        """Exit code and stdout of ``leadgraph WORDS``."""
        self._capsys.readouterr()
        cli = Cli(
            open=self.home, tools=self.desk, out=Console(width=200), err=Console(file=self.err, width=200)
        )
        code = run(cli, list(words))
        return code, self._capsys.readouterr().out

    def records(self, *words: str) -> list[dict[str, Any]]:
        code, out = self.call(*words, "--json")
        assert code == Exit.OK, self.err.getvalue()
        return [orjson.loads(line) for line in out.splitlines()]

    def crm(self) -> Reports:
        return Reports(CrmFile(self.root / "home" / "crm.db"))

    def sent(self) -> list[str]:
        """Kinds of step in the CRM's own ledger."""
        return [line.kind.value for line in self.crm().ledger()]

    def approve(self, by: str, proposal_hash: str, name: str, verdict: str = "approve") -> tuple[int, str]:
        self.desk.user = by
        return self.call("approvals", "decide", name, verdict, "--hash", proposal_hash)
