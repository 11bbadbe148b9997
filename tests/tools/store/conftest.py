"""A store in a fresh folder, copied from one that was made before."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tools.store import Config, Store, open_store

OpenStore = Callable[..., Store]


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and nothing in them."""
    path = tmp_path_factory.mktemp("empty") / "store.db"
    open_store(path).close()
    return path


@pytest.fixture
def opened(tmp_path: Path, empty_store: Path) -> Iterator[OpenStore]:
    """Opens a store; again with the same name for what another process would see."""
    stores: list[Store] = []

    def open_it(
        name: str = "store.db", *, config: Config | None = None, **points: Callable[[str], None]
    ) -> Store:
        path = tmp_path / name
        if not path.exists():
            shutil.copy(empty_store, path)
        stores.append(open_store(path, config, **points))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: OpenStore) -> Store:
    """A store with the usual configuration."""
    return opened()
