"""SIGKILL of a real child at every boundary of acting, then a restart: judged by the CRM's own file and by ours."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import Toolbox, open_home
from domain.action import ActionState
from surfaces.receipts import Compared, compared
from tests.crash.acting import AMOUNTS

ROOT = Path(__file__).resolve().parents[2]
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


@dataclass(frozen=True)
class Judged:
    """What both sides' files say at the end."""

    both: Compared
    states: frozenset[str]
    tasks: tuple[int, int]
    """Open and closed ones, in the CRM."""
    unrecorded: list[str]
    """Requests in the CRM of which our log has no attempt."""


def child(home: Path, point: str, nth: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.crash.acting", str(home), point, str(nth)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def judge(folder: Path) -> Judged:
    with open_home(virtual_clock=True, home=folder, exclusive=False) as home:
        ledger = Toolbox().crm_ledger(home)
        both = asyncio.run(compared(home, ledger))
        rows = asyncio.run(home.outbox.rows(home.tenant, limit=1_000))
    with closing(sqlite3.connect(folder / "crm.db")) as conn:
        counts = dict(
            conn.execute("SELECT open, count(*) FROM item WHERE what = 'task' GROUP BY open").fetchall()
        )
    attempted = {step.key for row in rows if row.attempt for step in row.steps}
    keys = {key.removesuffix("/undo") for key, _ in ledger}
    states = frozenset(row.state.value for row in rows)
    return Judged(both, states, (counts.get(1, 0), counts.get(0, 0)), sorted(keys - attempted))


@pytest.mark.slow
@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[f"{point}-{nth}" for point, nth in POINTS])
def test_a_kill_while_acting_doubles_nothing_and_leaves_nothing_half_done(
    point: str, nth: int, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    killed = child(home, point, nth)
    assert killed.returncode == -signal.SIGKILL, f"{point} was never reached: {killed.stderr[-500:]}"
    again = child(home, "none", 1)
    assert again.returncode == 0, again.stderr[-2000:]
    seen = judge(home)
    assert seen.both.doubled == (), "the CRM did something twice (I2)"
    assert seen.both.equal, (seen.both.only_ours, seen.both.only_theirs)
    assert seen.unrecorded == [], "an effect without an attempt on record (I3)"
    ended = {ActionState.DONE, ActionState.COMPENSATED, ActionState.EXPIRED}
    assert seen.states <= {state.value for state in ended}, "something is half done"
    assert seen.tasks == (len(AMOUNTS) - 1, 1), (
        "a task for each lead, and one of them taken back (I5: approved once)"
    )
