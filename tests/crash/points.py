"""A kill of a real process at one boundary, then a restart; what the files of both sides say afterwards."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory
from typing import Any, Final

import orjson

from app import Toolbox, open_home
from benchmarks.made_up import START, signals
from domain.action import ActionState
from domain.instants import HOUR
from domain.ports.home import Home
from graph.build import build_graph
from surfaces.receipts import compared
from surfaces.scoring import as_record, score_all
from surfaces.worker import deps_of
from tests.crash.acting import AMOUNTS, acting
from tests.crash.child import child
from tests.crash.processes import start

LEADS, EACH = 12, 10
AS_OF: Final = START + 20 * HOUR
ENDED: Final = {ActionState.DONE, ActionState.COMPENSATED, ActionState.EXPIRED}
TRANSITIONS: Final = ["ingestion", "intent", "scoring", "policy"]
EFFECTS: Final = "SELECT effect_key FROM outbox WHERE state <> 'expired' AND kind <> 'upsert_score'"
"""A score is written again and again under one key; of everything else there is one of a key."""


@dataclass(frozen=True)
class Undisturbed:
    """A run that was left in peace: how often each point is reached, and the scores at its end."""

    reached: Mapping[str, int]
    scores: list[dict[str, Any]]


@dataclass(frozen=True)
class Case:
    """A kill at `point`, the `nth` time that it is reached."""

    part: str
    """``taking in`` (tests/crash/child.py) or ``acting`` (tests/crash/acting.py)."""
    point: str
    nth: int

    def run(self, scratch: Path) -> list[str]:
        """Kill, start again, judge: the promises that were broken. Raises: AssertionError if it was not killed."""
        return PARTS[self.part](scratch, self.point, self.nth)


def taken_in(scratch: Path, point: str, nth: int) -> list[str]:
    home, whole = _new_home(scratch), undisturbed()
    killed, said = _ran(scratch, child, home, _lines(scratch), point, nth)
    assert killed == -signal.SIGKILL, f"{point} was not reached {nth} times: {said[-500:]}"
    acked = max((int(w.split()[1]) for w in said.splitlines() if w.startswith("acked")), default=0)
    before = files(home)
    again, said = _ran(scratch, child, home, _lines(scratch), "none", 1)
    assert again == 0, said[-2000:]
    after = files(home)
    ended = {row["run_id"] for row in after["rows"] if row["step"] == "run"}
    steps: dict[str, list[str]] = {}
    for row in after["rows"]:
        steps.setdefault(row["run_id"], []).append(row["step"])
    return broken(
        {
            "an acknowledged signal is not on disk (I1)": sum(before["states"].values()) >= acked,
            "a signal did not end applied, once (I1)": after["states"] == {"applied": LEADS * EACH},
            "an effect is there twice (I2)": len(after["effects"]) == len(set(after["effects"])),
            "an effect or decision is without its rows (I3)": after["behind"] <= after["decided"] <= ended,
            "a transition is not on record (I3)": all(
                steps[run][:4] == TRANSITIONS for run in after["decided"]
            ),
            "the kill changed a score (I4)": scores(home) == whole.scores,
        }
    )


def acted(scratch: Path, point: str, nth: int) -> list[str]:
    home = _new_home(scratch)
    killed, said = _ran(scratch, acting, home, point, nth)
    assert killed == -signal.SIGKILL, f"{point} was not reached {nth} times: {said[-500:]}"
    again, said = _ran(scratch, acting, home, "none", 1)
    assert again == 0, said[-2000:]
    return acted_badly(home)


def acted_badly(folder: Path) -> list[str]:
    """What is wrong at the end of acting, by the CRM's file and by ours."""
    with open_home(virtual_clock=True, home=folder, exclusive=False) as home:
        ledger = Toolbox().crm_ledger(home)
        both = asyncio.run(compared(home, ledger))
        rows = asyncio.run(home.outbox.rows(home.tenant, limit=1_000))
    with closing(sqlite3.connect(folder / "crm.db")) as conn:
        query = "SELECT open, count(*) FROM item WHERE what = 'task' GROUP BY open"
        tasks = dict(conn.execute(query).fetchall())
    attempted = {step.key for row in rows if row.attempt for step in row.steps}
    return broken(
        {
            "the CRM did something twice (I2)": both.doubled == (),
            "the two sides do not agree (I2)": both.equal,
            "an effect is without an attempt on record (I3)": {k.removesuffix("/undo") for k, _ in ledger}
            <= attempted,
            "something is half done (I1)": {row.state for row in rows} <= ENDED,
            "not a task of each lead, one of them taken back (I2, I5)": tasks == {1: len(AMOUNTS) - 1, 0: 1},
        }
    )


PARTS: Final[Mapping[str, Callable[[Path, str, int], list[str]]]] = {"taking in": taken_in, "acting": acted}


def broken(promises: Mapping[str, bool]) -> list[str]:
    """Those that do not hold."""
    return [words for words, holds in promises.items() if not holds]


@cache
def undisturbed() -> Undisturbed:
    """Of taking in."""
    with TemporaryDirectory(prefix="crash-") as folder:
        scratch = Path(folder)
        code, said = _ran(scratch, child, _new_home(scratch), _lines(scratch), "none", 1)
        assert code == 0, said[-2000:]
        return Undisturbed(_reached(said), scores(scratch / "home"))


@cache
def undisturbed_acting() -> Mapping[str, int]:
    """How often each point of acting is reached."""
    with TemporaryDirectory(prefix="crash-") as folder:
        code, said = _ran(Path(folder), acting, _new_home(Path(folder)), "none", 1)
        assert code == 0, said[-2000:]
        return _reached(said)


def files(home: Path) -> dict[str, Any]:
    """What the store's file says, read without any code of the project."""
    with closing(sqlite3.connect(f"file:{home / 'leadgraph.db'}?mode=ro", uri=True)) as conn:

        def column(query: str) -> list[Any]:
            return [row[0] for row in conn.execute(query)]

        behind = "SELECT d.run_id FROM decision d JOIN outbox o USING (decision_id)"
        bodies = column("SELECT body FROM audit ORDER BY tenant, writer, seq")
        return {
            "effects": column(EFFECTS),
            "states": dict(conn.execute("SELECT state, COUNT(*) FROM signal GROUP BY state").fetchall()),
            "decided": set(column("SELECT run_id FROM decision")),
            "behind": set(column(behind)),
            "rows": [json.loads(body) for body in bodies],
        }


def scores(folder: Path) -> list[dict[str, Any]]:
    """Every lead's score and features as of one time, without the ids that differ from home to home."""
    with open_home(virtual_clock=True, home=folder) as home:
        return asyncio.run(asked(home, AS_OF))


async def asked(home: Home, as_of: int) -> list[dict[str, Any]]:
    graph, deps = build_graph(), deps_of(home)
    found = [as_record(one, features=True) async for one in score_all(home, graph, deps, as_of)]
    return sorted(found, key=lambda record: str(record["keys"]))


@cache
def _empty() -> "TemporaryDirectory[str]":
    """A home with nothing in it: making one takes longer than copying it."""
    folder = TemporaryDirectory(prefix="crash-")
    with open_home(virtual_clock=True, home=Path(folder.name) / "home"):
        return folder


def _new_home(scratch: Path) -> Path:
    return Path(copytree(Path(_empty().name) / "home", scratch / "home"))


def _lines(scratch: Path) -> Path:
    file = scratch / "signals.jsonl"
    if not file.exists():
        file.write_bytes(b"\n".join(orjson.dumps(raw) for raw in signals(LEADS, EACH, seed=4)) + b"\n")
    return file


def _ran(scratch: Path, run: Callable[..., None], *given: object) -> tuple[int, str]:
    said = scratch / "said.txt"
    said.unlink(missing_ok=True)
    one = start(run, *given, file=said)
    return one.ended(), one.said


def _reached(said: str) -> Mapping[str, int]:
    (line,) = [line for line in said.splitlines() if line.startswith("reached ")]
    found: dict[str, int] = orjson.loads(line.removeprefix("reached "))
    return found
