"""Taking a backup: whole or not there, also beside a writer, and without the keys unless they are asked for."""

import asyncio
import sqlite3
import stat
import threading
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import BadInput, Temporary
from tests.tools.backup.backup_world import Backed, lead
from tools.backup import copying
from tools.backup.inspect import inspect
from tools.backup.manifest import read
from tools.backup.take import take_backup
from tools.settings import Settings, find_settings

pytestmark = pytest.mark.slow


def settings() -> Settings:
    return find_settings().settings


class Crash(Exception):
    """Stands for the end of the process."""


@pytest.mark.parametrize("point", ["home/leadgraph.db", "home/crm.db", "manifest.json"])
def test_a_backup_that_was_cut_short_is_not_there(world: Backed, point: str) -> None:
    """Nobody can take it for a whole one; the next one gets its name."""
    world.works(*lead(1))

    def cut(name: str) -> None:
        if name == point:
            assert not world.backup.exists()
            raise Crash

    with pytest.raises(Crash):
        take_backup(settings(), world.backup, on_point=cut)
    assert not world.backup.exists()
    assert [one.name for one in world.root.iterdir() if "part" in one.name] == []
    take_backup(settings(), world.backup)
    assert inspect(settings(), world.backup).ok


def test_what_a_killed_backup_left_does_not_count_and_does_not_stand_in_the_way(world: Backed) -> None:
    """A half folder under the name of the draft."""
    world.works(*lead(1))
    draft = world.root / ".backup.part"
    (draft / "home").mkdir(parents=True)
    (draft / "home" / "leadgraph.db").write_bytes(b"half")
    with pytest.raises(BadInput, match=r"has no manifest\.json"):
        inspect(settings(), draft)
    world.take()
    assert not draft.exists()
    assert inspect(settings(), world.backup).ok


def test_a_full_disk_leaves_no_backup_and_names_the_remedy(
    world: Backed, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.works(*lead(1))
    copied = copying.copy

    def full(source: Path, target: Path) -> None:
        if source.name == "crm.db":
            raise OSError(28, "No space left on device")
        copied(source, target)

    monkeypatch.setattr("tools.backup.take.copy", full)
    with pytest.raises(Temporary, match="make room, or name another place; nothing was left behind"):
        world.take()
    assert not world.backup.exists()


def test_a_backup_never_goes_over_another_one_nor_into_the_home(world: Backed) -> None:
    world.works(*lead(1))
    world.take()
    before = (world.backup / "manifest.json").read_bytes()
    with pytest.raises(BadInput, match="is there already"):
        world.take()
    with pytest.raises(BadInput, match="lies inside the home"):
        take_backup(settings(), world.folder / "backup")
    assert (world.backup / "manifest.json").read_bytes() == before


def test_a_backup_beside_writers_is_of_one_moment(world: Backed) -> None:
    """Signals come in and are decided all the while; every copy is whole, and belongs together."""
    world.works(*lead(0))
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            world.works(*lead(number))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            take_backup(settings(), world.root / f"backup-{number}")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        found = inspect(settings(), world.root / f"backup-{number}")
        assert found.ok, found.document()


def test_keys_are_in_a_backup_only_if_they_are_asked_for(world: Backed) -> None:
    """What is sealed in it stays sealed for whoever has the backup alone; all of it is private to its owner."""
    world.works(*lead(1))
    world.take()
    secret = [file.read_bytes() for file in (world.folder / "keys").iterdir() if file.suffix != ".pub"]
    for file in world.backup.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not [key for key in secret if key in content]
    assert stat.S_IMODE(world.backup.stat().st_mode) == 0o700
    take_backup(settings(), world.root / "whole", with_keys=True)
    names = {file.name for file in (world.root / "whole" / "home" / "keys").iterdir()}
    assert names == {"master.key", "install.secret", "signing.key", "signing.pub"}


def test_a_backup_says_what_it_holds(world: Backed) -> None:
    world.works(*lead(1))
    world.take()
    manifest = read(world.backup)
    with world.home(exclusive=False) as home:
        rows = asyncio.run(home.reads.audit_rows(home.tenant))
        assert manifest.tenant == home.tenant
    assert [(tenant, writer, seq) for tenant, writer, seq, _ in manifest.heads] == [
        ("default", "w1", len(rows))
    ]
    with closing(sqlite3.connect(world.folder / "leadgraph.db")) as conn:
        assert manifest.newest == dict(
            conn.execute("SELECT source, max(received) FROM signal GROUP BY source")
        )
        assert (manifest.schema,) == conn.execute("SELECT version_num FROM alembic_version").fetchone()
    assert manifest.taken_at == world.at
