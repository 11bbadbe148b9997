"""The shelf: versions are kept whole, changes are recorded before they count, a crash leaves no half."""

from pathlib import Path

import pytest

from domain.audit import AuditEntry
from domain.errors import BadInput, ConfigError
from domain.ids import Region, TenantId
from tests.tools.policy.editing import SHIPPED, PolicyFolder
from tools.policy.shelf import PolicyShelf


class Rows(list[AuditEntry]):
    """Takes audit rows, and says what was active when each came."""

    def __init__(self, home: Path) -> None:
        super().__init__()
        self.home, self.seen = home, list[str | None]()

    def __call__(self, entry: AuditEntry) -> None:
        """Keep the row."""
        self.append(entry)
        self.seen.append(shelf_of(self.home).active_version())


def shelf_of(home: Path) -> PolicyShelf:
    """A shelf as a new process would open it."""
    return PolicyShelf(home, tenant=TenantId("t"), region=Region("eu"))


def other(folder: PolicyFolder, hours: int = 48) -> Path:
    """The shipped policy with another recheck."""
    folder.set("timing.csv", "hot_recheck", then__hold_hours=str(hours))
    folder.set("timing.cases.csv", "hot by day", then__hold_hours=str(hours))
    return folder.path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that was never opened."""
    return tmp_path / "home"


@pytest.fixture
def rows(home: Path) -> Rows:
    """Audit rows."""
    return Rows(home)


def test_shipped_policy_is_promoted_at_the_first_opening_only(home: Path, rows: Rows) -> None:
    """One audit row, one line of history; later openings change nothing."""
    policy = shelf_of(home).open(SHIPPED, at=5, record=rows)
    again = shelf_of(home).open(SHIPPED, at=9, record=rows)
    assert again.version == policy.version == shelf_of(home).active_version()
    assert [(entry.step, entry.code, entry.at) for entry in rows] == [("policy", "promoted", 5)]
    assert [change.previous for change in shelf_of(home).history()] == [None]


def test_promoted_version_is_kept_whole(home: Path, rows: Rows, folder: PolicyFolder) -> None:
    """Editing or deleting the folder afterwards does not touch what is active."""
    shelf = shelf_of(home)
    before = shelf.open(SHIPPED, at=1, record=rows).version
    change = shelf.promote(other(folder), who="ann", comment="recheck sooner", at=2, record=rows)
    folder.edit("timing.csv", "48", "49")
    kept = shelf_of(home).active()
    assert kept.version == change.version != before
    assert kept.tables[-1].rows[3].fired.outputs["hold_hours"] == 48
    old = shelf_of(home).get(before)
    assert old is not None
    assert old.version == before
    assert shelf_of(home).get("0" * 12) is None
    assert shelf_of(home).get("../..") is None


def test_audit_row_comes_before_the_change_and_names_no_person(
    home: Path, rows: Rows, folder: PolicyFolder
) -> None:
    """Codes and digests only; who and why stay in the history."""
    shelf = shelf_of(home)
    first = shelf.open(SHIPPED, at=1, record=rows).version
    change = shelf.promote(other(folder), who="ann.smith", comment="recheck sooner", at=2, record=rows)
    assert rows.seen == [None, first]
    row = rows[-1]
    assert (row.step, row.code, row.versions) == ("policy", "promoted", {"policy": change.version})
    assert row.detail["previous"] == first
    assert len(str(row.detail["history_line"])) == 64
    assert "ann" not in repr(row)
    assert "sooner" not in repr(row)


def test_change_whose_audit_row_cannot_be_written_does_not_happen(
    home: Path, rows: Rows, folder: PolicyFolder
) -> None:
    """No effect without its record."""

    def full(_: AuditEntry) -> None:
        raise OSError("disk full")

    first = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    with pytest.raises(OSError, match="disk full"):
        shelf_of(home).promote(other(folder), who="ann", comment="x", at=2, record=full)
    assert shelf_of(home).active_version() == first
    assert len(shelf_of(home).history()) == 1


def test_rollback_goes_back_step_by_step(home: Path, rows: Rows, tmp_path: Path) -> None:
    """Each takes one promotion back; at the first version there is nothing left."""
    shelf = shelf_of(home)
    versions = [shelf.open(SHIPPED, at=1, record=rows).version]
    for hours in (48, 24):
        place = other(PolicyFolder(tmp_path / str(hours)), hours)
        versions.append(shelf.promote(place, who="ann", comment="x", at=hours, record=rows).version)
    back = [shelf_of(home).rollback(who="bob", comment="worse", at=99, record=rows).version for _ in range(2)]
    assert back == [versions[1], versions[0]]
    with pytest.raises(BadInput, match="no earlier version"):
        shelf_of(home).rollback(who="bob", comment="worse", at=99, record=rows)
    assert [(c.what, c.version, c.who) for c in shelf_of(home).history()[3:]] == [
        ("rolled_back", versions[1], "bob"),
        ("rolled_back", versions[0], "bob"),
    ]
    assert [entry.code for entry in rows] == ["promoted"] * 3 + ["rolled_back"] * 2


def test_tables_with_mistakes_are_never_promoted(home: Path, rows: Rows, folder: PolicyFolder) -> None:
    """All or nothing."""
    first = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    folder.set("routing.csv", "warm", when__band="wram")
    with pytest.raises(ConfigError, match="wram"):
        shelf_of(home).promote(folder.path, who="ann", comment="x", at=2, record=rows)
    assert shelf_of(home).active_version() == first
    assert len(rows) == 1


def test_active_version_is_not_promoted_twice_and_a_reason_is_needed(
    home: Path, rows: Rows, folder: PolicyFolder
) -> None:
    """An empty comment helps nobody later."""
    shelf_of(home).open(SHIPPED, at=1, record=rows)
    with pytest.raises(BadInput, match="active already"):
        shelf_of(home).promote(SHIPPED, who="ann", comment="again", at=2, record=rows)
    with pytest.raises(BadInput, match="comment"):
        shelf_of(home).promote(other(folder), who="ann", comment="  ", at=2, record=rows)


def test_version_that_was_tampered_with_is_refused(home: Path, rows: Rows) -> None:
    """The name of a version is the hash of its content."""
    version = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    file = home / "policies" / version / "routing.csv"
    file.write_text(
        file.read_text().replace("A hot lead clearly wants to buy.", "A hot lead clearly wants to sell.")
    )
    with pytest.raises(ConfigError, match="was changed after it was promoted"):
        shelf_of(home).active()


def test_crash_between_history_and_pointer_is_put_right(home: Path, rows: Rows, folder: PolicyFolder) -> None:
    """The history is the truth."""
    first = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    change = shelf_of(home).promote(other(folder), who="ann", comment="x", at=2, record=rows)
    (home / "policies" / "active").write_text(first + "\n")
    assert shelf_of(home).open(SHIPPED, at=3, record=rows).version == change.version
    assert shelf_of(home).active_version() == change.version
    assert len(rows) == 2


def test_torn_line_at_the_end_of_the_history_does_not_count(
    home: Path, rows: Rows, folder: PolicyFolder
) -> None:
    """The change did not happen, and the next one starts on a line of its own."""
    first = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    with (home / "policies" / "history.jsonl").open("ab") as out:
        out.write(b'{"number":2,"what":"promo')
    assert shelf_of(home).open(SHIPPED, at=2, record=rows).version == first
    change = shelf_of(home).promote(other(folder), who="ann", comment="x", at=3, record=rows)
    assert change.number == 2
    assert [one.version for one in shelf_of(home).history()] == [first, change.version]


def test_torn_first_line_means_a_fresh_start(home: Path, rows: Rows) -> None:
    """A crash during the very first opening."""
    (home / "policies").mkdir(parents=True)
    (home / "policies" / "history.jsonl").write_bytes(b'{"number":1')
    version = shelf_of(home).open(SHIPPED, at=1, record=rows).version
    assert [one.version for one in shelf_of(home).history()] == [version]


def test_damaged_history_is_an_error(home: Path, rows: Rows) -> None:
    """Rather than a guess."""
    shelf_of(home).open(SHIPPED, at=1, record=rows)
    (home / "policies" / "history.jsonl").write_text("nonsense\n")
    with pytest.raises(ConfigError, match="damaged"):
        shelf_of(home).history()
