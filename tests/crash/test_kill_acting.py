"""SIGKILL of a real child at every boundary of acting, then a restart: judged by the CRM's own file and by ours."""

from pathlib import Path

import pytest

from tests.crash.points import Case

POINTS = (
    ("outbox.take.before_commit", 1),
    ("outbox.take.after_commit", 2),
    ("outbox.note.before_commit", 3),
    ("outbox.note.after_commit", 3),
    ("target.before", 4),
    ("target.after", 1),
    ("target.after", 4),
    ("target.after", 7),
    ("outbox.finish.before_commit", 2),
    ("outbox.finish.after_commit", 2),
    ("approval.vote.before_commit", 2),
    ("approval.vote.after_commit", 2),
    ("target.before", 17),
    ("target.after", 17),
    ("target.after", 18),
    ("merge.before_commit", 1),
)
"""The last but one are the steps of the undo: four leads write sixteen steps before it."""


@pytest.mark.slow
@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[f"{point}-{nth}" for point, nth in POINTS])
def test_a_kill_while_acting_doubles_nothing_and_leaves_nothing_half_done(
    point: str, nth: int, tmp_path: Path
) -> None:
    assert Case("acting", point, nth).run(tmp_path) == []
