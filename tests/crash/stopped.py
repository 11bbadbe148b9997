"""A worker process that is stopped (SIGSTOP) in the middle of its work for longer than its lease, then continued.

Another one takes over meanwhile. What the stopped one still does must change nothing.
"""

import asyncio
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import orjson

from domain.instants import SECOND
from surfaces.door import take
from tests.crash.crew import halted, in_time
from tests.crash.hot import hot_lead
from tests.crash.judging import Found, broken_promises, drained
from tests.crash.load import LEFT
from tests.crash.place import Place, place_in
from tests.crash.points import TRANSITIONS
from tests.crash.processes import PATIENCE_S, Child, start, wait
from tools.store.engine import BUSY_MS

SHORT: Final = 2 * SECOND
REAL: Final = 30 * SECOND
OUTSIDE: Final = ("node.scoring", "target.before", "target.after")
"""In the middle of a run; between noted and sent; between sent and recorded."""
TRIES: Final = 8
LATE_S: Final = 6
"""Seconds that the other one may take, on a busy machine, until it asks for the store."""
INSIDE: Final = ("commit.before_commit", "outbox.finish.before_commit")
"""In the middle of a transaction: the stopped process holds the store, so the other can only wait."""
REFS: Final = tuple(f"web:lead-1-s{n}" for n in range(1, 5))


@dataclass(frozen=True)
class Stopped:
    """What came of it."""

    found: Found
    counted: Mapping[str, Counter[str]]
    """Worker -> what it did, deciding and delivering together."""

    @property
    def deciders(self) -> list[str]:
        """The worker behind each decision, by the audit rows of its run."""
        runs = set(self.found.decisions.values())
        return [row["writer"] for row in self.found.audit if row["run_id"] in runs and row["step"] == "run"]

    @property
    def attempts(self) -> dict[str, list[str]]:
        """Action -> the workers that attempted it, in the order of their attempts."""
        rows = [row for row in self.found.audit if row["code"] == "attempt"]
        rows.sort(key=lambda row: row["detail"]["attempt"])
        return {
            action: [row["writer"] for row in rows if row["detail"]["action"] == action]
            for action in {row["detail"]["action"] for row in rows}
        }

    def broken(self) -> list[str]:
        """Promises that do not hold whoever did what."""
        promises = broken_promises(self.found, REFS, self.found.scores)
        runs = self.found.decisions.values()
        steps = [[r["step"] for r in self.found.audit if r["run_id"] == run] for run in runs]
        if len(self.found.decisions) != 1 or steps[0][: len(TRANSITIONS)] != TRANSITIONS:
            promises.append("not exactly one decision, with its rows")
        if sum(self.found.open_tasks.values()) != 1:
            promises.append("not exactly one task in the CRM")
        return promises


def stopped_at(scratch: Path, point: str, lease_us: int = SHORT) -> Stopped:
    """Stop w1 at `point`, let w2 take over when the lease has ended, continue w1, and let both finish."""
    return outside(scratch, lambda folder: _stopped(folder, point, lease_us))


def outside(scratch: Path, attempt: Callable[[Path], Stopped | None]) -> Stopped:
    """What came of the first `attempt` that stopped no process inside the store.

    A process has several loops: stopped at a point outside the store in one, it may stand inside it with another. Then
    the stop is taken back and tried again.
    """
    for n in range(TRIES):
        folder = scratch / str(n)
        folder.mkdir()
        ended = attempt(folder)
        if ended is not None:
            return ended
    raise AssertionError(f"{TRIES} times a process was stopped inside the store")


def inside(place: Place, crew: Mapping[str, Child]) -> bool:
    """Whether the stopped one of `crew` holds the store; then all of them are killed."""
    if not held(place):
        return False
    for child in crew.values():
        child.send(signal.SIGKILL)
    return True


def _stopped(scratch: Path, point: str, lease_us: int) -> Stopped | None:
    """None if w1 was stopped inside the store though `point` is outside."""
    place = place_in(scratch)
    crew = {
        "w1": start(halted, place, "w1", point, lease_us, file=scratch / "w1.txt"),
        "w2": start(halted, place, "w2", "none", lease_us, file=scratch / "w2.txt"),
    }
    for child in crew.values():
        child.until("open")
    send_hot_lead(place)
    go(place, "w1")
    crew["w1"].until("SIGSTOP")
    if point not in INSIDE and inside(place, crew):
        return None
    go(place, "w2")
    if point in INSIDE:
        time.sleep(BUSY_MS / 1_000 + LATE_S)
    else:
        wait(
            partial(worked_off, place),
            "the other one has taken over",
            patience_s=4 * lease_us / SECOND + PATIENCE_S,
        )
    crew["w1"].send(signal.SIGCONT)
    wait(partial(worked_off, place), "all is worked off")
    counted = {name: stop(child) for name, child in crew.items()}
    return Stopped(drained(place), counted)


def held(place: Place) -> bool:
    """Whether somebody holds the store for writing, though nobody but a stopped process works on it."""
    with closing(sqlite3.connect(place.home / "leadgraph.db", timeout=0.5)) as conn:
        try:
            conn.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        conn.rollback()
        return False


def send_hot_lead(place: Place) -> None:
    """A lead for which a task is made at once."""
    with place.beside("door") as home:
        asyncio.run(in_time(partial(take, home, list(enumerate(hot_lead(20_000))))))


def go(place: Place, writer: str) -> None:
    """Let a halted worker begin."""
    (place.folder / f"go-{writer}").touch()


def worked_off(place: Place) -> bool:
    """Whether the lead was decided on and everything proposed for it is over."""
    with closing(sqlite3.connect(f"file:{place.home / 'leadgraph.db'}?mode=ro", uri=True)) as conn:
        decided = conn.execute("SELECT count(*) FROM decision").fetchone()[0]
        return bool(decided and conn.execute(LEFT).fetchone() == (0,))


def stop(child: Child) -> Counter[str]:
    """End it by SIGTERM; what it says that it did."""
    child.send(signal.SIGTERM)
    code = child.ended()
    assert code == 0, f"it ended with {code}:\n{child.said[-3000:]}"
    (line,) = [line for line in child.said.splitlines() if line.startswith("worked ")]
    return Counter(orjson.loads(line.removeprefix("worked ")))
