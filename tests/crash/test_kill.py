"""SIGKILL of a real child at every boundary, then a restart: nothing lost, nothing doubled, same scores."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from app import open_home
from benchmarks.made_up import START, signals
from domain.instants import HOUR
from domain.ports.home import Home
from graph.build import build_graph
from surfaces.scoring import as_record, score_all
from surfaces.worker import deps_of

ROOT = Path(__file__).resolve().parents[2]
LEADS, EACH = 12, 10
AS_OF = START + 20 * HOUR
EFFECTS = "SELECT effect_key FROM outbox WHERE state <> 'expired' AND kind <> 'upsert_score'"
"""A score is written again and again under one key; of everything else there is one of a key."""
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


def _child(home: Path, file: Path, point: str, nth: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.crash.child", str(home), str(file), point, str(nth)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def _acked(output: str) -> int:
    return max((int(line.split()[1]) for line in output.splitlines() if line.startswith("acked")), default=0)


def _files(home: Path) -> dict[str, Any]:
    """What the files say, read without any code of the project."""
    with closing(sqlite3.connect(f"file:{home / 'leadgraph.db'}?mode=ro", uri=True)) as conn:
        effects = [row[0] for row in conn.execute(EFFECTS)]
        states = dict(conn.execute("SELECT state, COUNT(*) FROM signal GROUP BY state").fetchall())
        decided = {row[0] for row in conn.execute("SELECT run_id FROM decision")}
        behind = {
            row[0]
            for row in conn.execute("SELECT d.run_id FROM decision d JOIN outbox o USING (decision_id)")
        }
        rows = [
            json.loads(row[0]) for row in conn.execute("SELECT body FROM audit ORDER BY tenant, writer, seq")
        ]
    return {"effects": effects, "states": states, "decided": decided, "behind": behind, "rows": rows}


async def _asked(home: Home) -> list[dict[str, Any]]:
    return [
        as_record(one, features=True) async for one in score_all(home, build_graph(), deps_of(home), AS_OF)
    ]


def _scores(home_folder: Path) -> list[dict[str, Any]]:
    with open_home(virtual_clock=True, home=home_folder) as home:
        return sorted(asyncio.run(_asked(home)), key=lambda record: str(record["keys"]))


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("signals") / "signals.jsonl"
    file.write_bytes(b"\n".join(orjson.dumps(raw) for raw in signals(LEADS, EACH, seed=4)) + b"\n")
    return file


@pytest.fixture(scope="module")
def undisturbed(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Scores of a home whose process was left in peace."""
    home = tmp_path_factory.mktemp("whole") / "home"
    ran = _child(home, lines, "none", 1)
    assert ran.returncode == 0, ran.stderr
    return _scores(home)


@pytest.mark.slow
@pytest.mark.parametrize(("point", "nth"), POINTS, ids=[point for point, _ in POINTS])
def test_a_kill_loses_nothing_doubles_nothing_and_leaves_the_same_scores(
    point: str, nth: int, lines: Path, undisturbed: list[dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    killed = _child(home, lines, point, nth)
    assert killed.returncode == -signal.SIGKILL, f"{point} was never reached: {killed.stderr[-500:]}"
    before = _files(home)
    assert sum(before["states"].values()) >= _acked(killed.stdout), (
        "an acknowledged signal is not on disk (I1)"
    )

    again = _child(home, lines, "none", 1)
    assert again.returncode == 0, again.stderr[-2000:]
    after = _files(home)
    assert after["states"] == {"applied": LEADS * EACH}, "every signal ends applied, once"
    assert len(after["effects"]) == len(set(after["effects"])), "an effect is there twice (I2)"
    ended = {row["run_id"] for row in after["rows"] if row["step"] == "run"}
    assert after["behind"] <= after["decided"] <= ended, "an effect or decision without its audit rows (I3)"
    for run in after["decided"]:
        steps = [row["step"] for row in after["rows"] if row["run_id"] == run]
        assert steps[:4] == ["ingestion", "intent", "scoring", "policy"], f"{run} lacks a transition (I3)"
    assert _scores(home) == undisturbed, "the kill changed a score (I4)"


def test_an_attempt_that_was_killed_shows_as_an_attempt_without_an_end(lines: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert _child(home, lines, "node.scoring", 9).returncode == -signal.SIGKILL
    with closing(sqlite3.connect(home / "leadgraph.db")) as conn:
        held = conn.execute("SELECT COUNT(*) FROM lead WHERE attempt > 0 AND lease_until > 0").fetchone()[0]
    assert held > 0
