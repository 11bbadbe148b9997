"""``leadgraph approvals`` and ``decisions`` over a real home: what a person sees, says, and finds in the CRM."""

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest

from domain.instants import DAY, Instant
from surfaces.cli.context import Exit
from tests.surfaces.cli.acting_world import World, a_hot_lead

POLICIES = Path(__file__).resolve().parents[3] / "config" / "policies"


def changed_tables(folder: Path) -> Path:
    """The shipped tables, except that one person is enough for a large deal."""
    shutil.copytree(POLICIES, folder)
    file = folder / "approval.csv"
    with file.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.reader(handle))
    people = rows[0].index("then:people")
    for row in rows:
        if row[0] == "large_deal":
            row[people] = "1"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle, lineterminator="\n").writerows(rows)
    return folder


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path, capsys)


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    return changed_tables(tmp_path / "other")


@pytest.fixture
def asked(world: World) -> tuple[World, dict[str, Any]]:
    """A deal of 120,000 waits for two people."""
    world.works(*a_hot_lead(120_000))
    (approval,) = world.records("approvals", "list")
    return world, approval


def test_a_hot_lead_becomes_a_task_an_owner_and_a_score_in_the_crm_each_once(world: World) -> None:
    world.works(*a_hot_lead(20_000))
    world.works()
    assert sorted(world.sent()) == ["add_note", "create_task", "set_fields", "set_owner"]
    assert world.crm().doubled() == []
    (record,) = world.crm().records()
    assert record.owner.startswith("rep_")
    assert record.fields["band"] == "hot"
    states = {one["kind"]: one["state"] for one in world.records("decisions", "actions")}
    assert states == dict.fromkeys(("upsert_score", "create_task", "assign_owner"), "done")


def test_a_person_sees_what_would_be_written_why_and_on_which_evidence(
    asked: tuple[World, dict[str, Any]],
) -> None:
    world, approval = asked
    assert world.sent() == ["set_fields"], "only the score goes out before somebody has agreed"
    (card,) = world.records("approvals", "show", approval["approval"])
    writes = {write["step"] for action in card["actions"] for write in action["writes"]}
    assert {"create_task", "set_owner"} <= writes
    assert any("100,000" in reason for reason in card["reasons"])
    assert "web:lead-1-s2" in card["evidence"]
    assert world.sent() == ["set_fields"], "looking changes nothing"
    _, words = world.call("approvals", "show", approval["approval"])
    assert f"--hash {approval['proposal_hash']}" in words


def test_a_dry_run_shows_the_exact_writes_and_changes_nothing(asked: tuple[World, dict[str, Any]]) -> None:
    world, approval = asked
    shown = {
        one["kind"]: one["writes"] for one in world.records("decisions", "preview", approval["decision"])
    }
    (owner,) = [write for write in shown["assign_owner"] if write["field"] == "owner"]
    assert (owner["before"], owner["after"][:4]) == ("", "rep_")
    assert world.sent() == ["set_fields"]
    assert world.call("decisions", "preview", "dc_none")[0] == Exit.ERROR


def test_a_large_deal_needs_two_people_and_then_goes_out_once(asked: tuple[World, dict[str, Any]]) -> None:
    world, approval = asked
    name, proposal_hash = approval["approval"], approval["proposal_hash"]
    assert approval["people"] == 2
    assert world.approve("ann", "0" * 64, name)[0] == Exit.ERROR
    assert world.approve("ann", proposal_hash, name)[0] == Exit.OK
    assert world.approve("ann", proposal_hash, name)[0] == Exit.ERROR, "one person counts once"
    assert world.sent() == ["set_fields"]
    assert world.approve("bob", proposal_hash, name)[0] == Exit.OK
    assert sorted(world.sent()) == ["add_note", "create_task", "set_fields", "set_owner"]
    assert world.approve("cleo", proposal_hash, name)[0] == Exit.ERROR, "an approval is used once"
    assert world.crm().doubled() == []


def test_what_was_refused_is_never_sent_and_counts_as_an_override(
    asked: tuple[World, dict[str, Any]],
) -> None:
    world, approval = asked
    assert world.approve("ann", approval["proposal_hash"], approval["approval"], "reject")[0] == Exit.OK
    world.works()
    assert world.sent() == ["set_fields"]
    (found,) = world.records("approvals", "measures")
    assert (found["open"], found["decided"], found["override_rate"]) == (0, 1, 1.0)


def test_what_was_written_can_be_seen_where_it_was_written(asked: tuple[World, dict[str, Any]]) -> None:
    """Nothing of it before it is approved; then the CRM itself says so."""
    world, approval = asked
    (before,) = world.records("leads", "crm", "crm_id:lead-1")
    assert {one["owner"] for one in before["targets"]} == {None}
    for person in ("ann", "bob"):
        world.approve(person, approval["proposal_hash"], approval["approval"])
    (record,) = world.crm().records()
    (after,) = world.records("leads", "crm", "crm_id:lead-1")
    (crm,) = [one for one in after["targets"] if one["exists"]]
    assert (crm["owner"], crm["fields"]) == (record.owner, record.fields)
    assert crm["open_tasks"] == [task.ref for task in world.crm().tasks()]
    assert f"owner {record.owner}" in world.call("leads", "crm", "crm_id:lead-1")[1]
    assert world.call("leads", "crm", "crm_id:nobody")[0] == Exit.ERROR


def test_what_nobody_answers_is_not_sent(asked: tuple[World, dict[str, Any]]) -> None:
    world, approval = asked
    world.at = Instant(world.at + 8 * DAY)
    world.works()
    assert "create_task" not in world.sent()
    code, _ = world.approve("ann", approval["proposal_hash"], approval["approval"])
    assert code == Exit.ERROR
    assert world.records("approvals", "measures")[0]["expired"] == 1


def test_under_changed_tables_nothing_is_sent_and_the_person_is_asked_anew(
    asked: tuple[World, dict[str, Any]], changed: Path
) -> None:
    world, approval = asked
    assert world.call("policy", "promote", str(changed), "--comment", "one is enough")[0] == Exit.OK
    code, _ = world.approve("ann", approval["proposal_hash"], approval["approval"])
    assert (code, "no longer holds" in world.err.getvalue()) == (Exit.ERROR, True)
    assert world.records("approvals", "measures")[0]["redecided"] == 1
    assert "create_task" not in world.sent()
    world.works()
    (anew,) = world.records("approvals", "list")
    assert (anew["people"], anew["approval"] != approval["approval"]) == (1, True)
    assert world.approve("ann", anew["proposal_hash"], anew["approval"])[0] == Exit.OK
    assert world.sent().count("create_task") == 1


def test_a_question_can_be_given_to_somebody_else(asked: tuple[World, dict[str, Any]]) -> None:
    world, approval = asked
    (moved,) = world.records("approvals", "assign", approval["approval"], "--to", "dora")
    assert moved["assignee"] == "dora"


def test_a_decision_taken_back_leaves_the_crm_as_it_was_and_twice_is_as_once(world: World) -> None:
    world.works(*a_hot_lead(20_000))
    (task,) = [one for one in world.records("decisions", "actions") if one["kind"] == "create_task"]
    for _ in range(2):
        undone = world.records("decisions", "undo", task["decision"])
        assert {one["state"] for one in undone} == {"compensated"}
    (record,) = world.crm().records()
    assert (record.owner, record.fields.get("points", "")) == ("", "")
    assert [one.open for one in world.crm().tasks()] == [False]
    assert world.crm().doubled() == []


def test_an_unknown_name_is_said_to_be_unknown(world: World) -> None:
    world.works(*a_hot_lead(20_000))
    assert world.call("decisions", "undo", "dc_none")[0] == Exit.ERROR
    assert world.call("approvals", "show", "ap_none")[0] == Exit.ERROR
    assert "ap_none" in world.err.getvalue()


def test_with_an_export_file_every_step_goes_there_and_the_crm_stays_empty(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = world.root / "steps.csv"
    monkeypatch.setenv("LEADGRAPH_EXPORT_FILE", str(file))
    world.works(*a_hot_lead(20_000))
    assert file.read_text("utf-8").count("\n") == 1 + 4
    assert not (world.root / "home" / "crm.db").exists()
