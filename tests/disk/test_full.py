"""A full disk from the door to the CRM: refused or put back in clear words, never half nor twice; then it goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from domain.effect import StepKind
from domain.errors import Temporary
from domain.instants import MINUTE
from domain.ports.target import Target
from surfaces.door import take
from tests.crash.acting import Mined
from tests.disk.disk_world import (
    BROKEN,
    FULL,
    READ_ONLY,
    Place,
    batch,
    ledger,
    no_file_longer_than,
    now,
    placed,
)
from tests.tools.store.power import Disk
from tools.store import engine

pytestmark = pytest.mark.slow

STORE, CRM = "leadgraph.db", "crm.db"
REMEDY = {FULL: "make room on the disk", READ_ONLY: "give yourself the right", BROKEN: "look at the disk"}


@pytest.mark.parametrize("code", REMEDY)
def test_at_the_door_nothing_is_taken_and_the_cause_is_named(tmp_path: Path, disk: Disk, code: int) -> None:
    """I1: no 2xx for what is not on disk. With room again the same batch comes in whole, by itself."""
    with placed(tmp_path / "home", disk) as place:
        now(place.takes("lead-1"))
        before = now(place.home.reads.counts(place.home.tenant))
        place.full(STORE, code)
        with pytest.raises(Temporary, match=rf"leadgraph\.db.*{REMEDY[code]}"):
            now(place.takes("lead-2"))
        assert now(place.home.reads.counts(place.home.tenant)) == before
        place.free()
        accepted = now(take(place.home, batch("lead-2")))
        assert (accepted.accepted, accepted.duplicates) == (4, 0)
        now(place.worker.drain())
        counts = now(place.home.reads.counts(place.home.tenant))
        assert (counts["applied"], counts["decisions"], counts["waiting"]) == (8, 2, 0)


def test_a_real_limit_of_the_system_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The write itself fails, not a stand-in; a sender that comes again with room is let in."""
    monkeypatch.setitem(engine.PRAGMAS, "wal_autocheckpoint", "0")
    with placed(tmp_path / "home", Disk()) as place:
        now(place.takes("lead-1"))
        log = (tmp_path / "home" / "leadgraph.db-wal").stat().st_size
        with no_file_longer_than(log), pytest.raises(Temporary, match="look at the disk, it may be full"):
            now(place.takes("lead-2"))
        assert now(place.home.reads.counts(place.home.tenant))["signals"] == 4
        now(place.takes("lead-2"))
        now(place.worker.drain())
        now(place.until_sent())
        assert now(place.home.reads.counts(place.home.tenant))["decisions"] == 2
        assert now(place.receipts_equal_the_ledger())


@pytest.mark.parametrize("code", [FULL, BROKEN])
@pytest.mark.parametrize("point", ["claim.after_commit", "commit.before_commit"])
def test_while_deciding_the_run_is_redone_and_never_counts_towards_parking(
    tmp_path: Path, disk: Disk, point: str, code: int
) -> None:
    """I9: more often than a lead may fail, and it is decided all the same."""
    armed = [False]

    def full(name: str) -> None:
        if armed[0] and name == point:
            place.full(STORE, code)

    with placed(tmp_path / "home", disk, full) as place:
        now(place.takes("lead-1"))
        for _ in range(place.home.settings.max_attempts + 3):
            armed[0] = True
            with pytest.raises(Temporary):
                now(place.worker.one_pass())
            armed[0] = False
            place.free()
            assert now(place.home.reads.counts(place.home.tenant))["decisions"] == 0
            place.later(MINUTE)
        now(place.worker.drain())
        counts = now(place.home.reads.counts(place.home.tenant))
        assert (counts["decisions"], counts["parked"], counts["applied"]) == (1, 0, 4)


FALLING: dict[str, Callable[[Target, Place, int], Target]] = {
    "after the send": lambda target, place, code: Mined(target, after=lambda: place.full(STORE, code)),
    "in both": lambda target, place, code: Mined(target, before=lambda: place.full("", code)),
}


@pytest.mark.parametrize("when", ["before the note", "after the send", "in the CRM", "in both"])
@pytest.mark.parametrize("code", [FULL, READ_ONLY, BROKEN])
def test_while_acting_each_effect_happens_once_and_is_on_record(
    tmp_path: Path, disk: Disk, when: str, code: int
) -> None:
    """I2 and I3: whichever write fails, in the end the receipts are the CRM's ledger."""
    armed = [False]

    def full(name: str) -> None:
        if armed[0] and name == "outbox.take.after_commit":
            place.full(STORE, code)

    with placed(tmp_path / "home", disk, full) as place:
        now(place.takes("lead-1", "lead-2"))
        now(place.worker.drain())
        targets = place.home.targets
        if when == "in the CRM":
            place.full(CRM, code)
        elif when != "before the note":
            falling = FALLING[when](targets[StepKind.SET_OWNER], place, code)
            targets = dict.fromkeys(targets, falling)
        armed[0] = when == "before the note"
        done = now(place.sends(targets))
        armed[0] = False
        assert done.done == 0
        assert bool(ledger(place.home)) is (when == "after the send")
        assert (done.put_back if when == "in the CRM" else done.lost) > 0
        place.free()
        place.later()
        now(place.until_sent())
        assert now(place.receipts_equal_the_ledger())
        rows = now(place.home.outbox.rows(place.home.tenant))
        assert {row.state.value for row in rows} == {"done"}
        kinds = [kind for _, kind in ledger(place.home)]
        assert kinds.count("create_task") == 2


def test_what_the_store_could_not_record_was_on_record_before_it_left(tmp_path: Path, disk: Disk) -> None:
    """I3 after a full disk: every key in the CRM's ledger has an attempt in the log."""
    with placed(tmp_path / "home", disk) as place:
        now(place.takes("lead-1"))
        now(place.worker.drain())
        falling = Mined(place.home.targets[StepKind.SET_OWNER], after=lambda: place.full(STORE))
        assert now(place.sends(dict.fromkeys(place.home.targets, falling))).lost == 1
        assert ledger(place.home)
        rows = now(place.home.reads.audit_rows(place.home.tenant))
        assert [row for row in rows if (row["step"], row["code"]) == ("deliver", "attempt")]
