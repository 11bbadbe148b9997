"""A home that cannot be written: said in words, with the place and the remedy, and nothing of it changes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import open_home
from domain.errors import ConfigError, LeadgraphError, Temporary
from tests.disk.disk_world import now, placed, read_only, without_rights
from tests.tools.store.power import Disk
from tools.backup.inspect import inspect
from tools.settings import find_settings
from tools.store import open_store


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder on the way to which everybody may go."""
    place = Path(tempfile.mkdtemp(prefix="leadgraph-read-only-"))
    place.chmod(0o755)
    try:
        yield place
    finally:
        shutil.rmtree(place)


@pytest.fixture
def home(folder: Path) -> Path:
    """A home in which something was done."""
    with placed(folder / "home", Disk()) as place:
        now(place.takes("lead-1"))
        now(place.worker.drain())
        now(place.until_sent())
    return folder / "home"


def contents(home: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(home.rglob("*")) if file.is_file()}


def test_a_place_that_cannot_be_written_is_named(folder: Path) -> None:
    """With what to do."""
    open_store(folder / "other.db").close()  # what is loaded on first use is loaded
    with read_only(folder), without_rights(), pytest.raises(Temporary, match=r"store\.db.*can be written"):
        open_store(folder / "store.db")


def test_a_read_only_store_takes_nothing_and_says_so(home: Path) -> None:
    before = contents(home)
    with (
        read_only(home),
        without_rights(),
        pytest.raises(LeadgraphError, match=r"leadgraph\.db.*(right|written)"),
    ):
        open_store(home / "leadgraph.db")
    assert contents(home) == before


def test_a_read_only_home_is_not_opened_and_says_so(home: Path) -> None:
    """Neither to write nor to read: a reader of the store needs its index of the log."""
    before = contents(home)
    for exclusive in (True, False):
        with (
            read_only(home),
            without_rights(),
            pytest.raises((ConfigError, Temporary), match=r"home.*cannot be|Permission denied"),
            open_home(home=home, exclusive=exclusive),
        ):
            raise AssertionError("it was opened")
    assert contents(home) == before


def test_with_the_right_to_write_again_it_goes_on(home: Path) -> None:
    """Nothing was lost, and nothing is sent twice."""
    with read_only(home), without_rights(), pytest.raises(LeadgraphError), open_home(home=home):
        raise AssertionError("it was opened")
    if os.geteuid() == 0:
        for file in (home, *home.rglob("*")):
            os.chown(file, 0, 0)
    assert inspect(find_settings(home=home).settings).ok
    with placed(home, Disk()) as place:
        now(place.until_sent())
        assert now(place.receipts_equal_the_ledger())
