"""``leadgraph approvals decide --edit``: what goes out then, and what the card and the labels say."""

from pathlib import Path
from typing import Any

import pytest

from domain.instants import MINUTE, Instant
from surfaces.cli.context import Exit
from tests.surfaces.cli.acting_world import World, a_hot_lead
from tests.surfaces.cli.test_delivery import changed_tables


@pytest.fixture
def world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> World:
    return World(tmp_path, capsys)


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A large deal about which one person is asked."""
    world.works()
    tables = changed_tables(world.root / "one")
    assert world.call("policy", "promote", str(tables), "--comment", "one is enough")[0] == Exit.OK
    world.works(*a_hot_lead(120_000))
    (approval,) = world.records("approvals", "list")
    assert approval["people"] == 1
    return approval


def decide(world: World, asked: dict[str, Any], *more: str, by: str = "ann") -> tuple[int, str]:
    world.user = by
    given = ("--hash", asked["proposal_hash"], *more)
    return world.call("approvals", "decide", asked["approval"], "approve", *given)


def sent(world: World, kind: str) -> list[dict[str, Any]]:
    return [
        one for one in world.records("decisions", "actions") if (one["kind"], one["state"]) == (kind, "done")
    ]


def test_what_a_person_wrote_is_what_the_crm_gets(world: World, asked: dict[str, Any]) -> None:
    """Another owner comes with their own team; a step that was dropped is not taken."""
    edit = (
        "--edit",
        "owner=rep_000006",
        "--edit",
        "title=Call before noon",
        "--drop",
        "create_task.add_note",
    )
    code, out = decide(world, asked, *edit, "--edit", "due=2026-03-12")
    assert code == Exit.OK, world.err.getvalue()
    assert f"{asked['approval']}_v2 is approved" in out
    (record,) = world.crm().records()
    assert record.owner == "rep_000006"
    (task,) = world.crm().tasks()
    assert (task.params["title"], task.params["due"]) == ("Call before noon", "2026-03-12")
    assert sorted(world.sent()) == ["create_task", "set_fields", "set_owner"]
    (owner,) = sent(world, "assign_owner")
    assert owner["params"] == {"owner": "rep_000006", "team": "enterprise"}


def test_the_card_says_what_was_changed_by_whom(world: World, asked: dict[str, Any]) -> None:
    decide(world, asked, "--edit", "priority=low")
    (card,) = world.records("approvals", "show", asked["decision"])
    assert (card["edited_by"], card["edited_from"]) == ("ann", asked["approval"])
    assert card["changed"] == [{"field": "create_task.priority", "before": "high", "after": "low"}]
    _, words = world.call("approvals", "show", asked["decision"])
    assert "edited by ann" in words
    assert "create_task.priority: high -> low" in words
    labels = {one["value"]: one for one in world.records("leads", "labels") if one["kind"] == "edit"}
    label = labels["create_task.priority"]
    assert (label["by"], label["before"], label["after"]) == ("ann", "high", "low")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--edit", "owner=nobody"), "no salesperson here"),
        (("--edit", "priority=urgent"), "high, low, normal"),
        (("--edit", "priority"), "NAME=VALUE"),
        (("--edit", "points=99"), "cannot be edited"),
        (("--edit", "due=tomorrow"), "2026-12-31"),
        (("--drop", "enrol"), "one can drop create_task, assign_owner"),
        (("--drop", "create_task", "--drop", "assign_owner"), "reject it instead"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_an_edit_that_makes_no_sense_changes_nothing_and_says_what_one_can_do(
    world: World, asked: dict[str, Any], words: tuple[str, ...], said: str
) -> None:
    assert decide(world, asked, *words)[0] == Exit.ERROR
    assert said in world.err.getvalue().replace("\n", " ")
    assert world.records("approvals", "list") == [asked]
    assert world.sent() == ["set_fields"]


def test_who_comes_second_is_told_what_stands_in_its_place(world: World, asked: dict[str, Any]) -> None:
    assert decide(world, asked, "--edit", "priority=low")[0] == Exit.OK
    assert decide(world, asked, "--edit", "priority=normal", by="bob")[0] == Exit.ERROR
    said = world.err.getvalue().replace("\n", " ")
    assert f"{asked['approval']} is edited" in said
    assert f"{asked['approval']}_v2" in said
    assert sorted(world.sent()) == ["add_note", "create_task", "set_fields", "set_owner"]


def test_an_edit_goes_with_a_yes(world: World, asked: dict[str, Any]) -> None:
    given = ("--hash", asked["proposal_hash"], "--edit", "priority=low")
    assert world.call("approvals", "decide", asked["approval"], "reject", *given)[0] == Exit.ERROR
    assert world.records("approvals", "list") == [asked]


def test_measures_tell_the_age_the_time_on_the_card_and_how_often_the_machine_was_overruled(
    world: World, asked: dict[str, Any]
) -> None:
    """The first look of the person who decided counts; of one who never looked nothing is measured."""
    (before,) = world.records("approvals", "measures")
    assert (before["on_card"], before["median_minutes_on_card"], before["override_rate"]) == (0, None, None)
    _, words = world.call("approvals", "measures")
    assert "median minutes on card   not measured" in words
    started = world.at
    for by, minutes in (("ann", 10), ("bob", 12), ("ann", 30)):
        world.user, world.at = by, Instant(started + minutes * MINUTE)
        world.call("approvals", "show", asked["approval"])
    world.at = Instant(started + 40 * MINUTE)
    assert decide(world, asked, "--edit", "priority=low")[0] == Exit.OK
    (after,) = world.records("approvals", "measures")
    assert (after["on_card"], after["median_minutes_on_card"], after["p90_minutes_on_card"]) == (
        1,
        30.0,
        30.0,
    )
    assert (after["decided"], after["edited"], after["override_rate"]) == (1, 1, 1.0)
    assert after["median_hours_to_decide"] == pytest.approx(40 / 60, abs=0.02)


def test_a_word_without_a_look_is_not_measured(world: World, asked: dict[str, Any]) -> None:
    world.user = "bob"
    world.call("approvals", "show", asked["approval"])
    assert decide(world, asked)[0] == Exit.OK
    (found,) = world.records("approvals", "measures")
    assert (found["decided"], found["on_card"], found["override_rate"]) == (1, 0, 0.0)
    _, words = world.call("approvals", "measures")
    assert "p90 minutes on card      not measured" in words
