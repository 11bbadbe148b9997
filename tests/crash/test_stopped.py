"""Two workers and one lead: who was stopped for longer than its lease changes nothing any more."""

from pathlib import Path

import pytest

from tests.crash.stopped import stopped_at


@pytest.mark.slow
def test_a_run_that_was_stopped_past_its_lease_cannot_commit(tmp_path: Path) -> None:
    ended = stopped_at(tmp_path, "node.scoring")
    assert ended.broken() == []
    assert ended.deciders == ["w2"]
    assert ended.counted["w1"]["fenced"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("point", ["target.before", "target.after"])
def test_a_delivery_that_was_stopped_past_its_lease_has_one_effect(point: str, tmp_path: Path) -> None:
    ended = stopped_at(tmp_path, point)
    assert ended.broken() == []
    assert ["w1", "w2"] in ended.attempts.values(), "the other one did not take over"
    assert ended.counted["w1"]["lost"] == 1


@pytest.mark.slow
def test_others_live_through_a_process_that_is_stopped_while_it_holds_the_store(
    tmp_path: Path,
) -> None:
    ended = stopped_at(tmp_path, "outbox.finish.before_commit")
    assert ended.broken() == []
    assert ended.counted["w2"]["outages"] >= 1
    assert ended.deciders == ["w1"]
