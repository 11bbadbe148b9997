"""A CRM behind a real port that misbehaves as a test says, and a home on stream time that delivers to it."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from domain.ids import LeadId, TenantId
from domain.instants import MINUTE, Instant
from domain.ports.home import Home
from surfaces.dispatcher import Dispatcher
from tests.surfaces.cli.acting_world import World
from tools import targets
from tools.crm.embedded import Reports, wire
from tools.crm.embedded.book import Book
from tools.crm.embedded.file import CrmFile
from tools.crm.embedded.people import People
from tools.crm.embedded.server import CrmServer, Door
from tools.guard_target import Guards
from tools.retry import NEVER

TENANT = TenantId("default")
Answer = tuple[int, dict[str, str]]
"""Status, and headers beside the usual ones."""
Misdeed = Callable[[str, dict[str, Any]], Answer | None]
"""Given the path and the request, an answer in place of the right one; None: the right one."""


def well_behaved(path: str, asked: dict[str, Any]) -> Answer | None:
    return None


@dataclass(frozen=True)
class Request:
    """One request that arrived, at an Instant of the stream."""

    at: int
    path: str
    status: int


class Crm:
    """The embedded CRM behind a port of its own."""

    def __init__(self, file: Path, clock: Any) -> None:
        self.file, self.clock, self.token = file, clock, "token-1"
        self.misdeed: Misdeed = well_behaved
        self.log: list[Request] = []
        self._port = 0
        self._server: CrmServer | None = None
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def up(self) -> None:
        """Listen, on the same port as before."""
        crm = self

        class Misbehaving(Door):
            extra: dict[str, str]

            def do_POST(self) -> None:  # noqa: N802 - as the standard library calls it
                self.server.token, self.extra = crm.token, {}
                super().do_POST()

            def answer(self, body: bytes) -> tuple[int, dict[str, Any]]:
                wrong = crm.misdeed(self.path, wire.loads(body))
                if wrong is None:
                    return super().answer(body)
                self.extra = wrong[1]
                return wrong[0], {}

            def reply(self, status: int, content: Any) -> None:
                crm.log.append(Request(crm.clock.now(), self.path, status))
                super().reply(status, content)

            def end_headers(self) -> None:
                for name, value in self.extra.items():
                    self.send_header(name, value)
                super().end_headers()

        book = Book(self.file, self.clock)
        server = CrmServer(book, port=self._port, token=self.token, door=Misbehaving)
        self._port, self._server = server.server_address[1], server
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        """Nobody listens."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.book.close()
            self._server = None

    @contextmanager
    def reports(self) -> Iterator[Reports]:
        with closing(CrmFile(self.file)) as file:
            yield Reports(file)

    @contextmanager
    def people(self) -> Iterator[People]:
        with closing(CrmFile(self.file)) as file:
            yield People(file)

    def effects(self) -> list[str]:
        """Kinds of step in its own ledger."""
        with self.reports() as reports:
            assert reports.doubled() == []
            return sorted(line.kind.value for line in reports.ledger())


class Failing(World):
    """A command line over a home whose actions go to a CRM that may misbehave."""

    def __init__(
        self, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(root, capsys)
        self.monkeypatch = monkeypatch
        self.token_file = root / "token"
        self.token_file.write_text("token-1", "utf-8")
        self.remote = Crm(root / "theirs.db", self)
        monkeypatch.setenv("LEADGRAPH_CRM_URL", self.remote.url)
        monkeypatch.setenv("LEADGRAPH_CRM_TOKEN_FILE", str(self.token_file))
        # Tries within one call wait in real time; here time is the stream's.
        monkeypatch.setattr(targets, "OUTSIDE", Guards(retries=NEVER))

    def now(self) -> Instant:
        """The time of the stream: the CRM goes by it too."""
        return Instant(self.at)

    def elapse(self, minutes: float, *, then: Callable[[], None] | None = None) -> None:
        """A dispatcher works for so long; afterwards `then` happens, and it works off what is due then."""
        self.spans((minutes, then or (lambda: None)), (0, lambda: None))

    def spans(self, *spans: tuple[float, Callable[[], None]]) -> None:
        """One dispatcher works through spans of so many minutes, each with what happens at its end."""

        async def work(home: Home) -> None:
            dispatcher = Dispatcher(home, home.targets)
            for minutes, happens in spans:
                await self._until(home, dispatcher, self.at + round(minutes * MINUTE))
                happens()
            await dispatcher.drain()

        with self.home() as home:
            asyncio.run(work(home))

    async def _until(self, home: Home, dispatcher: Dispatcher, end: int) -> None:
        clock: Any = home.clock
        while True:
            await dispatcher.drain()
            due = await home.outbox.next_due()
            self.at = Instant(end if due is None else min(max(due, self.at + 1), end))
            clock.advance(self.at)
            if self.at >= end:
                return

    def actions(self) -> dict[str, dict[str, Any]]:
        """The newest action of each kind, as a person gets it with --json."""
        found = self.records("decisions", "actions")
        return {one["kind"]: one for one in reversed(found)}

    def of(self, lead: LeadId, kind: str) -> list[dict[str, Any]]:
        """All actions of a kind for a lead, newest first."""
        found = self.records("decisions", "actions")
        return [one for one in found if (one["lead"], one["kind"]) == (lead, kind)]

    def text(self, *words: str) -> str:
        code, out = self.call(*words)
        assert code == 0, self.err.getvalue()
        return " ".join(out.split())

    def lead(self) -> tuple[TenantId, LeadId]:
        """The only lead there is."""
        (one,) = self.leads()
        return TENANT, one

    def leads(self) -> set[LeadId]:
        return {LeadId(record["lead"]) for record in self.records("leads", "list")}

    def standing(self) -> dict[str, Any]:
        """What no outage may touch, lead by lead: score, band, attempts, whether it is parked (I9)."""
        with closing(sqlite3.connect(self.root / "home" / "leadgraph.db")) as conn:
            leads = conn.execute(
                "SELECT lead_id, attempt, parked FROM lead WHERE live ORDER BY lead_id"
            ).fetchall()
            found = {}
            for lead, attempt, parked in leads:
                query = "SELECT content FROM decision WHERE lead_id = ? ORDER BY seq DESC LIMIT 1"
                decision = orjson.loads(conn.execute(query, (lead,)).fetchone()[0])
                found[lead] = (decision["score"]["points"], decision["band"]["band"], attempt, parked)
        return found
