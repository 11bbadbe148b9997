"""A target that misbehaves over HTTP: what a person sees, what goes on by itself, and that no lead pays for it (I9)."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from domain.instants import DAY, HOUR, MINUTE, Instant, instant, moment
from surfaces.cli.context import Exit
from tests.crash.hot import START, hot_lead
from tests.surfaces.cli.acting_world import a_hot_lead, item
from tests.surfaces.cli.failing_world import TENANT, Answer, Failing, well_behaved

LEADS = 15
TASK = ["add_note", "create_task", "set_fields", "set_owner"]
"""What a hot lead comes to in the CRM, each once."""


@pytest.fixture
def world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Failing]:
    made = Failing(tmp_path, capsys, monkeypatch)
    yield made
    made.remote.down()


def looks_fail(path: str, asked: dict[str, Any]) -> Answer | None:
    """The score goes through; what needs a look at the record waits."""
    return (503, {}) if path == "/v1/look" else None


def refusing(status: int, *kinds: str) -> Any:
    """Refuses steps of these kinds."""
    return lambda _, asked: (status, {}) if asked.get("step", {}).get("kind") in kinds else None


def waits_for_the_record(world: Failing) -> dict[str, Any]:
    """A lead whose score is in the CRM, and whose task waits as the record cannot be looked at; its standing."""
    world.remote.misdeed = looks_fail
    world.works(*a_hot_lead(20_000))
    assert world.remote.effects() == ["set_fields"]
    world.at = Instant(world.at + MINUTE)
    return world.standing()


def comes_back(world: Failing) -> None:
    world.remote.misdeed = well_behaved
    world.elapse(30)


def test_a_target_that_is_down_is_named_with_the_next_try_and_everything_goes_on_when_it_is_back(
    world: Failing,
) -> None:
    world.remote.down()
    world.works(*a_hot_lead(20_000))
    before = world.standing()
    world.elapse(10)
    for one in world.actions().values():
        assert (one["state"], one["attempt"], one["needs_a_person"]) == ("proposed", 0, False)
        assert one["cause"].startswith("the crm ")
        assert instant(moment(world.now())) < instant(_time(one["next_try"])) <= world.at + 30 * MINUTE
        assert _time(one["gives_up_at"]) == _time(one["proposed_at"]) + timedelta(days=3)
    said = world.text("decisions", "actions")
    assert "why: the crm cannot be reached, or cannot take requests now" in said
    assert "next: tried again by itself: 2026-03-10 " in said
    screen = world.text("decisions", "stuck")
    assert "(goes on by itself)" in screen
    assert "needs a person" not in screen
    world.remote.up()
    world.elapse(30)
    assert world.remote.effects() == TASK
    assert {one["state"] for one in world.actions().values()} == {"done"}
    assert world.text("decisions", "stuck") == "nothing is stuck"
    assert world.standing() == before


def test_after_an_outage_the_queue_comes_back_spread_out(world: Failing) -> None:
    """Leads that failed together: while the target is down few requests try it, then nobody stampedes."""
    arrived: list[int] = []

    def fails(path: str, asked: dict[str, Any]) -> Answer | None:
        arrived.append(world.at)
        return 503, {}

    world.remote.misdeed = fails
    world.works(*(pair for n in range(LEADS) for pair in enumerate(hot_lead(20_000, f"lead-{n}"))))
    before, started = world.standing(), world.at
    assert len(before) == LEADS
    world.spans((10, lambda: setattr(world.remote, "misdeed", well_behaved)), (50, lambda: None))
    down = Counter((at - started) // MINUTE for at in arrived if at > started)
    assert sum(down.values()) <= 5 + 2 * 10, (
        "once it is open, the breaker lets one call through each half minute"
    )
    recovered = started + 10 * MINUTE
    back = Counter((one.at - recovered) // MINUTE for one in world.remote.log if one.at > recovered)
    assert max(back.values()) <= sum(back.values()) / 3, (
        f"no minute sees a third of what had gathered: {back}"
    )
    found = world.records("decisions", "actions", "--limit", "500")
    assert {one["state"] for one in found} == {"done"}
    assert world.remote.effects() == sorted(step["step"] for one in found for step in one["steps"])
    assert world.standing() == before


@pytest.mark.parametrize("as_date", [False, True])
def test_a_target_that_asks_us_to_come_later_is_left_alone_for_as_long(world: Failing, as_date: bool) -> None:
    wish = world.at + 7 * MINUTE
    header = format_datetime(moment(Instant(wish)), usegmt=True) if as_date else "420"
    world.remote.misdeed = lambda _path, _asked: (429, {"retry-after": header})
    world.works(*a_hot_lead(20_000))
    before, asked = world.standing(), len(world.remote.log)
    for one in world.actions().values():
        assert one["cause"] == "the crm asked us to come later"
        assert instant(_time(one["next_try"])) >= wish
    assert "why: the crm asked us to come later next: tried again by itself" in world.text(
        "decisions", "actions"
    )
    world.elapse(6.9)
    assert len(world.remote.log) == asked, "nobody knocks before"
    world.remote.misdeed = well_behaved
    world.elapse(30)
    assert world.remote.effects() == TASK
    assert world.standing() == before


def test_an_expired_token_holds_the_actions_names_the_setting_and_goes_on_once_it_is_renewed(
    world: Failing,
) -> None:
    world.remote.token = "token-2"
    world.works(*a_hot_lead(20_000))
    before = world.standing()
    world.elapse(60)
    for one in world.actions().values():
        assert (one["state"], one["attempt"]) == ("proposed", 0), "an outage of credentials is no verdict"
        assert one["cause"] == "the crm does not accept our credentials any more"
        assert one["remedy"] == "put new ones into the file that LEADGRAPH_CRM_TOKEN_FILE names"

    def renewed() -> None:
        world.token_file.write_text("token-2\n", "utf-8")

    screen = world.text("decisions", "stuck")
    assert "LEADGRAPH_CRM_TOKEN_FILE" in screen
    assert "goes on by itself after that: 2026-03-10 " in screen
    world.spans((5, renewed), (31, lambda: None))
    assert world.remote.effects() == TASK, "within one worker: the file is read anew"
    assert world.standing() == before


def test_after_three_days_an_expired_token_is_a_persons_affair_and_nothing_is_burnt(world: Failing) -> None:
    world.remote.token = "token-2"
    world.works(*a_hot_lead(20_000))
    before = world.standing()
    world.elapse(5)
    world.at = Instant(world.at + 3 * DAY)
    world.elapse(31)
    task = world.actions()["create_task"]
    assert (task["state"], task["needs_a_person"]) == ("failed", True)
    assert task["cause"] == "the crm does not accept our credentials any more, for three days"
    retry = f"leadgraph decisions retry {task['action']}"
    assert task["remedy"].endswith(f"; then: {retry}")
    assert "needs a person" in world.text("decisions", "stuck")
    world.token_file.write_text("token-2", "utf-8")
    (again,) = world.records("decisions", "retry", task["action"])
    assert again["state"] == "done"
    assert world.remote.effects() == ["add_note", "create_task"]
    assert world.call("decisions", "retry", task["action"])[0] == Exit.ERROR, "twice is once"
    assert world.standing() == before


def test_a_record_that_somebody_changed_since_is_left_to_them_and_the_lead_is_decided_anew(
    world: Failing,
) -> None:
    before = waits_for_the_record(world)
    with world.remote.people() as people:
        people.edit(*world.lead(), "phone", "changed by hand", at=world.at)
    comes_back(world)
    for kind in ("create_task", "assign_owner"):
        one = world.actions()[kind]
        assert one["state"] == "expired"
        assert one["cause"] == "a person worked on the record in the crm after it was proposed"
        assert one["next"] == "not sent; the lead is decided anew"
    assert "not sent; the lead is decided anew" in world.text("decisions", "actions")
    assert world.remote.effects() == ["set_fields"]
    assert world.standing() == before


def test_a_conflict_undoes_what_was_done_and_says_how_to_send_it_again(world: Failing) -> None:
    world.remote.misdeed = refusing(409, "add_note")
    world.works(*a_hot_lead(20_000))
    before, task = world.standing(), world.actions()["create_task"]
    assert (task["state"], task["needs_a_person"]) == ("failed", True)
    assert task["cause"] == (
        "the record was changed in the crm at the same time; create_task had been done and was taken back"
    )
    assert {one["step"]: one["state"] for one in task["steps"]} == {
        "create_task": "undone", "add_note": "pending",
    }  # fmt: skip
    said = world.text("decisions", "stuck")
    assert f"do: see that it is still right; then: leadgraph decisions retry {task['action']}" in said
    with world.remote.reports() as reports:
        assert [one.open for one in reports.tasks()] == [False]
    world.remote.misdeed = well_behaved
    (again,) = world.records("decisions", "retry", task["action"])
    assert again["state"] == "done"
    with world.remote.reports() as reports:
        assert [one.open for one in reports.tasks()] == [False, True]
    assert world.text("decisions", "stuck") == "nothing is stuck"
    assert world.standing() == before


@pytest.mark.parametrize(
    ("status", "cause", "remedy"),
    [
        (403, "the crm says that our account lacks the right", "give it the right"),
        (422, "the crm does not accept the values", "mend the fields there"),
    ],
)
def test_a_refusal_says_why_and_what_to_mend(world: Failing, status: int, cause: str, remedy: str) -> None:
    world.remote.misdeed = refusing(status, "set_owner", "set_fields")
    world.works(*a_hot_lead(20_000))
    before, found = world.standing(), world.actions()
    assert found["assign_owner"]["cause"] == found["upsert_score"]["cause"] == cause
    assert found["assign_owner"]["remedy"].startswith(remedy)
    assert "decisions retry" in found["assign_owner"]["remedy"]
    assert found["upsert_score"]["next"] == "the next score is written by itself"
    assert found["create_task"]["state"] == "done", "one refusal is no outage for the rest"
    assert world.standing() == before


def test_a_record_that_was_deleted_is_not_made_anew(world: Failing) -> None:
    before = waits_for_the_record(world)
    with world.remote.people() as people:
        people.delete(*world.lead())
    comes_back(world)
    task = world.actions()["create_task"]
    assert (task["state"], task["cause"]) == ("expired", "the record was deleted in the crm")
    assert world.remote.effects() == ["set_fields"]
    assert world.standing() == before
    world.works(item(40, "crm.stage_change", {"stage": "negotiation"}))
    score = world.actions()["upsert_score"]
    assert (score["state"], score["cause"]) == ("failed", "the record was deleted in the crm")
    assert "the next score is written by itself" in world.text("decisions", "actions")


def test_a_record_that_was_merged_gets_no_task_and_the_next_score_goes_to_the_one_that_stayed(
    world: Failing,
) -> None:
    world.works(*enumerate(hot_lead(20_000, "lead-2")))
    _, winner = world.lead()
    world.remote.misdeed = looks_fail
    world.works(*a_hot_lead(20_000))
    before, (loser,) = world.standing(), world.leads() - {winner}
    with world.remote.people() as people:
        people.merge(TENANT, loser, winner)
    comes_back(world)
    (task,) = world.of(loser, "create_task")
    assert (task["state"], task["cause"]) == ("expired", "the record, or the lead, was merged into another")
    assert world.standing() == before
    world.works(item(40, "crm.stage_change", {"stage": "negotiation"}))
    score = world.of(loser, "upsert_score")[0]
    assert (score["state"], score["cause"]) == ("done", "written to rec-1, into which the record was merged")
    assert "written to rec-1, into which" in world.text("decisions", "actions")


def test_what_was_approved_and_cannot_be_sent_is_told_on_its_card(world: Failing) -> None:
    world.works(*a_hot_lead(120_000))
    (asked,) = world.records("approvals", "list")
    before = world.standing()
    world.remote.down()
    world.approve("ann", asked["proposal_hash"], asked["approval"])
    world.approve("bob", asked["proposal_hash"], asked["approval"])
    (card,) = world.records("approvals", "show", asked["approval"])
    assert card["state"] == "approved"
    assert {one["cause"] for one in card["actions"]} == {
        "the crm cannot be reached, or cannot take requests now"
    }
    assert {one["target_away"] for one in card["actions"]} == {"crm"}
    words = world.text("approvals", "show", asked["approval"])
    assert "why: the crm cannot be reached" in words
    assert "approvals decide" not in words, "there is nothing left to decide"
    world.remote.up()
    world.elapse(30)
    assert world.remote.effects() == TASK
    assert world.standing() == before


def test_when_no_worker_runs_the_screen_says_so(world: Failing) -> None:
    world.remote.down()
    world.works(*a_hot_lead(20_000))
    world.remote.up()
    world.at = Instant(world.at + 2 * HOUR)
    assert "no worker takes it" in world.text("decisions", "stuck")


def _time(text: str) -> Any:
    return type(START).fromisoformat(text)
