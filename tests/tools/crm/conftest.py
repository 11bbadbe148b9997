"""Every CRM that keeps the contract."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.tools.crm.worlds import CrmWorld, FixedClock, Server, beside, in_memory
from tools.crm.embedded import EmbeddedCrm

Serve = Callable[..., Server]
TABLES = ("ledger", "item", "membership", "conversation", "link", "record")


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[EmbeddedCrm]:
    """The embedded CRM."""
    crm = EmbeddedCrm(tmp_path / "crm.db", FixedClock())
    yield crm
    crm.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server over the file of `crm`; all of them end with the test."""
    with ExitStack() as stack:

        def start(module: str = "tools.crm.embedded.server", *more: str) -> Server:
            server = Server(tmp_path / "crm.db", module, more)
            stack.callback(server.kill)
            return server

        yield start


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, EmbeddedCrm]]:
    """One server for the tests of a file, as starting a process takes a second."""
    file = tmp_path_factory.mktemp("served") / "crm.db"
    server = Server(file)
    crm = EmbeddedCrm(file, FixedClock())
    yield server, crm
    server.kill()
    crm.close()


@pytest.fixture(params=["memory", "embedded", "remote"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[CrmWorld]:
    """Each CRM in turn, empty."""
    if request.param == "memory":
        yield in_memory()
        return
    if request.param == "embedded":
        crm: EmbeddedCrm = request.getfixturevalue("crm")
        yield beside(crm, crm)
        return
    server, crm = request.getfixturevalue("running")
    with closing(sqlite3.connect(server.file, isolation_level=None)) as conn:
        for table in TABLES:
            conn.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand above
    remote = server.client()
    yield beside(remote, crm)
    await remote.aclose()
