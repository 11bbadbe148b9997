"""I2 after a restore: the store is older than the outside world, and nothing is done twice. The CRM's ledger judges."""

import asyncio
import csv
from pathlib import Path

import pytest

from domain.effect import StepKind
from tests.tools.backup.backup_world import Backed, lead
from tools.backup.take import take_backup
from tools.settings import find_settings

pytestmark = pytest.mark.slow

WHEN = ["taken in", "decided", "half sent"]


def to_the_backup(world: Backed, when: str) -> None:
    """Lead 1 has come as far as `when` as the backup is taken."""
    world.accepts(*lead(1))
    if when != "taken in":
        world.decides()
    if when == "half sent":
        world.sends()
        world.accepts(*lead(2))
        world.decides()
    world.take()


@pytest.mark.parametrize("when", WHEN)
def test_what_was_done_after_the_backup_is_not_done_again(world: Backed, when: str) -> None:
    to_the_backup(world, when)
    world.works_off()
    before = world.ledger()
    assert before
    world.restore()
    world.later(hours=3)
    world.works_off()
    assert world.ledger() == before
    assert set(world.states()["create_task"]) == {"done"}
    with world.home(exclusive=False) as home:
        assert home.settings.home == world.folder


def test_an_effect_decided_anew_with_another_owner_is_still_the_same_effect(
    world: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The salespeople have changed between the two decisions; the lead has one task, one owner."""
    to_the_backup(world, "taken in")
    world.works_off()
    before = world.counted()
    world.restore()
    config = tmp_path / "config"
    shipped = Path(__file__).resolve().parents[3] / "config"
    config.mkdir()
    for file in shipped.iterdir():
        (config / file.name).symlink_to(file)
    (config / "reps.csv").unlink()
    head, *people = (shipped / "reps.csv").read_text("utf-8").splitlines()
    (config / "reps.csv").write_text("\n".join([head, *(f"new_{one}" for one in people)]) + "\n", "utf-8")
    monkeypatch.setenv("LEADGRAPH_CONFIG", str(config))
    world.works_off()
    tasks = {key: n for key, n in world.counted().items() if key[1] in ("create_task", "add_note", "enrol")}
    assert tasks == {key: n for key, n in before.items() if key in tasks}
    assert set(tasks.values()) == {1}
    assert world.states()["create_task"] == ["done"], "it was found under its key"


def test_a_lead_that_was_new_after_the_backup_is_left_to_a_person(world: Backed) -> None:
    """Sent again by its source it has another id: no key tells whether it has its task. A person can."""
    to_the_backup(world, "decided")
    world.accepts(*lead(2))
    world.works_off()
    before = world.counted()
    restored = world.restore()
    assert restored.replay_from.keys() == {"web"}
    world.accepts(*lead(1), *lead(2))
    world.works_off()
    again = {key: n for key, n in world.counted().items() if key[1] != "set_owner"}
    assert again == {key: n for key, n in before.items() if key[1] != "set_owner"}
    assert world.states()["create_task"] == ["done", "unknown"]


def test_a_lead_of_after_the_restore_is_served_as_ever(
    world: Backed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it can have been done before: the restore is older than its first signal."""
    to_the_backup(world, "decided")
    monkeypatch.setattr("tools.backup.restore.SystemClock.now", lambda _: 1)
    world.restore()
    world.later(hours=2)
    world.accepts(*lead(2, hours=2))
    world.works_off()
    assert world.states()["create_task"] == ["done", "done"]


def test_a_target_that_cannot_be_asked_leaves_it_to_a_person(world: Backed) -> None:
    """It knows no keys, and nothing of the step was on record: sent again it would be done twice."""
    to_the_backup(world, "decided")
    crm = world.forgetful_crm()
    targets = dict.fromkeys(StepKind, crm)
    world.sends(targets)
    before = world.counted()
    crm.close()
    world.restore()
    crm = world.forgetful_crm()
    sent = world.sends(dict.fromkeys(StepKind, crm))
    crm.close()
    assert world.counted() == before
    assert (sent["unknown"], sent["done"]) == (3, 0)


def test_a_file_of_steps_has_no_line_twice(
    world: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be read back, and lies outside the home: the restore leaves it as it is."""
    export = tmp_path / "steps.csv"
    monkeypatch.setenv("LEADGRAPH_EXPORT_FILE", str(export))
    to_the_backup(world, "decided")
    world.works_off()
    before = export.read_bytes()
    world.restore()
    world.works_off()
    assert export.read_bytes() == before
    with export.open(encoding="utf-8") as file:
        keys = [row["key"] for row in csv.DictReader(file)]
    assert len(keys) == len(set(keys)) > 0


def test_what_was_taken_back_after_the_backup_stays_taken_back(world: Backed) -> None:
    """The task was done and undone in the lost time; it is not opened again."""
    to_the_backup(world, "decided")
    world.works_off()
    with world.home(exclusive=False) as home:
        rows = asyncio.run(home.outbox.rows(home.tenant))
    task = next(row for row in rows if row.kind.value == "create_task")
    world.call("decisions", "undo", task.decision_id)
    world.works_off()
    before, open_tasks = world.ledger(), world.crm().counts()["tasks"]
    world.restore()
    world.works_off()
    assert world.crm().counts()["tasks"] == open_tasks
    assert world.ledger() == before


def test_the_targets_are_copied_after_the_store(world: Backed) -> None:
    """An effect between the two copies is in the CRM's file alone, where it is found; never the other way round."""
    world.accepts(*lead(1))
    world.decides()
    done, copied = list[str](), list[str]()

    def between(name: str) -> None:
        copied.append(name)
        if {"home/leadgraph.db", "home/crm.db"} <= set(copied) and not done:
            done.append(str(world.sends()["done"]))

    take_backup(find_settings().settings, world.backup, on_point=between)
    assert done == ["3"]
    before = world.ledger()
    world.restore(targets_from_backup=True)
    assert world.ledger() == before
    world.works_off()
    assert world.ledger() == before
    assert world.states()["create_task"] == ["done"]


def test_a_crm_taken_out_of_the_backup_gets_what_it_has_lost(world: Backed) -> None:
    """The CRM's file is as old as ours then: nothing is missing from it afterwards, and nothing is double."""
    to_the_backup(world, "decided")
    world.works_off()
    before = world.counted()
    world.restore(targets_from_backup=True)
    assert world.counted() == {}
    world.works_off()
    assert world.counted() == before
