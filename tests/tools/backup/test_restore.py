"""Putting a backup back: what does not fit is refused with nothing changed; what comes back is sound."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from domain.errors import BadInput, ConfigError, LeadgraphError, Temporary
from tests.tools.backup.backup_world import Backed, deletion, lead
from tools.backup import manifest as manifests
from tools.backup.inspect import inspect
from tools.backup.mark import read_mark
from tools.settings import find_settings

pytestmark = pytest.mark.slow


def everything(folder: Path) -> dict[str, bytes]:
    """All files but those that SQLite makes beside a database that it reads."""
    files = manifests.below(folder).items()
    return {name: file.read_bytes() for name, file in files if not name.endswith(("-wal", "-shm"))}


@pytest.fixture
def backed(world: Backed) -> Backed:
    """One lead is in the backup, another came after it."""
    world.works(*lead(1))
    world.take()
    world.works(*lead(2))
    return world


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def newer(backup: Path) -> None:
    edit(backup, schema="9999")


def of_another(backup: Path) -> None:
    edit(backup, tenant="other")


def edit(backup: Path, **values: object) -> None:
    said = manifests.read(backup)
    manifests.write(backup, type(said)(**{**{n: getattr(said, n) for n in said.__slots__}, **values}))


def pointing_out(backup: Path) -> None:
    said = manifests.read(backup)
    edit(backup, files={**said.files, "home/../../x": manifests.Stored("0" * 64, 0)})


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (lambda backup: flip(backup / "home" / "leadgraph.db"), "is not what was backed up"),
    (lambda backup: (backup / "home" / "crm.db").unlink(), r"crm\.db is missing"),
    (lambda backup: (backup / "manifest.json").unlink(), r"has no manifest\.json"),
    (lambda backup: flip(backup / "manifest.json"), r"damaged|was changed|no manifest|format"),
    (lambda backup: (backup / "manifest.json").write_bytes(b"{"), "damaged"),
    (newer, "made by a newer version"),
    (of_another, "belongs to tenant other"),
    (pointing_out, "points out of the backup"),
]


@pytest.mark.parametrize(("damage", "words"), BROKEN)
def test_a_backup_that_does_not_fit_changes_nothing(
    backed: Backed, damage: Callable[[Path], object], words: str
) -> None:
    damage(backed.backup)
    before = everything(backed.folder)
    with pytest.raises(LeadgraphError, match=words):
        backed.restore()
    assert everything(backed.folder) == before
    assert [
        one.name for one in backed.root.iterdir() if "before" in one.name or "restoring" in one.name
    ] == []


def test_a_home_that_is_there_is_replaced_only_on_request_and_put_aside(backed: Backed) -> None:
    before = everything(backed.folder)
    with pytest.raises(BadInput, match="is not empty"):
        backed.restore(replace=False)
    done = backed.restore()
    assert done.aside is not None
    assert everything(done.aside) == before


def test_a_home_that_is_in_use_is_not_replaced(backed: Backed) -> None:
    with backed.home(), pytest.raises(Temporary, match="in use"):
        backed.restore()


def test_wrong_or_missing_keys_are_found_before_anything_is_changed(backed: Backed) -> None:
    """Without the right ones the restored home could read nothing of what it holds."""
    keys = backed.root / "keys"
    shutil.copytree(backed.folder / "keys", keys)
    flip(keys / "master.key")
    before = everything(backed.folder)
    with pytest.raises(ConfigError, match=r"not the key .*--keys FOLDER"):
        backed.restore(keys=keys)
    (keys / "master.key").unlink()
    with pytest.raises(ConfigError, match=r"cannot be read.*--keys FOLDER"):
        backed.restore(keys=keys)
    assert everything(backed.folder) == before


def test_a_whole_installation_comes_back_on_an_empty_machine(backed: Backed) -> None:
    """With the keys in the backup and the list of deletions at its place, nothing else is needed."""
    shutil.rmtree(backed.backup)
    backed.take(with_keys=True)
    shutil.rmtree(backed.folder)
    backed.restore(replace=False)
    assert inspect(find_settings().settings).ok
    assert backed.call("audit", "show", "lead-1")[0] == 0
    backed.works_off()
    assert backed.states()["create_task"] == ["done", "done"]


def test_a_lead_erased_after_the_backup_stays_erased(backed: Backed) -> None:
    """I7: its events and its record of decisions came back with the backup; it is suppressed before anybody works."""
    backed.accepts(deletion(1))
    ledger = backed.ledger()
    backed.restore()
    with backed.home(exclusive=False) as home:
        lead_id = asyncio.run(home.reads.find_lead(home.tenant, "lead-1"))
        assert lead_id is not None
        state = asyncio.run(home.reads.lead(home.tenant, lead_id))
    assert state is not None
    assert (state.suppressed, state.events) == (True, ())
    backed.accepts(*lead(1, hours=1))
    backed.works_off()
    assert backed.ledger() == ledger
    assert inspect(find_settings().settings).ok


def test_a_lead_that_came_and_was_erased_after_the_backup_does_not_come_back_by_a_replay(
    backed: Backed,
) -> None:
    """Its source sends what it said again, and sends the deletion last: the list was there before."""
    backed.accepts(deletion(2))
    ledger = backed.ledger()
    backed.restore()
    backed.accepts(*lead(2))
    backed.works_off()
    assert backed.ledger() == ledger
    assert backed.states()["create_task"] == ["done"]


def test_a_lost_list_of_deletions_is_noticed(backed: Backed) -> None:
    """A restore without it would bring leads back; a person may say so."""
    backed.accepts(deletion(1))
    find_settings().settings.erased_file().unlink()
    with pytest.raises(
        ConfigError, match=r"list of privacy deletions.*--without-erasures.*nothing was changed"
    ):
        backed.restore()
    backed.restore(without_erasures=True)


def test_a_deletion_that_cannot_be_put_on_the_list_is_not_taken_in(backed: Backed) -> None:
    erased = find_settings().settings.erased_file()
    erased.unlink()
    erased.mkdir()
    with pytest.raises((Temporary, ConfigError), match="list"):
        backed.accepts(deletion(1))
    erased.rmdir()
    backed.accepts(deletion(1))
    assert b"forget-1" in erased.read_bytes()
    assert inspect(find_settings().settings).ok


def test_the_restored_log_verifies_and_says_what_is_missing(backed: Backed) -> None:
    """The anchor is ahead of it. A row of its own says where each chain was cut; new rows are anchored again."""
    backed.call("audit", "anchor")
    (whole,) = backed.records("audit", "verify")
    backed.restore()
    (after,) = backed.records("audit", "verify")
    (kept,) = [rows for _, _, rows, _ in manifests.read(backed.backup).heads]
    assert after["ok"]
    assert after["restored"] == {"default/w1": {"rows": kept, "missing_to": whole["rows"]}}
    _, words = backed.call("audit", "verify")
    assert (
        f"rows {kept + 1} to {whole['rows']} are missing since the home was restored from a backup" in words
    )
    backed.works_off()
    backed.call("audit", "anchor")
    (again,) = backed.records("audit", "verify")
    fresh = next(chain for chain in again["anchored_to"] if chain != "default/w1")
    assert (again["ok"], again["unanchored"][fresh]) == (True, 0)


def test_a_log_that_is_cut_further_than_the_restore_says_does_not_verify(backed: Backed) -> None:
    """The row of a restore excuses nothing else, also where the roots in the store are gone with the rows."""
    backed.call("audit", "anchor")
    backed.restore()
    with sqlite3.connect(backed.folder / "leadgraph.db") as conn:
        conn.execute("DELETE FROM root")
        conn.execute(
            "DELETE FROM audit WHERE writer = 'w1' AND seq = (SELECT max(seq) FROM audit WHERE writer = 'w1')"
        )
    code, words = backed.call("audit", "verify")
    assert (code, "was cut off" in words) == (2, True)


def test_a_second_restore_starts_a_chain_of_its_own(backed: Backed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain of the first restore is known to the anchor alone by then."""
    backed.call("audit", "anchor")
    backed.restore()
    backed.works_off()
    backed.call("audit", "anchor")
    mark = read_mark(backed.folder)
    assert mark is not None
    monkeypatch.setattr("tools.backup.restore.SystemClock.now", lambda _: mark.until + 60_000_000)
    backed.restore()
    (found,) = backed.records("audit", "verify")
    assert (found["ok"], len(found["restored"])) == (True, 2)


def test_a_restore_cut_short_before_its_end_is_finished_by_the_next_opening(
    backed: Backed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The home is in its place, but the deletions are not applied yet."""
    backed.accepts(deletion(1))

    class Crash(Exception):
        """Stands for the end of the process."""

    def cut(*_: object) -> None:
        raise Crash

    monkeypatch.setattr("tools.backup.finish.write_mark", cut)
    with pytest.raises(Crash):
        backed.restore()
    monkeypatch.undo()
    monkeypatch.setenv("LEADGRAPH_HOME", str(backed.folder))
    mark = read_mark(backed.folder)
    assert mark is not None
    assert not mark.finished
    backed.works_off()
    mark = read_mark(backed.folder)
    assert mark is not None
    assert mark.finished
    assert inspect(find_settings().settings).ok


def test_a_damaged_mark_of_a_restore_is_not_taken_for_none(backed: Backed) -> None:
    """Without it what was done after the backup would be done twice."""
    backed.restore()
    (backed.folder / "restored.json").write_bytes(orjson.dumps({"taken_at": 1}))
    with pytest.raises(ConfigError, match="done twice"), backed.home():
        raise AssertionError("the home was opened")
