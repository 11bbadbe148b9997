"""What every test gets: repeatable examples, a clean environment, no network, data sets if they are there."""

import os
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests import shared_tables

shared_tables.install()

settings.register_profile("dev", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("dev")  # `--hypothesis-profile=ci` on the command line wins over this line

DATA = os.environ.get("LEADGRAPH_DATA", "")  # noqa: TID251 - the tests' own settings, read once
REQUIRE = os.environ.get("LEADGRAPH_REQUIRE_DATA") == "1"  # noqa: TID251 - the tests' own settings, read once
OUTSIDE = ("LEADGRAPH_", "OPENAI_", "LANGSMITH_", "LANGCHAIN_")
"""Prefixes of variables that would make a test depend on who runs it."""

DataFile = Callable[..., Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the data sets is marked `data` whether or not its author thought of it."""
    for item in items:
        if {"data_dir", "data_file"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.data)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With LEADGRAPH_REQUIRE_DATA=1, a test marked `data` that skips has failed, whatever its reason."""
    report = yield
    if REQUIRE and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("data"):
        report.outcome = "failed"
        report.longrepr = f"skipped, though LEADGRAPH_REQUIRE_DATA=1 says its data is here: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the data sets; without it the test is skipped."""
    if not DATA:
        pytest.skip("LEADGRAPH_DATA is not set: it names the folder of the data sets")
    folder = Path(DATA)
    if not folder.is_dir():
        pytest.skip(f"LEADGRAPH_DATA names {folder}, which is not a folder")
    return folder


@pytest.fixture(scope="session")
def data_file(data_dir: Path) -> DataFile:
    """`data_file("banking77", "test.csv")` is that file; where it is missing the test skips and says so."""

    def find(*parts: str) -> Path:
        file = data_dir.joinpath(*parts)
        if not file.exists():
            pytest.skip(f"LEADGRAPH_DATA has no {'/'.join(parts)}")
        return file

    return find


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting or key of the caller reaches a test, and a test reaches nothing but this machine."""
    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:  # noqa: TID251 - to remove them
        monkeypatch.delenv(name)
    monkeypatch.setenv(
        "LEADGRAPH_MEMORY", "off"
    )  # its engine takes seconds to load: tests of memory turn it on
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            pytest.fail(f"a test reached for the network: {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
