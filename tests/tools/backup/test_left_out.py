"""What a backup leaves out as it can be made anew."""

import pytest

from tests.tools.backup.backup_world import Backed, lead

pytestmark = pytest.mark.slow


def test_vectors_are_not_in_a_backup(world: Backed) -> None:
    world.works(*lead(1))
    (world.folder / "memory").mkdir()
    (world.folder / "memory" / "chroma.sqlite3").write_bytes(b"vectors")
    world.take()
    assert not [file for file in world.backup.rglob("*") if "memory" in file.parts or "chroma" in file.name]
