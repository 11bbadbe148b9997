"""Kills at random moments: three workers and a door on one home, any of the four killed and started again."""

import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.made_up import one as made_up
from domain.instants import SECOND, Instant, instant
from tests.crash.crew import BATCH, door, worker
from tests.crash.hot import START, hot_lead, raw
from tests.crash.judging import Found, broken_promises, drained
from tests.crash.place import Place, place_in
from tests.crash.processes import Child, start, wait

WORKERS: Final = ("w1", "w2", "w3")
HOT_SHARE: Final = 0.4
MERGES: Final = 3
PAUSE_S: Final = (0.1, 2.0)
"""Between two kills."""
LEFT: Final = (
    "SELECT (SELECT count(*) FROM signal WHERE state = 'waiting')"
    " + (SELECT count(*) FROM outbox WHERE state IN ('proposed', 'sending', 'waiting'))"
)
NOISE: Final = (
    ("web.page_view", {"page": "pricing", "section": "plans", "duration_s": 31}),
    ("web.session", {"type": "website", "pages": 5, "pricing_pages": 1, "duration_s": 240}),
    ("product.feature_used", {"feature": "export", "count": 3}),
    ("marketing.content", {"content": "buyers-guide"}),
)


@dataclass
class Round:
    """One round: its own home, signals, victims and moments, all drawn from `seed`."""

    seed: int
    kills: int
    leads: int
    told: Counter[str] = field(default_factory=Counter)
    """Kills by victim, and restarts that had to be tried again."""

    def run(self, scratch: Path) -> tuple[Found, list[str]]:
        """Play it, and judge by the files: what was found, and the promises that were broken."""
        file = scratch / "signals.jsonl"
        scratch.mkdir(parents=True, exist_ok=True)
        refs = write_signals(file, self.leads, self.seed)
        whole = _played(place_in(scratch / "whole"), file)
        place = place_in(scratch / "killed")
        batches = len(file.read_bytes().splitlines()) / BATCH
        self._kill_at_random(Crew(place, file, self.told, self.kills * sum(PAUSE_S) / 2 / batches))
        found = drained(place)
        return found, broken_promises(found, refs, whole.scores)

    def _kill_at_random(self, crew: "Crew") -> None:
        dice = random.Random(f"kills/{self.seed}")
        crew.begin()
        for _ in range(self.kills):
            time.sleep(dice.uniform(*PAUSE_S))
            crew.kill(dice.choice(sorted(crew.hands)))
        crew.finish()


@dataclass
class Crew:
    """The four processes."""

    place: Place
    file: Path
    told: Counter[str]
    pause_s: float = 0.0
    """Between two batches: the door sends until the last kill."""
    hands: dict[str, Child] = field(default_factory=dict)

    @property
    def acked(self) -> Path:
        """Where the door writes how many lines were acknowledged."""
        return self.place.folder / "acked"

    def begin(self) -> None:
        """Start all, and wait until all are at work."""
        for name in (*WORKERS, "door"):
            self._start(name)
        for child in self.hands.values():
            child.until("open")

    def kill(self, name: str) -> None:
        """Kill one and start it again; one that had ended by itself, as it could not start, is started again too."""
        self.hands[name].send(signal.SIGKILL)
        code = self.hands[name].ended()
        self.told[f"killed {name}" if code == -signal.SIGKILL else "could not start"] += 1
        if code not in (-signal.SIGKILL, 1):
            raise AssertionError(f"{name} ended with {code}:\n{self.hands[name].said[-3000:]}")
        self._start(name)

    def finish(self) -> None:
        """Let the door send all that is left and the workers work it off; then all stop."""
        wait(self._all_done, "all is sent and worked off")
        for child in self.hands.values():
            child.send(signal.SIGTERM)
        for name, child in self.hands.items():
            code = child.ended()
            assert code in (0, -signal.SIGTERM), f"{name} ended with {code}:\n{child.said[-3000:]}"

    def _all_done(self) -> bool:
        for name, child in self.hands.items():
            if not child.alive:
                self.told["could not start"] += 1
                self._start(name)
        lines = len(self.file.read_bytes().splitlines())
        sent = self.acked.exists() and self.acked.read_text().split()[-1:] == [str(lines)]
        if not sent:
            return False
        with closing(sqlite3.connect(f"file:{self.place.home / 'leadgraph.db'}?mode=ro", uri=True)) as conn:
            return bool(conn.execute(LEFT).fetchone() == (0,))

    def _start(self, name: str) -> None:
        said = self.place.folder / f"{name}.txt"
        if name == "door":
            self.hands[name] = start(door, self.place, self.file, self.acked, self.pause_s, file=said)
        else:
            self.hands[name] = start(worker, self.place, name, file=said)


def write_signals(file: Path, leads: int, seed: int) -> list[str]:
    """Signals of hot and of lukewarm leads in any order, some of them twice; the refs that must be there at the end."""
    dice = random.Random(f"signals/{seed}")
    raws = [one for number in range(leads) for one in _of_lead(number, dice)]
    raws += [_alias(2 * n, 2 * n + 1) for n in range(min(MERGES, leads // 4))]
    raws += dice.sample(raws, len(raws) // 20)
    dice.shuffle(raws)
    file.write_bytes(b"\n".join(orjson.dumps(one) for one in raws) + b"\n")
    return sorted({f"{one['source']}:{one['id']}" for one in raws})


def _of_lead(number: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    name = f"lead-{number}"
    if dice.random() < HOT_SHARE:
        yield from hot_lead(dice.choice((20_000, 30_000, 120_000)), name)
    for n in range(dice.randrange(2, 6)):
        kind, payload = dice.choice(NOISE)
        at = Instant(instant(START) + dice.randrange(28 * 60) * SECOND)
        yield {**made_up(number, f"{name}-n{n}", kind, dict(payload), at), **_of(name)}


def _of(name: str) -> dict[str, Any]:
    return {"keys": [{"kind": "crm_id", "value": name}], "region": "us"}


def _alias(one: int, other: int) -> dict[str, Any]:
    keys = [{"kind": "crm_id", "value": f"lead-{number}"} for number in (one, other)]
    return {**raw(f"joined-{one}", "identity.alias", {}, minute=9), "keys": keys}


def _played(place: Place, file: Path) -> Found:
    """The same signals with nobody killed."""
    crew = Crew(place, file, Counter())
    crew.begin()
    crew.finish()
    return drained(place)
