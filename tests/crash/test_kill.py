"""SIGKILL of a real child at every boundary, then a restart: nothing lost, nothing doubled, same scores."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from benchmarks.made_up import signals
from tests.crash.child import child
from tests.crash.points import EACH, LEADS, Case
from tests.crash.processes import start

POINTS = (
    ("inbox.before_commit", 3),
    ("inbox.after_commit", 3),
    ("claim.after_commit", 2),
    ("node.ingestion", 9),
    ("node.intent", 9),
    ("node.scoring", 9),
    ("node.policy", 9),
    ("node.actuation", 5),
    ("commit.before_commit", 2),
    ("commit.after_commit", 2),
)


@pytest.mark.slow
@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[point for point, _ in POINTS])
def test_a_kill_loses_nothing_doubles_nothing_and_leaves_the_same_scores(
    point: str, nth: int, tmp_path: Path
) -> None:
    assert Case("taking in", point, nth).run(tmp_path) == []


def test_an_attempt_that_was_killed_shows_as_an_attempt_without_an_end(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "signals.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(raw) for raw in signals(LEADS, EACH, seed=4)))
    assert start(child, home, file, "node.scoring", 9, file=tmp_path / "said").ended() == -signal.SIGKILL
    with closing(sqlite3.connect(home / "leadgraph.db")) as conn:
        held = conn.execute("SELECT COUNT(*) FROM lead WHERE attempt > 0 AND lease_until > 0").fetchone()[0]
    assert held > 0
