"""The embedded CRM's file: request and ledger stand or fall together, also when the power goes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from domain.effect import Delivery, Step, StepKind
from domain.errors import BadInput, Permanent, Refused, Temporary
from tests.tools.crm.worlds import (
    LEAD,
    NOW,
    SCORE,
    SECOND,
    SECOND_LEAD,
    SUBJECT,
    TASK,
    TENANT,
    FixedClock,
)
from tests.tools.store.power import Disk, NoShim, recorded
from tools.crm.embedded import EmbeddedCrm, file


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A disk that can lose its power."""
    try:
        with recorded() as disk:
            yield disk
    except NoShim as reason:
        pytest.skip(str(reason))


async def test_a_request_without_its_line_did_not_happen(crm: EmbeddedCrm) -> None:
    """The ledger refuses the line: no task, no record."""
    with closing(sqlite3.connect(crm.reports.path, isolation_level=None)) as conn:
        conn.execute("CREATE TRIGGER t BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with pytest.raises(sqlite3.IntegrityError):
        await crm.send(TASK, SUBJECT, key="k1")
    assert crm.reports.counts() == dict.fromkeys(("ledger", "notes", "notifications", "records", "tasks"), 0)
    assert await crm.find("k1") is None


async def test_what_was_confirmed_survives_a_power_cut(disk: Disk, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    crm = EmbeddedCrm(folder / "crm.db", FixedClock())
    for number in range(4):
        receipt = await crm.send(TASK, SUBJECT, key=f"k{number}")
        left = disk.after_power_cut(folder, tmp_path / f"left{number}", keep_every=number)
        again = EmbeddedCrm(left / "crm.db", FixedClock())
        assert [line.key for line in again.reports.ledger()] == [f"k{n}" for n in range(number + 1)]
        assert again.reports.counts()["tasks"] == number + 1
        assert await again.send(TASK, SUBJECT, key=f"k{number}") == receipt
        again.close()
    crm.close()


async def test_a_crm_held_by_another_process_is_an_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "BUSY_MS", 20)
    crm = EmbeddedCrm(tmp_path / "crm.db", FixedClock())
    with closing(sqlite3.connect(crm.reports.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Temporary):
            await crm.send(TASK, SUBJECT, key="k1")
        other.execute("ROLLBACK")
    await crm.send(TASK, SUBJECT, key="k1")
    assert len(crm.reports.ledger()) == 1
    crm.close()


async def test_a_ruined_file_is_no_outage(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(Permanent, match="not a sound database"):
        EmbeddedCrm(tmp_path / "crm.db", FixedClock())


async def test_a_blind_resend_to_a_crm_without_keys_shows_as_doubled(tmp_path: Path) -> None:
    """So that a dispatcher that does not ask first is caught by the ledger."""
    crm = EmbeddedCrm(tmp_path / "crm.db", FixedClock(), delivery=Delivery.READ_BACK)
    first = await crm.send(TASK, SUBJECT, key="k1")
    assert await crm.find("k1") == first
    assert crm.reports.doubled() == []
    await crm.send(TASK, SUBJECT, key="k1")
    assert (crm.reports.doubled(), crm.reports.counts()["tasks"]) == (["k1"], 2)
    assert await crm.find("k1") == first
    crm.close()


async def test_a_crm_that_knows_nothing_cannot_be_asked(tmp_path: Path) -> None:
    crm = EmbeddedCrm(tmp_path / "crm.db", FixedClock(), delivery=Delivery.NEITHER)
    await crm.send(TASK, SUBJECT, key="k1")
    with pytest.raises(Permanent):
        await crm.find("k1")
    crm.close()


async def test_a_write_that_changes_nothing_leaves_the_revision(crm: EmbeddedCrm) -> None:
    """A CRM tells others of every revision, us too: a write that changes nothing would come back as news."""
    await crm.send(SCORE, SUBJECT, key="k1")
    (before,) = crm.reports.records()
    await crm.send(SCORE, SUBJECT, key="k2")
    await crm.send(Step(StepKind.SET_OWNER, {"owner": ""}), SUBJECT, key="k3")
    assert crm.reports.records() == [before]
    assert len(crm.reports.ledger()) == 3


async def test_the_reports_show_what_people_and_we_did(crm: EmbeddedCrm) -> None:
    receipt = await crm.send(TASK, SUBJECT, key="k1")
    await crm.send(Step(StepKind.ADD_NOTE, {"intent": "pricing"}), SUBJECT, key="k2")
    await crm.send(Step(StepKind.NOTIFY, {"owner": "r1"}), SUBJECT, key="k3")
    await crm.send(Step(StepKind.HAND_OVER, {"queue": "emea"}), SUBJECT, key="k4")
    await crm.send(SCORE, SECOND, key="k5")
    crm.people.close_task(receipt.ref)
    crm.people.forbid(TENANT, LEAD)
    crm.people.merge(TENANT, LEAD, SECOND_LEAD)
    first, second = crm.reports.records()
    assert (first.do_not_contact, first.merged_into, second.fields) == (True, second.ref, SCORE.params)
    assert [(task.open, task.record, task.params) for task in crm.reports.tasks()] == [
        (False, second.ref, TASK.params)
    ]
    assert [len(crm.reports.notes()), len(crm.reports.notifications())] == [1, 1]
    assert crm.reports.conversations() == {(TENANT, first.ref): {"queue": "emea"}}
    line = crm.reports.ledger()[0]
    assert (line.at, line.params, line.receipt, line.lead_id) == (NOW, TASK.params, receipt, LEAD)
    assert crm.reports.ledger(after=4, limit=1)[0].key == "k5"
    with pytest.raises(BadInput):
        crm.people.merge(TENANT, LEAD, SECOND_LEAD)


@pytest.mark.parametrize(
    "ref", ["", "task-", "task-x", "task-9", "note-1", "task--1", "task-" + "9" * 40, "task-²"]
)
async def test_a_task_that_is_not_there_cannot_be_closed(crm: EmbeddedCrm, ref: str) -> None:
    await crm.send(TASK, SUBJECT, key="k1")
    with pytest.raises(Refused) as refused:
        await crm.send(Step(StepKind.CLOSE_TASK, {"ref": ref}), SUBJECT, key="k2")
    assert refused.value.code == "gone"
    assert crm.reports.counts()["tasks"] == 1


@pytest.mark.parametrize("key", ["", "k" * 301])
async def test_a_key_without_a_bound_is_refused(crm: EmbeddedCrm, key: str) -> None:
    with pytest.raises(Refused):
        await crm.send(TASK, SUBJECT, key=key)
