"""Every contract test runs on the durable store and on its twin in memory."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.contract.stores import AnyStore, OpenStore
from tools.fakes import open_memory
from tools.store import Config, open_store


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and nothing in them, to be copied: migrating takes a while."""
    path = tmp_path_factory.mktemp("empty") / "store.db"
    open_store(path).close()
    return path


@pytest.fixture(params=["memory", "sqlite"])
def open_any(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> Iterator[OpenStore]:
    """Opens a store of the kind under test; ``open_any(max_waiting=2)`` sets its configuration."""
    opened: list[AnyStore] = []

    def open_it(**config: object) -> AnyStore:
        made = Config(**config)  # type: ignore[arg-type]  # a test names what it sets
        if request.param == "memory":
            opened.append(open_memory(made))
        else:
            path = shutil.copy(empty_database, tmp_path / f"{len(opened)}.db")
            opened.append(open_store(Path(path), made))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


@pytest.fixture
def store(open_any: OpenStore) -> AnyStore:
    """A store with the usual configuration."""
    return open_any()
